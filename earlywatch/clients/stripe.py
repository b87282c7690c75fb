"""The door to Stripe: customers, checkout, portal; see its bases for the rest.

API version and SDK are pinned together; what comes back is made into `stripe_shapes`.
"""

import logging
from collections.abc import Container, Iterable
from typing import Any

from earlywatch.clients.stripe_base import in_our_words, once
from earlywatch.clients.stripe_events import EventCalls
from earlywatch.clients.stripe_money import MoneyCalls
from earlywatch.clients.stripe_reading import (
    NotOurs,
    id_of,
    read_card,
    read_checkout,
    read_invoice,
    read_payment,
    read_subscription,
    subscription_of,
)
from earlywatch.clients.stripe_setup import find_portal
from earlywatch.clients.stripe_shapes import (
    Card,
    Checkout,
    CustomerSeen,
    InvoiceSeen,
    PaymentSeen,
    Preview,
    StripeRefused,
    SubscriptionSeen,
    Tariff,
)
from earlywatch.clients.stripe_subscriptions import SubscriptionCalls
from earlywatch.domain.plans import LIVE

logger = logging.getLogger(__name__)

INVOICES_READ = 24


class Stripe(SubscriptionCalls, MoneyCalls, EventCalls):
    """Everything we ask of Stripe. Raises StripeAway, StripeRefused or CardDeclined."""

    def create_customer(self, email: str, name: str, workspace_id: int, key: str) -> str:
        """Return the id of a new customer."""
        params: Any = {
            "email": email,
            "name": name,
            "metadata": {"workspace_id": str(workspace_id)},
        }
        with in_our_words():
            return self.v1.customers.create(params, once(key)).id

    def has_customer(self, customer_id: str) -> bool:
        """Whether Stripe still knows this customer."""
        with in_our_words():
            return not getattr(self.v1.customers.retrieve(customer_id), "deleted", False)

    def see_customer(self, customer_id: str) -> CustomerSeen:
        """Return all that matters of a customer: five to seven calls."""
        with in_our_words():
            # Nothing to expand: one that was deleted at Stripe is but an id.
            customer = self.v1.customers.retrieve(customer_id)
            subscriptions = self._subscriptions(customer_id)
            balance = getattr(customer, "balance", 0) or 0
            seen = tuple(self._ours(subscriptions, balance))
            live = {each.id for each in seen if each.status in LIVE}
            strange = {each.id for each in subscriptions} - {each.id for each in seen}
            next_amount, next_discount = self._next(seen)
            return CustomerSeen(
                id=customer_id,
                balance=balance,
                card=self._card(customer, (each for each in subscriptions if each.id in live)),
                subscriptions=seen,
                invoices=tuple(self._invoices(customer_id, strange)),
                waiting=self._waiting(customer_id, strange),
                next_amount=next_amount,
                next_discount=next_discount,
            )

    def unite_cards(self, subscription_id: str) -> None:
        """Let a subscription be charged from its customer's default, which the portal changes.

        Of a card of its own and that default, the newer one is the default from then on. May be
        repeated.
        """
        both = ["default_payment_method", "customer.invoice_settings.default_payment_method"]
        with in_our_words():
            found: Any = self.v1.subscriptions.retrieve(subscription_id, {"expand": both})
            own, customer = found.default_payment_method, found.customer
            if own is None:
                return
            default = customer.invoice_settings.default_payment_method
            if default is None or default.created < own.created:
                settings: Any = {"default_payment_method": own.id}
                self.v1.customers.update(customer.id, {"invoice_settings": settings})
            self.v1.subscriptions.update(subscription_id, {"default_payment_method": ""})

    def _subscriptions(self, customer_id: str) -> list[Any]:
        params: Any = {
            "customer": customer_id,
            "status": "all",
            "limit": 20,
            "expand": ["data.default_payment_method", "data.latest_invoice"],
        }
        return self.v1.subscriptions.list(params).data

    def _invoices(self, customer_id: str, strange: Container[str | None]) -> Iterable[InvoiceSeen]:
        payments = self._payments(customer_id)
        params: Any = {
            "customer": customer_id,
            "limit": INVOICES_READ,
            "expand": ["data.payments"],
        }
        for each in self.v1.invoices.list(params).data:
            if each.status != "draft" and subscription_of(each) not in strange:
                yield read_invoice(each, payments)

    def _waiting(self, customer_id: str, strange: Container[str | None]) -> int:
        """Return the cents of what waits for the next invoice; negative: a credit."""
        params: Any = {"customer": customer_id, "pending": True, "limit": 100}
        items = self.v1.invoice_items.list(params).data
        return sum(each.amount for each in items if subscription_of(each) not in strange)

    def _ours(self, subscriptions: Iterable[Any], balance: int) -> Iterable[SubscriptionSeen]:
        """Read what is ours; whatever else the customer buys at this account is left alone."""
        for each in subscriptions:
            try:
                yield read_subscription(each, balance)
            except NotOurs as error:
                if each.id not in self._strangers:
                    self._strangers.add(each.id)
                    fields = {"subscription": each.id, "product": str(error)}
                    logger.warning("subscription to something else", extra=fields)

    def _card(self, customer: Any, live: Iterable[Any]) -> Card | None:
        """Return the card that the next charge would take: the subscription's own one first."""
        methods = (each.default_payment_method for each in live)
        own = next((method for method in methods if method), None)
        if own is not None:
            return read_card(own)
        settings = getattr(customer, "invoice_settings", None)
        default = settings.default_payment_method if settings else None
        return read_card(self.v1.payment_methods.retrieve(default)) if default else None

    def _payments(self, customer_id: str) -> dict[str, PaymentSeen]:
        params: Any = {"customer": customer_id, "limit": 100, "expand": ["data.refunds"]}
        return {
            payment: read_payment(charge)
            for charge in self.v1.charges.list(params).data
            if charge.paid and (payment := id_of(charge.payment_intent))
        }

    def _next(self, subscriptions: Iterable[SubscriptionSeen]) -> tuple[int | None, int]:
        """Return the cents of the next charge, or of a resumption now, and of its discount."""
        for seen in subscriptions:
            if seen.status == "paused" and seen.waiting_invoice:
                return seen.waiting_due, seen.waiting_discount
            preview = self._preview_next(seen)
            if preview:
                return preview.due, preview.discount
        return None, 0

    def _preview_next(self, seen: SubscriptionSeen) -> Preview | None:
        try:
            if seen.status == "paused" or (seen.status == "active" and seen.collection_paused):
                return self.preview_resume(seen)
            if seen.status == "active":
                kept = {"subscription_details": {"cancel_at_period_end": False}}
                return self.preview({"subscription": seen.id} | (kept if seen.ends_at else {}))
        except StripeRefused:
            logger.warning("next amount unknown", extra={"subscription": seen.id})
        return None

    def open_checkout(
        self,
        customer_id: str,
        workspace_id: int,
        tariff: Tariff,
        back: tuple[str, str],
        key: str,
    ) -> Checkout:
        """Return a page where the subscription is paid.

        `back` is where success and a change of mind lead; the first URL may hold
        {CHECKOUT_SESSION_ID}, which Stripe fills in.
        """
        params: Any = {
            "mode": "subscription",
            "customer": customer_id,
            "client_reference_id": str(workspace_id),
            "line_items": [{"quantity": 1, **self.priced(tariff)}],
            "success_url": back[0],
            "cancel_url": back[1],
            "automatic_tax": {"enabled": self.tax},
            "subscription_data": {
                "billing_mode": {"type": "flexible"},
                "metadata": {"workspace_id": str(workspace_id)},
            },
        }
        if self.tax:
            params["customer_update"] = {"address": "auto"}
        if self.promotions:
            params["allow_promotion_codes"] = True
        with in_our_words():
            return read_checkout(self.v1.checkout.sessions.create(params, once(key)))

    def see_checkout(self, session_id: str) -> Checkout:
        """Return what became of a checkout page."""
        with in_our_words():
            return read_checkout(self.v1.checkout.sessions.retrieve(session_id))

    def close_checkouts(self, customer_id: str) -> None:
        """Close the customer's open checkout pages, so that nobody pays twice in two tabs."""
        with in_our_words():
            found = self.v1.checkout.sessions.list({"customer": customer_id, "status": "open"})
            for session in found.data:
                self.v1.checkout.sessions.expire(session.id)

    def portal_url(self, customer_id: str, back: str) -> str:
        """Return a page of Stripe's where the card can be changed; it leads to `back`."""
        params: Any = {
            "customer": customer_id,
            "return_url": back,
            "flow_data": {
                "type": "payment_method_update",
                "after_completion": {"type": "redirect", "redirect": {"return_url": back}},
            },
        }
        with in_our_words():
            if ours := find_portal(self):  # else the account's default, if it has one
                params["configuration"] = ours.id
            return self.v1.billing_portal.sessions.create(params).url

    def document_urls(self, invoice_id: str) -> tuple[str | None, str | None]:
        """Return where an invoice can be seen or paid, and its PDF; both links age."""
        with in_our_words():
            invoice = self.v1.invoices.retrieve(invoice_id)
            return invoice.hosted_invoice_url, invoice.invoice_pdf
