"""Parameters that notice whether anybody read them: one that is ignored would lie to a test."""

from typing import Any

# Known to Stripe, and without effect here or in the request they came with.
WITHOUT_EFFECT = frozenset(
    {
        "billing_address_collection",
        "created",
        "customer_update",
        "ending_before",
        "invoicing_behavior",
        "limit",
        "locale",
        "managed_payments",
        "payment_behavior",
        "payment_method_types",
        "proration_behavior",
        "proration_date",
        "saved_payment_method_options",
        "starting_after",
        "submit_type",
        "tax_id_collection",
    }
)


class Asked(dict[str, Any]):
    """The parameters of a call, which remember what was read."""

    def __init__(self, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._read: set[str] = set()

    @property
    def unread(self) -> set[str]:
        """The names that nobody has looked at."""
        return set(self) - self._read

    def __getitem__(self, name: str) -> Any:
        self._read.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._read.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a parameter, or the default."""
        self._read.add(name)
        return super().get(name, default)
