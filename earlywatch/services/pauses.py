"""How long a pause lasts: that is ours to know, Stripe is told when it ends."""

from datetime import datetime

from sqlalchemy.orm import Session

from earlywatch.domain import billing_letters as letters
from earlywatch.domain.pausing import LAST_REMINDER
from earlywatch.domain.plans import PLANS, PlanName
from earlywatch.domain.words import date_words
from earlywatch.errors import EarlywatchError
from earlywatch.models import Subscription, Workspace
from earlywatch.services import billing_mails, history
from earlywatch.services.billing_mails import Whom


class NotPaused(EarlywatchError):
    """There is no pause to extend, or it would end too soon."""


def extend(
    session: Session, workspace_id: int, actor: str, until: datetime | None, now: datetime
) -> str:
    """Let the pause last until a moment (UTC), None: until the owner comes back.

    Return a sentence. Raises NotPaused.
    """
    row = Subscription.lock(session, workspace_id)
    if row is None or row.status != "paused":
        raise NotPaused("The subscription is not paused, so there is nothing to extend.")
    if until is not None and until <= now + LAST_REMINDER:
        raise NotPaused("A pause lasts at least until the day after tomorrow.")
    row.pause_until = until
    zone = session.get_one(Workspace, workspace_id).time_zone
    sentence, about = f"The pause lasts {ending(until, zone)} now.", now.isoformat()
    history.add(session, workspace_id, "extended", about, actor, sentence, now)
    letter = letters.extended(
        plan=_label(row),
        until=until,
        zone=zone,
        now=now,
    )
    billing_mails.tell(session, workspace_id, "extended", about, letter, now, Whom.OWNERS)
    return sentence


def tell_declined(
    session: Session, workspace_id: int, about: str, reason: str, now: datetime
) -> None:
    """Say that a pause could not end, where no invoice is left that would say so.

    `reason` is a sentence.
    """
    row = session.get_one(Subscription, workspace_id)
    letter = letters.resume_failed(plan=_label(row), reason=reason)
    billing_mails.tell(session, workspace_id, "resume_failed", about, letter, now, Whom.OWNERS)


def ending(until: datetime | None, zone: str) -> str:
    """Return when a pause ends, in words."""
    return f"until {date_words(until, zone)}" if until else "until you come back"


def _label(row: Subscription) -> str:
    return PLANS[PlanName(row.plan or PlanName.FREE)].label
