"""What becomes due by time alone: pauses that end, grace and gifts that run out."""

import logging
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.clients.stripe_shapes import StripeError, StripeRefused
from earlywatch.db import transaction
from earlywatch.errands import acts
from earlywatch.errors import EarlywatchError
from earlywatch.models import Subscription, Workspace
from earlywatch.services import billing_actions, history, pauses, plans, reminders

logger = logging.getLogger(__name__)


def end_pauses(now: datetime) -> int:
    """Resume what was paused until `now` (UTC) and was reminded of. Return how many were tried.

    A payment is tried once: after one that failed, the pause stays until the owner acts.
    """
    with transaction() as session:
        query = select(Subscription).where(
            Subscription.status == "paused", Subscription.pause_until <= now
        )
        due = [row for row in session.scalars(query) if reminders.may_resume(session, row, now)]
        found = [(row.workspace_id, _act_id(session, row)) for row in due]
    return sum(_resume(workspace_id, action_id, now) for workspace_id, action_id in found)


def refresh_plans(now: datetime) -> int:
    """Bring workspaces whose grace or gift ran out to what they have now. Return how many."""
    with transaction() as session:
        workspace_ids = plans.run_out(session, now)
    return sum(_refresh_plan(workspace_id, now) for workspace_id in workspace_ids)


def _refresh_plan(workspace_id: int, now: datetime) -> bool:
    try:
        with transaction() as session:
            plans.refresh(session, session.get_one(Workspace, workspace_id), now)
    except Exception:  # one broken row must not stop the others
        logger.exception("plan does not run out", extra={"workspace_id": workspace_id})
        return False
    return True


def _act_id(session: Session, row: Subscription) -> UUID:
    """Return the id of the one act that ends this pause; a new one after an outage of Stripe."""
    outages = billing_actions.count_without_effect(session, row.workspace_id, row.pause_until)
    return uuid5(NAMESPACE_URL, f"resume:{row.stripe_id}:{row.pause_until}:{outages}")


def _resume(workspace_id: int, action_id: UUID, now: datetime) -> bool:
    fields = {"workspace_id": workspace_id}
    try:
        acts.resume(workspace_id, history.EARLYWATCH, action_id, None, now)
    except StripeRefused as error:
        with transaction() as session:
            pauses.tell_declined(session, workspace_id, str(action_id), str(error), now)
    except StripeError:
        logger.warning("pause does not end yet", extra=fields)
    except EarlywatchError:
        return False  # tried before, or the payment failed; the owner was told
    except Exception:  # one broken row must not stop the others
        logger.exception("pause does not end", extra=fields)
    return True
