"""What can be done to a subscription at Stripe: change, pause, resume, end."""

from typing import Any

from earlywatch.clients.stripe_base import StripeBase, in_our_words, once
from earlywatch.clients.stripe_shapes import Preview, StripeRefused, SubscriptionSeen, Tariff

NOW: Any = {"type": "now"}
NOTHING: Any = {"type": "none"}


class SubscriptionCalls(StripeBase):
    """Every call takes an idempotency key; `key` is made from the action's id."""

    def preview_change(self, seen: SubscriptionSeen, tariff: Tariff, at: int) -> Preview:
        """Return what changing to `tariff` at the Unix time `at` would cost."""
        details = {
            "items": [self.item(seen, tariff)],
            "proration_behavior": "always_invoice",
            "proration_date": at,
        }
        return self.preview({"subscription": seen.id, "subscription_details": details})

    def change(self, seen: SubscriptionSeen, tariff: Tariff, at: int, key: str) -> None:
        """Change plan, amount or interval; it takes effect once what is due is paid."""
        params: Any = {
            "items": [self.item(seen, tariff)],
            "proration_behavior": "always_invoice",
            "proration_date": at,
            "payment_behavior": "pending_if_incomplete",
        }
        with in_our_words():
            self.v1.subscriptions.update(seen.id, params, once(key))

    def preview_pause(self, seen: SubscriptionSeen) -> int:
        """Return what is credited when pausing now, in cents (0 or more)."""
        pause = {"bill_for": {"unused_time_from": NOW}, "invoicing_behavior": "invoice"}
        try:
            details = {"pause": pause}
            found = self.preview({"subscription": seen.id, "subscription_details": details})
        except StripeRefused:
            return 0  # there is no preview of nothing: the period was free, or has just ended
        return max(0, -found.total)

    def pause(self, subscription_id: str, key: str, *, credit: bool) -> None:
        """Stop charging; with `credit`, unused time waits as a credit for the resumption."""
        params: Any = {
            "bill_for": {"unused_time_from": NOW if credit else NOTHING},
            "invoicing_behavior": "pending_invoice_item",
        }
        with in_our_words():
            self.v1.subscriptions.pause(subscription_id, params, once(key))

    def pause_collection(self, subscription_id: str, key: str) -> None:
        """Stop charging where the billing mode knows no real pause; the credit is ours to give."""
        params: Any = {"pause_collection": {"behavior": "void"}}
        with in_our_words():
            self.v1.subscriptions.update(subscription_id, params, once(key))

    def preview_resume(self, seen: SubscriptionSeen) -> Preview:
        """Return what resuming now would cost."""
        details: dict[str, Any] = {"resume_at": "now"}
        if seen.collection_paused:
            details = {"billing_cycle_anchor": NOW, "proration_behavior": "none"}
        return self.preview({"subscription": seen.id, "subscription_details": details})

    def resume(self, subscription_id: str, key: str) -> None:
        """Begin a new period; without a successful payment the subscription stays paused."""
        params: Any = {
            "billing_cycle_anchor": NOW,
            "payment_behavior": "resume_on_payment_success",
        }
        with in_our_words():
            self.v1.subscriptions.resume(subscription_id, params, once(key))

    def resume_collection(self, subscription_id: str, key: str) -> None:
        """Begin a new period after `pause_collection`. CardDeclined: nothing has changed."""
        params: Any = {
            "pause_collection": "",
            "billing_cycle_anchor": NOW,
            "proration_behavior": "none",
            "payment_behavior": "error_if_incomplete",
        }
        with in_our_words():
            self.v1.subscriptions.update(subscription_id, params, once(key))

    def set_end(self, subscription_id: str, key: str, *, at_period_end: bool) -> None:
        """Let the subscription end with its period, or take that back."""
        with in_our_words():
            self.v1.subscriptions.update(
                subscription_id, {"cancel_at_period_end": at_period_end}, once(key)
            )

    def cancel(self, subscription_id: str) -> None:
        """End it now. What is to be given back is refunded apart; nothing is credited.

        May be repeated: Stripe forgets idempotency keys of deletions, and does not know a
        subscription any more that it has ended.
        """
        try:
            with in_our_words():
                self.v1.subscriptions.cancel(subscription_id, {"prorate": False})
        except StripeRefused as error:
            if error.code != "resource_missing":
                raise
