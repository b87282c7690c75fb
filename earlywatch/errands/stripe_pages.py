"""Pages of Stripe's that people are led to: paying, the card, an invoice."""

from datetime import datetime
from uuid import UUID, uuid5

from earlywatch.clients.stripe_shapes import Tariff
from earlywatch.db import transaction
from earlywatch.errands.acting import act
from earlywatch.errands.door import stripe
from earlywatch.errands.offers import NotPossible
from earlywatch.errors import NotFound
from earlywatch.models import Account, BillingAction, Invoice, Subscription, Workspace
from earlywatch.models.billing import ActionKind
from earlywatch.services import billing_actions, plans, subscriptions
from earlywatch.services.billing_actions import Pressed
from earlywatch.services.wiring import wiring

NOTHING_TO_BUY = (
    "Your workspace is from before plans were sold here: it has no limits and stays so, and there"
    " is nothing to buy."
)


def subscribe(
    workspace_id: int, account: Account, tariff: Tariff, action_id: UUID, now: datetime
) -> str:
    """Return the address of a page where `tariff` is paid. Raises NotPossible.

    The same form with the same choice leads to the same page, as long as that is open.
    """
    if account.email_confirmed_at is None:
        raise NotPossible("Confirm your email address first: receipts and reminders go there.")
    with transaction() as session:
        if plans.without_limits(session.get_one(Workspace, workspace_id)):
            raise NotPossible(NOTHING_TO_BUY)
    details = {
        "plan": tariff.plan.value,
        "every": tariff.every.value,
        "amount": tariff.price.cents,
    }
    press = uuid5(action_id, " ".join(map(str, details.values())))
    while before := _opened(workspace_id, press):
        if there := _still_leads_to(before):
            return there
        press = uuid5(press, "closed")

    def work() -> str:
        customer_id = _customer(workspace_id, account, press)
        stripe().close_checkouts(customer_id)
        return _open(customer_id, workspace_id, tariff, press)

    pressed = Pressed(press, workspace_id, account.email, ActionKind.SUBSCRIBE, details)
    return act(pressed, work, now)


def _opened(workspace_id: int, press: UUID) -> str | None:
    """Return the checkout that a press opened before."""
    with transaction() as session:
        known = session.get(BillingAction, press, populate_existing=True)
    if known is None or known.workspace_id != workspace_id:
        return None
    found: str | None = known.details.get("checkout")
    return found


def _still_leads_to(checkout_id: str) -> str | None:
    """Return the page of a checkout, or the one that waits for its payment; None: it is closed."""
    checkout = stripe().see_checkout(checkout_id)
    if checkout.complete:
        return f"{wiring().settings.base_url}/billing/return?session_id={checkout.id}"
    return checkout.url


def portal_url(workspace_id: int, back: str) -> str:
    """Return where the card can be changed; that page leads back to `back`. Raises NotFound."""
    return stripe().portal_url(_row(workspace_id).customer_id, back)


def document_urls(workspace_id: int, invoice_id: str) -> tuple[str | None, str | None]:
    """Return where one of the workspace's invoices can be seen and its PDF. Raises NotFound."""
    with transaction() as session:
        invoice = session.get(Invoice, invoice_id)
    if invoice is None or invoice.workspace_id != workspace_id:
        raise NotFound("There is no such invoice.")
    return stripe().document_urls(invoice_id)


def _open(customer_id: str, workspace_id: int, tariff: Tariff, press: UUID) -> str:
    base = wiring().settings.base_url
    back = (f"{base}/billing/return?session_id={{CHECKOUT_SESSION_ID}}", f"{base}/pricing")
    key = f"{press}-checkout"
    checkout = stripe().open_checkout(customer_id, workspace_id, tariff, back, key)
    with transaction() as session:
        billing_actions.note(session, press, checkout=checkout.id)
    if checkout.url is None:
        raise NotPossible("That page was closed in the meantime. Press the button once more.")
    return checkout.url


def _customer(workspace_id: int, account: Account, press: UUID) -> str:
    """Return who the workspace is at Stripe; the first time, it becomes somebody."""
    with transaction() as session:
        row = subscriptions.find(session, workspace_id)
    if row and row.live:
        raise NotPossible("You have a subscription already. It can be changed under Billing.")
    if row and stripe().has_customer(row.customer_id):
        return row.customer_id
    name, key = account.email.partition("@")[0], f"{press}-customer"
    customer_id = stripe().create_customer(account.email, name, workspace_id, key)
    with transaction() as session:
        gone = row.customer_id if row else None
        return subscriptions.set_customer(session, workspace_id, customer_id, gone)


def _row(workspace_id: int) -> Subscription:
    with transaction() as session:
        row = subscriptions.find(session, workspace_id)
    if row is None:
        raise NotFound("There is no subscription yet.")
    return row
