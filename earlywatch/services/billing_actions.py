"""What people pressed, stored before Stripe is asked, so that a repeat has one effect."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, not_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from earlywatch.models import BillingAction, Subscription, Workspace
from earlywatch.models.billing import ActionKind, ActionState

# Longer than any act with all its calls, so that a worker never overtakes a person.
LEASE = timedelta(minutes=10)
AGAIN = timedelta(minutes=1)  # from one try of a worker to the next
PATIENCE = timedelta(minutes=5)  # a call that has no effect by then will have none
WITHOUT_EFFECT = "Stripe could not be reached, so nothing has changed."
UNFINISHED = (ActionState.OPEN, ActionState.BEGUN)


@dataclass(frozen=True)
class Pressed:
    """What a person did and what they were shown when they did it."""

    id: UUID
    workspace_id: int
    actor: str
    kind: ActionKind
    details: dict[str, Any]


def press(session: Session, pressed: Pressed, now: datetime) -> BillingAction | None:
    """Store an action; return the one that is there already if the button was pressed before."""
    row = insert(BillingAction).values(
        id=pressed.id,
        workspace_id=pressed.workspace_id,
        actor=pressed.actor,
        kind=pressed.kind.value,
        details=pressed.details,
        created_at=now,
        next_attempt_at=now + LEASE,
    )
    if session.scalar(row.on_conflict_do_nothing().returning(BillingAction.id)) is not None:
        return None
    return session.get_one(BillingAction, pressed.id, populate_existing=True)


def another_at_work(session: Session, pressed: Pressed, now: datetime) -> bool:
    """Whether somebody else does something to the subscription at `now` (UTC): acts take turns.

    Holds the workspace until the transaction ends, so that of two at once one sees the other.
    """
    Workspace.lock(session, pressed.workspace_id)
    others = select(BillingAction.id).where(
        BillingAction.workspace_id == pressed.workspace_id,
        BillingAction.id != pressed.id,
        BillingAction.kind != ActionKind.REFUND.value,
        BillingAction.state.in_(UNFINISHED),
        BillingAction.created_at > now - LEASE,
        not_(BillingAction.details.has_key("let_go")),
    )
    return session.scalar(others.limit(1)) is not None


def let_go(session: Session, action_id: UUID, next_attempt_at: datetime) -> None:
    """Nobody is at it any more, and it is not finished: a worker may take it up then (UTC)."""
    action = _lock(session, action_id)
    action.details = action.details | {"let_go": True}
    action.next_attempt_at = next_attempt_at


def begin(session: Session, action_id: UUID, **details: Any) -> None:
    """The first step took effect, or is about to where that can be looked up: no way back."""
    action = _lock(session, action_id)
    action.state = ActionState.BEGUN.value
    action.details = action.details | details


def begin_cancel(session: Session, action_id: UUID) -> bool:
    """Begin the rest of a cancellation; return False if another press of it does that already."""
    action = session.get_one(BillingAction, action_id)
    Workspace.lock(session, action.workspace_id)
    others = select(BillingAction.id).where(
        BillingAction.workspace_id == action.workspace_id,
        BillingAction.id != action_id,
        BillingAction.kind == ActionKind.CANCEL_NOW.value,
        BillingAction.state.in_((ActionState.BEGUN.value, ActionState.DONE.value)),
        BillingAction.details["subscription"].astext == action.details["subscription"],
    )
    if session.scalar(others.limit(1)) is not None:
        return False
    begin(session, action_id)
    return True


def note(session: Session, action_id: UUID, **details: Any) -> None:
    """Remember what the coming steps need."""
    action = _lock(session, action_id)
    action.details = action.details | details


def settle(
    session: Session, action_id: UUID, state: ActionState, answer: str, now: datetime
) -> None:
    """The action is done or has failed; `answer` is a sentence for people."""
    action = _lock(session, action_id)
    action.state, action.answer, action.settled_at = state.value, answer, now


def claim(session: Session, now: datetime) -> BillingAction | None:
    """Take an unfinished action that nobody is at, and postpone it; None if there is none."""
    action = session.scalar(
        select(BillingAction)
        .where(BillingAction.state.in_(UNFINISHED), BillingAction.next_attempt_at <= now)
        .order_by(BillingAction.next_attempt_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if action is not None:
        action.next_attempt_at = now + LEASE
    return action


def under_way(session: Session, workspace_id: int) -> Sequence[BillingAction]:
    """Return what is not finished yet, oldest first."""
    query = select(BillingAction).where(
        BillingAction.workspace_id == workspace_id, BillingAction.state.in_(UNFINISHED)
    )
    return session.scalars(query.order_by(BillingAction.created_at)).all()


def actor_of(session: Session, workspace_id: int, now: datetime) -> str | None:
    """Return who did something within the last minutes, for the history; None: Stripe itself."""
    query = (
        select(BillingAction.actor)
        .where(
            BillingAction.workspace_id == workspace_id,
            BillingAction.kind != ActionKind.REFUND.value,
            BillingAction.state != ActionState.FAILED.value,
            BillingAction.created_at > now - PATIENCE,
        )
        .order_by(BillingAction.created_at.desc())
    )
    return session.scalar(query.limit(1))


def count_without_effect(session: Session, workspace_id: int, since: datetime | None) -> int:
    """Count the resumptions since a moment (UTC) that an outage of Stripe prevented."""
    query = select(func.count()).where(
        BillingAction.workspace_id == workspace_id,
        BillingAction.kind == ActionKind.RESUME.value,
        BillingAction.answer == WITHOUT_EFFECT,
        BillingAction.created_at >= since,
    )
    return session.scalar(query) or 0


def ends_by_itself(session: Session, workspace_id: int) -> bool:
    """Whether no cancellation of ours is at work, which would tell of the end itself."""
    acts = under_way(session, workspace_id)
    return not any(act.kind == ActionKind.CANCEL_NOW for act in acts)


def apply_pause(session: Session, row: Subscription) -> None:
    """Take over how long the pause was to be, and the credit that only we know of."""
    query = (
        select(BillingAction)
        .where(
            BillingAction.workspace_id == row.workspace_id,
            BillingAction.kind == ActionKind.PAUSE.value,
            BillingAction.state != ActionState.FAILED.value,
        )
        .order_by(BillingAction.created_at.desc())
    )
    action = session.scalar(query.limit(1))
    if action is None or action.details.get("applied"):
        return  # paused elsewhere: at Stripe, or by Stripe
    until = action.details.get("until")
    row.pause_until = datetime.fromisoformat(until) if until else None
    if not row.flexible:
        row.pause_credit = action.details["credit"]
    action.details = action.details | {"applied": True}


def _lock(session: Session, action_id: UUID) -> BillingAction:
    return session.get_one(BillingAction, action_id, with_for_update=True, populate_existing=True)
