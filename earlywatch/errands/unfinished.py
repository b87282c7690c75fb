"""Acts that Stripe did not answer, or that a process died in: finding out, and finishing."""

import logging
from collections.abc import Callable
from datetime import datetime

from earlywatch.db import transaction
from earlywatch.errands import acts, refunds
from earlywatch.errands.acting import settle
from earlywatch.errands.offers import NotPossible
from earlywatch.errands.sync import sync
from earlywatch.errors import EarlywatchError
from earlywatch.models import BillingAction, Subscription
from earlywatch.models.billing import ActionKind, ActionState
from earlywatch.services import billing_actions, subscriptions
from earlywatch.services.billing_actions import AGAIN, PATIENCE, WITHOUT_EFFECT

logger = logging.getLogger(__name__)

Effect = Callable[[BillingAction, Subscription], bool]


def finish_open(now: datetime) -> int:
    """Take up every unfinished act whose time has come. Return how many were settled.

    An act whose first step took effect is carried through; of the others nothing is repeated:
    after a while without effect they have failed, and the person may press again.
    """
    settled = 0
    while True:
        with transaction() as session:
            action = billing_actions.claim(session, now)
        if action is None:
            return settled
        settled += _finish_safely(action, now)


def _finish_safely(action: BillingAction, now: datetime) -> bool:
    fields = {"action_id": str(action.id)}
    try:
        settled = _finish(action, now)
    except EarlywatchError as error:
        logger.warning("act waits", extra={**fields, "reason": type(error).__name__})
        settled = False
    except Exception:  # one broken act must not stop the others
        logger.exception("act failed", extra=fields)
        settled = False
    if not settled:
        with transaction() as session:
            billing_actions.let_go(session, action.id, now + AGAIN)
    return settled


def _finish(action: BillingAction, now: datetime) -> bool:
    if action.kind == ActionKind.REFUND:
        return _finish_refund(action, now)
    if action.kind == ActionKind.CANCEL_NOW and action.state == ActionState.BEGUN:
        return _carry_through(action, now)  # whatever the customer has bought since
    sync(action.workspace_id, now)
    with transaction() as session:
        row = subscriptions.find(session, action.workspace_id)
    effect = EFFECTS.get(ActionKind(action.kind))
    if row and effect and effect(action, row):
        return _carry_through(action, now)
    if action.state == ActionState.BEGUN and action.kind == ActionKind.PAUSE:
        return _finish_pause(action, now)
    if now < action.created_at + PATIENCE:
        return False
    settle(action.id, ActionState.FAILED, WITHOUT_EFFECT, now)
    return True


def _carry_through(action: BillingAction, now: datetime) -> bool:
    answer = "Done."
    if action.kind == ActionKind.CANCEL_NOW:
        answer = acts.end_cancel(action.workspace_id, action.id, now)
    settle(action.id, ActionState.DONE, answer, now)
    return True


def _finish_pause(action: BillingAction, now: datetime) -> bool:
    try:
        answer = acts.end_pause(action.workspace_id, action.id, now)
    except NotPossible as error:  # it has ended meanwhile, or a payment failed
        settle(action.id, ActionState.FAILED, str(error), now)
    else:
        settle(action.id, ActionState.DONE, answer, now)
    return True


def _finish_refund(action: BillingAction, now: datetime) -> bool:
    refunds.follow_refund(action.id, action.details, now)
    settle(action.id, ActionState.DONE, "The money was given back.", now)
    return True


def _is_tariff(action: BillingAction, row: Subscription) -> bool:
    wanted = action.details
    return [row.plan, row.every, row.amount] == [wanted[key] for key in ("plan", "every", "amount")]


EFFECTS: dict[ActionKind, Effect] = {
    ActionKind.CHANGE: _is_tariff,
    ActionKind.PAUSE: lambda _, row: row.status == "paused",
    ActionKind.RESUME: lambda _, row: row.status == "active",
    ActionKind.CANCEL_AT_END: lambda _, row: row.ends_at is not None,
    ActionKind.KEEP: lambda _, row: row.ends_at is None and row.live,
    ActionKind.CANCEL_NOW: lambda action, _: refunds.was_cancelled(action.details),
}
