"""The Stripe of the tests: a real HTTP server on loopback for the real SDK.

It is API 2026-10-28.endive as far as Earlywatch uses it, with memory instead of a database
and a clock that a test moves:

    with FakeStripe(now=NOW, webhook_url=URL) as stripe:
        client = StripeClient("sk_test_earlywatch", base_addresses={"api": stripe.url})
        ...
        stripe.advance(by=timedelta(days=31))  # or to=...: what is due happens in its order
        stripe.deliver()  # webhooks that wait; by default a thread sends them at once

- **Pages** without script: `session.url` of Checkout and portal, `invoice.hosted_invoice_url`.
  Forms post `card`, `code` and `do` (pay, confirm, save) to their own address.
- **Cards**: the numbers of Stripe's documentation, in `cards.py`; by API also `pm_card_visa`,
  `pm_card_chargeCustomerFail` and so on, as in Stripe's test mode.
- **Webhooks**: `faults.duplicate`, `.reorder`, `.delay`, `.lose`; `undelivered`; `emit()`.
  `deliver_by_itself=False` sends only on `deliver()`; `send=` replaces the HTTP request.
- **Banks**: `dispute(charge)`, `close_dispute(...)`, `fraud_warning(charge)`, `replace_card(...)`.
- **Outages**: `down()`, `hang(seconds)`, `fail_after_effect(calls, drop=...)`, each also as a
  `with` block, ended by `up()`.
- **Looking in**: `get(id)`, `all("invoice", customer=...)`, `ledger(customer)`.
- **Rules** of the account (`rules=Rules(...)`): retries, what follows the last, hours as draft.

Traps, all of them Stripe's own: a renewal's invoice is a draft for an hour before it is charged;
pausing does not stop a draft or an open invoice that exists already; a cancellation with neither
`prorate` nor `invoice_now` throws prorations away that wait for an invoice; amounts below
50 cents are not charged but wait on the customer's balance.

One choice where Stripe's documentation is silent: when an invoice that resumes a subscription or
carries a pending update is voided, the credits it had taken along wait for the next invoice.
"""

from tests.fakes.stripe.fake import WEBHOOK_SECRET, FakeStripe
from tests.fakes.stripe.ledger import Entry
from tests.fakes.stripe.state import Rules

__all__ = ["WEBHOOK_SECRET", "Entry", "FakeStripe", "Rules"]
