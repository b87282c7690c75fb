"""Reminding people, with the exact figure of Stripe where a charge comes nearer."""

import logging
from datetime import datetime

from sqlalchemy.orm import Session

from earlywatch.db import transaction
from earlywatch.domain import billing_letters as letters
from earlywatch.domain.money import Money
from earlywatch.domain.plans import PLANS, PlanName
from earlywatch.errands import offers, operators
from earlywatch.errors import EarlywatchError
from earlywatch.models import Subscription, Workspace
from earlywatch.services import reminders
from earlywatch.services.reminders import Due

logger = logging.getLogger(__name__)


def remind(now: datetime) -> int:
    """Queue every reminder that is due at `now` (UTC); return how many mails.

    One that must name a charge waits while Stripe is away, and so does the charge: see
    `reminders.may_resume`.
    """
    with transaction() as session:
        waiting = reminders.waiting(session, now)
    return sum(_remind(due, now) for due in waiting)


def _remind(due: Due, now: datetime) -> int:
    fields = {"workspace_id": due.workspace_id, "reminder": due.kind.value}
    try:
        charge = _charge(due) if due.kind in reminders.BEFORE_RESUMPTION else None
        with transaction() as session:
            again = reminders.was_given_up(session, due)
            queued = reminders.remind(session, due, now, charge)
            if again and queued:
                _tell_operators(session, due, now)
            return queued
    except EarlywatchError as error:
        logger.warning("reminder waits", extra=fields | {"reason": str(error)})
    except Exception:  # one broken row must not stop the others
        logger.exception("reminder failed", extra=fields)
    return 0


def _tell_operators(session: Session, due: Due, now: datetime) -> None:
    workspace = session.get_one(Workspace, due.workspace_id)
    row = session.get_one(Subscription, due.workspace_id)
    plan = PLANS[PlanName(row.plan or PlanName.FREE)].label
    letter = letters.undelivered(workspace=workspace.name, plan=plan)
    about = due.at.isoformat()
    operators.tell(session, workspace.id, "reminder_undelivered", about, letter, now)


def _charge(due: Due) -> Money:
    found = offers.look(due.workspace_id, "paused")
    return found.money(offers.resume_due(found))
