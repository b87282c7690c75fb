"""The plan in force of a workspace: the one place that changes it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from earlywatch.domain import billing_letters as letters
from earlywatch.domain.plans import GRACE, PLANS, Plan, PlanName, plan_in_force
from earlywatch.errors import EarlywatchError
from earlywatch.models import Subscription, Workspace
from earlywatch.services import billing_mails, history, watching
from earlywatch.services.billing_mails import Whom
from earlywatch.services.watching import Fitted


class NothingToGive(EarlywatchError):
    """A gift that would not be one."""


def refresh(session: Session, workspace: Workspace, now: datetime, *, tell: bool = True) -> Fitted:
    """Bring the plan and what is watched in line with what is paid at `now` (UTC).

    Whatever stops being watched is named in a mail to the whole team; with `tell=False` the
    caller sends one that names it.
    """
    workspace = Workspace.lock(session, workspace.id)
    before, after = PlanName(workspace.plan), _in_force(session, workspace, now)
    if before is not after:
        workspace.plan = after.value
        session.flush()
        sentence = (
            f"The plan in force is now {PLANS[after].label}, before it was {PLANS[before].label}."
        )
        about = now.isoformat()
        history.add(session, workspace.id, "plan", about, history.EARLYWATCH, sentence, now)
    fitted = watching.fit(session, workspace, now)
    if tell:
        _tell(session, workspace, fitted, now)
    return fitted


def choose(
    session: Session, workspace: Workspace, monitor_ids: Collection[int], now: datetime
) -> Fitted:
    """Do as `watching.choose` does, and name what that changed in a mail to the whole team."""
    fitted = watching.choose(session, workspace, monitor_ids, now)
    _tell(session, workspace, fitted, now)
    return fitted


def gift(
    session: Session,
    workspace: Workspace,
    plan: PlanName,
    until: datetime | None,
    actor: str,
    now: datetime,
) -> None:
    """Give a workspace a plan until a moment (UTC), or for good; Free takes a gift back.

    Raises NothingToGive where it would take limits away or change nothing.
    """
    workspace = Workspace.lock(session, workspace.id)
    if without_limits(workspace):
        raise NothingToGive(f"{workspace.name} has no limits at all. A gift would only set some.")
    if plan is PlanName.FREE and workspace.gift_plan is None:
        raise NothingToGive(f"{workspace.name} has no gift that could be taken back.")
    workspace.gift_plan = None if plan is PlanName.FREE else plan.value
    workspace.gift_until = until
    label = PLANS[plan].label
    words = f"until {until:%-d %b %Y}" if until else "without an end"
    sentence = f"{label} as a gift, {words}." if workspace.gift_plan else "The gift was taken back."
    history.add(session, workspace.id, "gift", now.isoformat(), actor, sentence, now)
    refresh(session, workspace, now)


def without_limits(workspace: Workspace) -> bool:
    """Whether it is from before plans were sold: nothing that is bought or given may limit it."""
    return workspace.plan == PlanName.UNLIMITED and workspace.gift_plan is None


def without_payment(workspace: Workspace, now: datetime) -> Plan:
    """Return the plan that a workspace has at `now` (UTC) when nothing is paid; a gift goes on."""
    return PLANS[PlanName.UNLIMITED if without_limits(workspace) else _gifted(workspace, now)]


def run_out(session: Session, now: datetime) -> Sequence[int]:
    """Return the workspaces whose grace or gift is over at `now` (UTC), and whose plan stays."""
    unpaid = and_(
        Subscription.past_due_since <= now - GRACE,
        Workspace.plan == Subscription.plan,
    )
    over = and_(Workspace.gift_plan == Workspace.plan, Workspace.gift_until <= now)
    query = (
        select(Workspace, Subscription)  # both, so that the second is at hand for each
        .outerjoin(Subscription, Subscription.workspace_id == Workspace.id)
        .where(or_(unpaid, over))
        .order_by(Workspace.id)
        .execution_options(populate_existing=True)
    )
    found = [workspace for workspace, _ in session.execute(query)]
    # A gift may go on where the payment is missing, and a payment where the gift is over.
    return [each.id for each in found if _in_force(session, each, now) != each.plan]


def _in_force(session: Session, workspace: Workspace, now: datetime) -> PlanName:
    if without_limits(workspace):
        return PlanName.UNLIMITED
    subscription = session.get(Subscription, workspace.id)
    if subscription is None or subscription.plan is None:
        return _gifted(workspace, now)
    return plan_in_force(
        paid=PlanName(subscription.plan),
        status=subscription.status,
        past_due_since=subscription.past_due_since,
        gift=PlanName(workspace.gift_plan) if workspace.gift_plan else None,
        gift_until=workspace.gift_until,
        now=now,
    )


def _gifted(workspace: Workspace, now: datetime) -> PlanName:
    return plan_in_force(
        paid=None,
        status="none",
        past_due_since=None,
        gift=PlanName(workspace.gift_plan) if workspace.gift_plan else None,
        gift_until=workspace.gift_until,
        now=now,
    )


def _tell(session: Session, workspace: Workspace, fitted: Fitted, now: datetime) -> None:
    plan, about = watching.plan_of(workspace), now.isoformat()
    if fitted.frozen:
        names = [monitor.name for monitor in fitted.frozen]
        letter = letters.frozen(names=names, limit=plan.monitors or 0, plan=plan.label)
        billing_mails.tell(session, workspace.id, "frozen", about, letter, now, Whom.TEAM)
    if fitted.thawed:
        names = [monitor.name for monitor in fitted.thawed]
        letter = letters.thawed(names=names)
        billing_mails.tell(session, workspace.id, "thawed", about, letter, now, Whom.TEAM)
