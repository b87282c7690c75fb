"""The plan in force: what is paid, given, or from before anything was sold."""

from datetime import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.plans import PlanName
from earlywatch.models import BillingChange, Workspace
from earlywatch.services import plans
from earlywatch.services.plans import NothingToGive
from tests.billing_builders import days, make_paused, make_subscription
from tests.builders import make_workspace


@pytest.fixture
def old(session: Session) -> Workspace:
    """A workspace from before plans were sold."""
    return make_workspace(session, plan=PlanName.UNLIMITED)


@pytest.fixture
def free(session: Session) -> Workspace:
    """A workspace on Free."""
    return make_workspace(session, plan=PlanName.FREE)


def give(session: Session, workspace: Workspace, plan: PlanName, now: datetime) -> None:
    plans.gift(session, workspace, plan, now + days(30), "ops@example.org", now)


@pytest.mark.parametrize("status", ["active", "past_due", "paused", "canceled"])
def test_who_has_no_limits_keeps_that_whatever_stripe_says(
    session: Session, old: Workspace, now: datetime, status: str
) -> None:
    make_subscription(session, old, status=status)

    plans.refresh(session, old, now)

    assert old.plan == "unlimited"
    assert plans.without_payment(old, now).monitors is None


@pytest.mark.parametrize("plan", [PlanName.BUSINESS, PlanName.FREE])
def test_who_has_no_limits_can_be_given_nothing_and_loses_nothing(
    session: Session, old: Workspace, now: datetime, plan: PlanName
) -> None:
    with pytest.raises(NothingToGive, match="has no limits at all"):
        give(session, old, plan, now)

    assert (old.plan, old.gift_plan) == ("unlimited", None)
    assert session.scalars(select(BillingChange)).all() == []


def test_only_a_gift_can_be_taken_back(session: Session, free: Workspace, now: datetime) -> None:
    with pytest.raises(NothingToGive, match="no gift that could be taken back"):
        give(session, free, PlanName.FREE, now)

    give(session, free, PlanName.TEAM, now)
    given = free.plan
    give(session, free, PlanName.FREE, now)

    assert (given, free.plan, free.gift_plan) == ("team", "free", None)


def test_a_gift_runs_out_once(session: Session, free: Workspace, now: datetime) -> None:
    give(session, free, PlanName.TEAM, now)
    assert plans.run_out(session, now + days(29)) == []

    assert plans.run_out(session, now + days(30)) == [free.id]
    plans.refresh(session, free, now + days(30))

    assert plans.run_out(session, now + days(31)) == []


def test_who_pays_for_what_was_given_does_not_run_out(
    session: Session, free: Workspace, now: datetime
) -> None:
    give(session, free, PlanName.TEAM, now)
    row = make_subscription(session, free)

    assert plans.run_out(session, now + days(31)) == []

    row.status, row.past_due_since = "past_due", now + days(31)
    session.flush()
    assert plans.run_out(session, now + days(44)) == []
    assert plans.run_out(session, now + days(45)) == [free.id]


def test_who_paused_what_was_given_runs_out(
    session: Session, free: Workspace, now: datetime
) -> None:
    give(session, free, PlanName.TEAM, now)
    make_paused(session, free, until=None)

    assert plans.run_out(session, now + days(31)) == [free.id]


def test_a_gift_that_goes_on_outlives_a_missing_payment(
    session: Session, free: Workspace, now: datetime
) -> None:
    give(session, free, PlanName.TEAM, now)
    make_subscription(session, free, status="past_due", past_due_since=now)

    assert plans.run_out(session, now + days(20)) == []
