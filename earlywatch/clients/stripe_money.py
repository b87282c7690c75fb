"""Giving money back through Stripe: refunds to a card, credits to a balance."""

from typing import Any

from earlywatch.clients.stripe_base import StripeBase, in_our_words, once
from earlywatch.clients.stripe_reading import HOLDING, action_of, subscription_of


class MoneyCalls(StripeBase):
    """All amounts are in cents."""

    def drop_waiting(self, customer_id: str, subscription_id: str) -> None:
        """Delete what waits for a next invoice of a subscription, which will never come."""
        params: Any = {"customer": customer_id, "pending": True, "limit": 100}
        with in_our_words():
            for item in self.v1.invoice_items.list(params).data:
                if subscription_of(item) in {None, subscription_id}:
                    self.v1.invoice_items.delete(item.id)

    def refundable(self, payment_id: str) -> int:
        """Return how many cents of a payment can still be given back."""
        with in_our_words():
            payment = self.v1.payment_intents.retrieve(payment_id, {"expand": ["latest_charge"]})
            charge: Any = payment.latest_charge
            return charge.amount - charge.amount_refunded if charge else 0

    def refund(self, payment_id: str, cents: int, action_id: str, key: str) -> None:
        """Give `cents` of a payment back to its card."""
        params: Any = {
            "payment_intent": payment_id,
            "amount": cents,
            "metadata": {"action_id": action_id},
        }
        with in_our_words():
            self.v1.refunds.create(params, once(key))

    def refunded_for(self, payment_id: str, action_id: str) -> int:
        """Return how many cents of a payment an action has given back already, and that hold.

        Idempotency keys are forgotten after a day; a worker may come later than that.
        """
        with in_our_words():
            found = self.v1.refunds.list({"payment_intent": payment_id, "limit": 100}).data
        ours = (each for each in found if action_of(each) == action_id)
        return sum(refund.amount for refund in ours if refund.status in HOLDING)

    def pay(self, invoice_id: str, key: str) -> None:
        """Try to charge an open invoice once more. Raises CardDeclined."""
        with in_our_words():
            self.v1.invoices.pay(invoice_id, {}, once(key))

    def void_unpaid(self, subscription_id: str) -> None:
        """Take back what was asked for and not paid, drafts too."""
        params: Any = {"subscription": subscription_id, "limit": 100}
        with in_our_words():
            for invoice in self.v1.invoices.list(params).data:
                if invoice.status == "draft":  # that of a subscription cannot be deleted
                    self._void_draft(invoice.id)
                elif invoice.status == "open":
                    self.v1.invoices.void_invoice(invoice.id)

    def _void_draft(self, invoice_id: str) -> None:
        finalized = self.v1.invoices.finalize_invoice(invoice_id, {"auto_advance": False})
        if finalized.status == "open":  # a credit of the customer's may have paid it
            self.v1.invoices.void_invoice(invoice_id)

    def credit(self, customer_id: str, cents: int, currency: str, words: str, key: str) -> None:
        """Let `cents` count against the customer's next invoices; negative takes credit away."""
        params: Any = {"amount": -cents, "currency": currency, "description": words}
        with in_our_words():
            self.v1.customers.balance_transactions.create(customer_id, params, once(key))

    def has_credit(self, customer_id: str, words: str) -> bool:
        """Whether a credit with these words was given; keys are forgotten after a day."""
        with in_our_words():
            found = self.v1.customers.balance_transactions.list(customer_id, {"limit": 100}).data
        return any(each.description == words for each in found)
