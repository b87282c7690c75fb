"""The plan in force follows what is paid, the grace after a failure, and gifts."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.plans import FOR_SALE, GRACE, PLANS, Every, PlanName, plan_in_force
from tests.builders import NOW

DAY = timedelta(days=1)
PAID = st.sampled_from([plan.name for plan in FOR_SALE])
STATUSES = st.sampled_from(
    ["none", "active", "past_due", "paused", "unpaid", "canceled", "incomplete"]
)


def in_force(
    paid: PlanName | None = None,
    status: str = "none",
    past_due_since: datetime | None = None,
    gift: PlanName | None = None,
    gift_until: datetime | None = None,
) -> PlanName:
    return plan_in_force(
        paid=paid,
        status=status,
        past_due_since=past_due_since,
        gift=gift,
        gift_until=gift_until,
        now=NOW,
    )


def test_who_pays_nothing_has_free() -> None:
    assert in_force() is PlanName.FREE


def test_a_paid_plan_is_in_force_while_it_is_active() -> None:
    assert in_force(PlanName.TEAM, "active") is PlanName.TEAM


@pytest.mark.parametrize("status", ["paused", "unpaid", "canceled", "incomplete", "none"])
def test_a_plan_that_is_not_paid_at_the_moment_gives_the_limits_of_free(status: str) -> None:
    assert in_force(PlanName.TEAM, status) is PlanName.FREE


def test_a_failed_payment_leaves_everything_on_for_14_days() -> None:
    last_moment = NOW - GRACE + timedelta(seconds=1)

    assert in_force(PlanName.TEAM, "past_due", last_moment) is PlanName.TEAM
    assert in_force(PlanName.TEAM, "past_due", NOW - GRACE) is PlanName.FREE


def test_a_gift_counts_until_its_end_and_where_it_allows_more() -> None:
    assert in_force(gift=PlanName.BUSINESS) is PlanName.BUSINESS
    assert in_force(gift=PlanName.BUSINESS, gift_until=NOW + DAY) is PlanName.BUSINESS
    assert in_force(gift=PlanName.BUSINESS, gift_until=NOW) is PlanName.FREE
    assert in_force(PlanName.TEAM, "active", gift=PlanName.SUPPORTER) is PlanName.TEAM


@given(PAID, STATUSES, st.none() | st.timedeltas(-GRACE * 2, GRACE * 2))
def test_no_status_gives_more_than_what_is_paid(
    paid: PlanName, status: str, since: timedelta | None
) -> None:
    plan = in_force(paid, status, NOW + since if since is not None else None)

    assert plan in {paid, PlanName.FREE}


def test_every_step_up_allows_more_of_everything() -> None:
    plans = [PLANS[name] for name in list(PlanName)[:-1]]

    for less, more in pairwise(plans):
        for limit in ("monitors", "pings_kept", "sms", "members"):
            high = getattr(more, limit)
            assert high is None or high >= getattr(less, limit)


def test_a_year_costs_ten_months() -> None:
    for plan in FOR_SALE:
        if plan.prices:
            assert plan.prices[Every.YEAR].cents == 10 * plan.prices[Every.MONTH].cents
