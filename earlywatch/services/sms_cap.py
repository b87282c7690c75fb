"""The SMS of a month: a plan includes so many, and what is beyond them the owners get by mail.

A call counts as an SMS.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.domain import alert_words
from earlywatch.domain import billing_letters as letters
from earlywatch.domain.plans import PLANS, PlanName
from earlywatch.services import billing_mails
from earlywatch.services.alert_rows import WorkspaceRow
from earlywatch.services.billing_mails import Whom
from earlywatch.services.composing import Told
from earlywatch.services.outbox import Outcome

COUNTED = frozenset({"sms", "voice"})  # kinds that cost us money for each message
# Counted before it is sent: of two at once, only one is the last.
TAKE = text("""
    INSERT INTO sms_use (workspace_id, month, used) VALUES (:workspace_id, :month, 1)
    ON CONFLICT (workspace_id, month) DO UPDATE SET used = sms_use.used + 1
    WHERE CAST(:limit AS integer) IS NULL OR sms_use.used < :limit
    RETURNING used
""")
GIVE_BACK = text("""
    UPDATE sms_use SET used = used - 1 WHERE workspace_id = :workspace_id AND month = :month
""")


@dataclass(frozen=True)
class Counted:
    """One SMS of a workspace, counted in a calendar month (UTC), given by its first day."""

    workspace_id: int
    month: date


def take(session: Session, workspace: WorkspaceRow, now: datetime) -> Counted | None:
    """Count one SMS at `now` (UTC); return None if the plan includes no more this month."""
    limit = PLANS[PlanName(workspace.plan)].sms
    month = now.astimezone(UTC).date().replace(day=1)
    values = {"workspace_id": workspace.id, "month": month, "limit": limit}
    if limit == 0 or session.execute(TAKE, values).first() is None:
        return None
    return Counted(workspace.id, month)


def give_back(session: Session, counted: Counted) -> None:
    """Let an SMS that was not sent not count after all."""
    session.execute(GIVE_BACK, vars(counted))


def refuse(session: Session, told: Told, now: datetime) -> Outcome:
    """Return why an SMS is not sent; what it would have told of trouble, the owners get by mail."""
    alert, plan = told.alert, PLANS[PlanName(told.workspace.plan)]
    limit, why = plan.sms or 0, f"the plan {plan.label} includes no SMS and no calls"
    if limit:
        what = f"the {limit} SMS and calls of this month"
        why = f"{what} that the plan {plan.label} includes are used up"
    if alert.trouble is None:
        return Outcome(sent=False, answer=f"Not sent: {why}.", permanent=True)
    letter = letters.sms_cap(
        monitor=alert.trouble.monitor_name,
        what=alert_words.subject(alert),
        limit=limit,
        call=told.channel.kind == "voice",
    )
    about = str(told.delivery.id)
    billing_mails.tell(session, told.workspace.id, "sms_cap", about, letter, now, Whom.OWNERS)
    answer = f"Not sent: {why}. The owners of the workspace were told by mail."
    return Outcome(sent=False, answer=answer, permanent=True)
