"""Giving back paid months without a ping: decided first, then Stripe is asked, then it is told."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from earlywatch.clients.stripe_shapes import StripeError
from earlywatch.db import transaction
from earlywatch.errands import refunds
from earlywatch.errands.door import stripe
from earlywatch.errands.sync import sync
from earlywatch.models.billing import ActionKind, ActionState
from earlywatch.services import billing_actions, fair_use, history
from earlywatch.services.billing_actions import Pressed
from earlywatch.services.fair_use import Credit

logger = logging.getLogger(__name__)

BATCH = 500  # workspaces that are listed at a time
WHY = "A paid month without a single ping was given back."


def give_back(now: datetime) -> int:
    """Give back every paid month that ended by `now` (UTC) without a ping; return how many.

    May be run at any time, twice at once, and be killed at any point: what was decided stands,
    and a repeat is the same to Stripe.
    """
    _decide(now)
    with transaction() as session:
        credits_due = fair_use.ask(session, now)
    given = 0
    for credit in credits_due:
        with _apart(credit.workspace_id):
            given += _give(credit, now)
    return given


def _decide(now: datetime) -> None:
    """Look at each workspace of which a paid month has ended; one that fails, again next time."""
    after = 0
    while True:
        with transaction() as session:
            workspace_ids = fair_use.due(session, now, after, BATCH)
        for workspace_id in workspace_ids:
            with _apart(workspace_id), transaction() as session:
                fair_use.look(session, workspace_id, now)
        if not workspace_ids:
            return
        after = workspace_ids[-1]


def _give(credit: Credit, now: datetime) -> bool:
    if credit.to_card:
        _refund(credit, now)
    elif not (credit.asked_before and stripe().has_credit(credit.customer_id, credit.words)):
        money = credit.money
        stripe().credit(credit.customer_id, money.cents, money.currency, credit.words, credit.key)
    try:
        sync(credit.workspace_id, now)  # so that the mail says what is paid next
    except StripeError:
        logger.warning("look after a credit failed", extra={"workspace_id": credit.workspace_id})
    with transaction() as session:
        return fair_use.record(session, credit, now)


def _refund(credit: Credit, now: datetime) -> None:
    """Plan the refund once, so that a repeat finds the same payments, and do what is left of it."""
    seen = stripe().see_customer(credit.customer_id)
    action_id = uuid5(NAMESPACE_URL, credit.key)
    planned = refunds.shares(stripe(), seen.invoices, credit.money.cents)
    pressed = Pressed(
        action_id, credit.workspace_id, history.EARLYWATCH, ActionKind.REFUND, {"refunds": planned}
    )
    with transaction() as session:
        known = billing_actions.press(session, pressed, now)
    refunds.follow_refund(action_id, known.details if known else pressed.details, now)
    with transaction() as session:
        billing_actions.settle(session, action_id, ActionState.DONE, WHY, now)


@contextmanager
def _apart(workspace_id: int) -> Iterator[None]:
    """Log what fails for one workspace: the others go on, and it is tried again next time."""
    try:
        yield
    except StripeError as error:
        fields = {"workspace_id": workspace_id, "error": type(error).__name__}
        logger.warning("fair-use credit waits", extra=fields)
    except Exception:  # one broken row must not stop the others
        logger.exception("fair-use credit failed", extra={"workspace_id": workspace_id})
