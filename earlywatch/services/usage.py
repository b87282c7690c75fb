"""How much of its plan a workspace uses."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from earlywatch.domain.plans import Plan
from earlywatch.models import Member, SmsUse, Workspace
from earlywatch.services import watching


@dataclass(frozen=True)
class Usage:
    """What is used of `plan`. `sms` is that of the calendar month (UTC)."""

    plan: Plan
    watched: int
    frozen: int
    sms: int
    members: int


def usage(session: Session, workspace: Workspace, now: datetime) -> Usage:
    """Return what the workspace uses at `now` (UTC)."""
    month = now.astimezone(UTC).date().replace(day=1)
    sms = session.get(SmsUse, (workspace.id, month), populate_existing=True)
    members = select(func.count()).select_from(Member).where(Member.workspace_id == workspace.id)
    return Usage(
        plan=watching.plan_of(workspace),
        watched=watching.count_watched(session, workspace.id),
        frozen=watching.count_frozen(session, workspace.id),
        sms=sms.used if sms else 0,
        members=session.scalar(members) or 0,
    )
