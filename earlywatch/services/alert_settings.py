"""What a workspace decides about all its alerts: fallback, folding, the weekly drill."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from earlywatch.errors import EarlywatchError
from earlywatch.models import Channel, Workspace

SOONEST = timedelta(minutes=1)
LATEST = timedelta(hours=24)
FEWEST = 2
MOST = 100
GROUP = "group"  # never sent to itself


class InvalidSettings(EarlywatchError):
    """Something that cannot be kept."""


@dataclass(frozen=True)
class AlertSettings:
    """What the owner decides. `fold_from` None: alerts are never told together."""

    fallback_channel_id: int | None
    fallback_after: timedelta
    fold_from: int | None
    drill_weekly: bool


def check_after(after: timedelta) -> timedelta:
    """Return how long a delivery may take, if that can be kept. Raises InvalidSettings."""
    if not SOONEST <= after <= LATEST:
        raise InvalidSettings("The fallback is told after 1 minute to 24 hours.")
    return after


def check_fold(count: int) -> int:
    """Return from how many alerts on they are folded. Raises InvalidSettings."""
    if not FEWEST <= count <= MOST:
        raise InvalidSettings(f"Fold from {FEWEST} to {MOST} monitors on.")
    return count


def fallbacks(session: Session, workspace: Workspace) -> Sequence[Channel]:
    """Return the channels that can be the fallback, by name."""
    query = select(Channel).where(Channel.workspace_id == workspace.id, Channel.kind != GROUP)
    return session.scalars(query.order_by(func.lower(Channel.name), Channel.id)).all()


def set_settings(session: Session, workspace_id: int, settings: AlertSettings) -> None:
    """Store them. Raises InvalidSettings."""
    workspace = Workspace.lock(session, workspace_id)
    wanted = settings.fallback_channel_id
    if wanted is not None and not Channel.lock_all(
        session, workspace_id, Channel.id == wanted, Channel.kind != GROUP
    ):
        raise InvalidSettings("This channel is no longer there. Choose another one.")
    workspace.fallback_channel_id = wanted
    workspace.fallback_after = check_after(settings.fallback_after)
    workspace.fold_from = None if settings.fold_from is None else check_fold(settings.fold_from)
    workspace.drill_weekly = settings.drill_weekly
