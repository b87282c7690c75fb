"""The running of an act: stored, done once, and written down however it ends."""

import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from earlywatch.clients.stripe_shapes import StripeAway, StripeError
from earlywatch.db import transaction
from earlywatch.domain.money import Money
from earlywatch.errands.offers import NotPossible
from earlywatch.errands.sync import sync
from earlywatch.errors import EarlywatchError
from earlywatch.models import BillingAction, Subscription
from earlywatch.models.billing import ActionState
from earlywatch.services import billing_actions, subscriptions
from earlywatch.services.billing_actions import Pressed

logger = logging.getLogger(__name__)

Prepare = Callable[[Session], object]
FOLLOWS = (
    "It has begun, and Stripe did not do all of it at once. The rest, such as money for your card,"
    " follows by itself; a mail will confirm it."
)
BUSY = (
    "Something else is being done with this subscription at the moment. Wait until the billing page"
    " shows how it ended, then try again."
)


class FigureChanged(EarlywatchError):
    """What was shown when the person confirmed is not true any more."""


class UnderWay(EarlywatchError):
    """Something is being done already: the same button was pressed before, or another one."""


def act(
    pressed: Pressed, work: Callable[[], str], now: datetime, prepare: Prepare | None = None
) -> str:
    """Store the act, do it, write down how it ended. Return or raise a sentence."""
    known = _store(pressed, prepare, now)
    if known is not None:
        return _repeated(known, pressed)
    try:
        answer = work()
    except EarlywatchError as error:
        return _not_done(pressed, error, now)
    settle(pressed.id, ActionState.DONE, answer, now)
    return answer


def _store(pressed: Pressed, prepare: Prepare | None, now: datetime) -> BillingAction | None:
    with transaction() as session:
        known = billing_actions.press(session, pressed, now)
        if known is not None:
            return known
        if billing_actions.another_at_work(session, pressed, now):
            raise UnderWay(BUSY)
        if prepare:
            prepare(session)
    return None


def _not_done(pressed: Pressed, error: EarlywatchError, now: datetime) -> str:
    """Leave what may have taken effect to a worker; raise `error` unless the rest follows."""
    begun = _has_begun(pressed.id)
    if not begun and not isinstance(error, StripeAway):
        settle(pressed.id, ActionState.FAILED, str(error), now)
        raise error
    with transaction() as session:
        billing_actions.let_go(session, pressed.id, now)
    if not begun:
        raise error
    logger.error("act is carried on later", extra={"action_id": str(pressed.id)})
    return FOLLOWS


def _has_begun(action_id: UUID) -> bool:
    with transaction() as session:
        action = session.get_one(BillingAction, action_id, populate_existing=True)
    return action.state == ActionState.BEGUN


def settle(action_id: UUID, state: ActionState, answer: str, now: datetime) -> None:
    """Write down how an act ended; `answer` is a sentence for people."""
    with transaction() as session:
        billing_actions.settle(session, action_id, state, answer, now)


def _repeated(known: BillingAction, pressed: Pressed) -> str:
    if (known.workspace_id, known.kind) != (pressed.workspace_id, pressed.kind):
        raise NotPossible("This form was used elsewhere. Open the page anew, please.")
    if known.state == ActionState.DONE:
        return known.answer or "Done."
    if known.state == ActionState.FAILED:
        raise NotPossible(known.answer or "Nothing has changed.")
    raise UnderWay("This is being done. The page shows it when it is finished.")


def same(shown: Money, true: Money, words: str) -> None:
    """Raise FigureChanged unless what was shown is true still; `words` say what it is for."""
    if shown != true:
        raise FigureChanged(
            f"{true.words} {words}, not {shown.words} as shown: time went by. Nothing has changed"
            " yet; please look at the new figure."
        )


def look_again(workspace_id: int, now: datetime) -> Subscription | None:
    """Set our copy. The act took effect already, so an outage now is no failure of it."""
    try:
        return see_outcome(workspace_id, now)
    except StripeError:
        logger.warning("look after an act failed", extra={"workspace_id": workspace_id})
    with transaction() as session:
        return subscriptions.find(session, workspace_id)


def see_outcome(workspace_id: int, now: datetime) -> Subscription | None:
    """Set our copy of what a payment decided. Raises StripeAway: then nobody knows yet."""
    sync(workspace_id, now)
    with transaction() as session:
        return subscriptions.find(session, workspace_id)
