"""Which monitors of a workspace are watched: its plan may allow fewer than there are."""

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import UNWATCHED, Status, on_freeze, on_thaw
from earlywatch.domain.plans import PLANS, Plan, PlanName
from earlywatch.errors import EarlywatchError, NotFound
from earlywatch.models import Channel, Monitor, Workspace
from earlywatch.services import hearing, incidents

logger = logging.getLogger(__name__)

NEVER = float("-inf")


class TooManyChosen(EarlywatchError):
    """More monitors were chosen than the plan allows."""


@dataclass(frozen=True)
class Fitted:
    """What changed when a workspace was brought within its plan."""

    frozen: list[Monitor]
    thawed: list[Monitor]


@dataclass(frozen=True)
class Choice:
    """Monitors to choose from, by name; `chosen` are the ids that are watched if nobody chooses."""

    monitors: list[Monitor]
    chosen: set[int]
    limit: int | None


def plan_of(workspace: Workspace) -> Plan:
    """Return the plan in force."""
    return PLANS[PlanName(workspace.plan)]


def count_watched(session: Session, workspace_id: int) -> int:
    """Count the monitors that are neither paused nor frozen: what a plan limits."""
    return _count(session, workspace_id, Monitor.status.not_in(UNWATCHED))


def count_frozen(session: Session, workspace_id: int) -> int:
    """Count the monitors that are not watched because the plan allows fewer."""
    return _count(session, workspace_id, Monitor.status == Status.FROZEN.value)


def fit(session: Session, workspace: Workspace, now: datetime) -> Fitted:
    """Freeze what the plan does not allow any more, thaw what it allows again, from `now` (UTC).

    The owner's choice comes first, then what is watched already, so that nothing changes places
    by itself, then the newest ping. A monitor that its owner paused is left alone.
    """
    limit = plan_of(Workspace.lock(session, workspace.id)).monitors
    if _fits(session, workspace.id, limit):
        return Fitted([], [])
    monitors = session.scalars(_unpaused(workspace.id).with_for_update(key_share=True)).all()
    Channel.lock_all(session, workspace.id)
    allowed = {monitor.id for monitor in _ranked(monitors)[:limit]}
    fitted = Fitted(
        _freeze(session, [m for m in monitors if m.id not in allowed and not _is_frozen(m)], now),
        _thaw(session, [m for m in monitors if m.id in allowed and _is_frozen(m)], now),
    )
    if fitted.frozen or fitted.thawed:
        incidents.notify(session, workspace.id)
    return fitted


def choose(
    session: Session, workspace: Workspace, monitor_ids: Collection[int], now: datetime
) -> Fitted:
    """Let these monitors be watched before all others, now and whenever the plan shrinks.

    Places that are left go to others. Raises NotFound, and TooManyChosen with a sentence.
    """
    plan = plan_of(Workspace.lock(session, workspace.id))
    remember_choice(session, workspace, monitor_ids, plan)
    return fit(session, workspace, now)


def remember_choice(
    session: Session, workspace: Workspace, monitor_ids: Collection[int], plan: Plan
) -> None:
    """Store a choice that takes effect when the workspace comes down to `plan`.

    Raises NotFound, and TooManyChosen with a sentence.
    """
    Workspace.lock(session, workspace.id)
    query = _all(workspace.id).with_for_update(key_share=True)
    monitors, chosen = session.scalars(query).all(), set(monitor_ids)
    if not chosen <= {monitor.id for monitor in monitors}:
        raise NotFound("There is no such monitor.")
    listed = [monitor for monitor in monitors if monitor.status != Status.PAUSED]
    _refuse_too_many(sum(monitor.id in chosen for monitor in listed), plan)
    for monitor in listed:
        monitor.keep = monitor.id in chosen
    session.flush()


def would_freeze(
    session: Session,
    workspace: Workspace,
    limit: int | None,
    keep_ids: Collection[int] | None = None,
) -> list[Monitor]:
    """Return the watched monitors, by name, that a plan with this limit would freeze.

    `keep_ids` stands for the stored choice, which None means.
    """
    monitors = _ranked(session.scalars(_unpaused(workspace.id)).all(), keep_ids)
    surplus = [] if limit is None else monitors[limit:]
    return _by_name(monitor for monitor in surplus if not _is_frozen(monitor))


def choice(session: Session, workspace: Workspace, limit: int | None) -> Choice:
    """Return what can be chosen under a limit, and what would be watched without choosing."""
    monitors = session.scalars(_unpaused(workspace.id)).all()
    chosen = {monitor.id for monitor in _ranked(monitors)[:limit]}
    return Choice(_by_name(monitors), chosen, limit)


def _freeze(session: Session, monitors: list[Monitor], now: datetime) -> list[Monitor]:
    if monitors:
        stopped = [
            (each, on_freeze(hearing.spared(session, each, now), each.grace, now))
            for each in monitors
        ]
        incidents.stop_all(session, stopped, now)
    for monitor in monitors:
        monitor.frozen_at = now
    session.flush()
    return monitors


def _thaw(session: Session, monitors: list[Monitor], now: datetime) -> list[Monitor]:
    thawed = [monitor for monitor in monitors if _thaw_one(monitor, now)]
    session.flush()
    return thawed


def _thaw_one(monitor: Monitor, now: datetime) -> bool:
    try:
        [change] = on_thaw(monitor.state, monitor.rules, now)
    except Exception:  # a schedule that cannot be read; the others must be watched all the same
        logger.exception("monitor cannot be thawed", extra={"monitor_id": monitor.id})
        return False
    monitor.state, monitor.frozen_at = change.state, None
    return True


def _fits(session: Session, workspace_id: int, limit: int | None) -> bool:
    if count_frozen(session, workspace_id):
        return False
    return limit is None or count_watched(session, workspace_id) <= limit


def _refuse_too_many(chosen: int, plan: Plan) -> None:
    if plan.monitors is not None and chosen > plan.monitors:
        raise TooManyChosen(
            f"You chose {chosen} monitors, and the plan {plan.label} watches {plan.monitors}."
            f" Untick {chosen - plan.monitors} of them."
        )


def _is_frozen(monitor: Monitor) -> bool:
    return monitor.status == Status.FROZEN


def _ranked(monitors: Sequence[Monitor], keep_ids: Collection[int] | None = None) -> list[Monitor]:
    """Return monitors in the order in which they get the places of a plan."""

    def rank(monitor: Monitor) -> tuple[bool, bool, float, int]:
        keep = monitor.keep if keep_ids is None else monitor.id in keep_ids
        pinged = monitor.last_ping_at.timestamp() if monitor.last_ping_at else NEVER
        return not keep, _is_frozen(monitor), -pinged, monitor.id

    return sorted(monitors, key=rank)


def _by_name(monitors: Iterable[Monitor]) -> list[Monitor]:
    return sorted(monitors, key=lambda monitor: (monitor.name.lower(), monitor.id))


def _count(session: Session, workspace_id: int, condition: ColumnElement[bool]) -> int:
    query = select(func.count()).where(Monitor.workspace_id == workspace_id, condition)
    return session.scalar(query) or 0


def _unpaused(workspace_id: int) -> Select[Monitor]:
    return _all(workspace_id).where(Monitor.status != Status.PAUSED.value)


def _all(workspace_id: int) -> Select[Monitor]:
    """All monitors of a workspace, in the order in which they are locked."""
    query = select(Monitor).where(Monitor.workspace_id == workspace_id).order_by(Monitor.id)
    return query.execution_options(populate_existing=True)
