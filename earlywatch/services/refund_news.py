"""Money on its way back to a card: a line of the history each, and a mail where no act tells it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from earlywatch.clients.stripe_shapes import InvoiceSeen, RefundSeen
from earlywatch.domain import billing_letters as letters
from earlywatch.domain.money import Money
from earlywatch.models import BillingAction
from earlywatch.models.billing import ActionKind
from earlywatch.services import billing_mails, history
from earlywatch.services.billing_mails import Whom

KIND = "refunded"
BY_HAND = "It was given back by hand."
SECOND = "A second subscription was paid. It was cancelled, and all that it took is given back."


def tell_refunds(session: Session, workspace_id: int, invoice: InvoiceSeen, now: datetime) -> None:
    """Tell once of each refund of an invoice."""
    for refund in invoice.refunds:
        _tell(session, workspace_id, invoice, refund, now)


def _tell(
    session: Session, workspace_id: int, invoice: InvoiceSeen, refund: RefundSeen, now: datetime
) -> None:
    act, back = _act(session, workspace_id, refund), Money(refund.cents, invoice.currency)
    actor = act.actor if act else history.STRIPE
    sentence = f"{back.words} of invoice {invoice.number or invoice.id} given back to the card."
    if not history.add(session, workspace_id, KIND, refund.id, actor, sentence, now, -back):
        return
    if act is None:
        _mail(session, workspace_id, refund.id, back, BY_HAND, now)
    elif act.kind == ActionKind.REFUND and "subscription" in act.details:
        back = Money(sum(act.details["refunds"].values()), invoice.currency)
        _mail(session, workspace_id, str(act.id), back, SECOND, now)


def _mail(
    session: Session, workspace_id: int, about: str, back: Money, why: str, now: datetime
) -> None:
    letter = letters.refunded(amount=back, why=why)
    billing_mails.tell(session, workspace_id, KIND, about, letter, now, Whom.OWNERS)


def _act(session: Session, workspace_id: int, refund: RefundSeen) -> BillingAction | None:
    """Return which act of the workspace gives the money back; None if somebody did at Stripe."""
    try:
        act = session.get(BillingAction, UUID(refund.action_id or ""))
    except ValueError:
        return None
    return act if act and act.workspace_id == workspace_id else None
