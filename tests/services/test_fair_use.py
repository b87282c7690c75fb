"""Fair use: which paid months are given back, and that each is decided once."""

from datetime import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.pausing import months_later
from earlywatch.models import BillingChange, PaidMonth, Subscription, Workspace
from earlywatch.services import fair_use, history
from tests.billing_builders import (
    days,
    letters,
    make_invoice,
    make_paused,
    make_subscription,
)
from tests.builders import make_monitor, make_ping, make_workspace


@pytest.fixture
def workspace(session: Session, now: datetime) -> Workspace:
    """A workspace that paid $20 for the month from `now` on."""
    workspace = make_workspace(session)
    make_subscription(session, workspace, now=now)
    make_invoice(session, workspace, now=now)
    return workspace


def decided(session: Session) -> list[int]:
    """The cents given back for each month that was looked at."""
    query = select(PaidMonth).order_by(PaidMonth.starts_at)
    return [month.cents for month in session.scalars(query)]


def test_a_paid_month_without_a_ping_is_given_back_in_full(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    make_monitor(session, workspace)
    end = months_later(now, 1)

    assert fair_use.look(session, workspace.id, end - days(0.1)) == 0
    assert fair_use.look(session, workspace.id, end) == 1

    assert decided(session) == [2_000]


@pytest.mark.parametrize("kind", ["success", "start", "fail", "log"])
def test_a_single_ping_of_any_kind_is_use(
    session: Session, workspace: Workspace, now: datetime, kind: str
) -> None:
    make_monitor(session, workspace, "silent")
    at = now + days(10)
    make_ping(session, make_monitor(session, workspace, last_ping_at=at), kind, now=at)

    fair_use.look(session, workspace.id, months_later(now, 1))

    assert decided(session) == [0]


def test_pings_before_and_after_the_month_and_those_of_others_do_not_count(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    end = months_later(now, 1)
    early = make_monitor(session, workspace, last_ping_at=now - days(1))
    make_ping(session, early, now=now - days(1))
    later = make_monitor(session, workspace, last_ping_at=end + days(0.01))
    make_ping(session, later, now=now - days(2))
    make_ping(session, later, now=end)
    make_ping(session, make_monitor(session, last_ping_at=now), now=now)

    fair_use.look(session, workspace.id, end + days(0.01))

    assert decided(session) == [2_000]


def test_a_ping_in_the_month_counts_though_newer_ones_came(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    end = months_later(now, 1)
    monitor = make_monitor(session, workspace, last_ping_at=end + days(1))
    for at in (end - days(1), end, end + days(1)):
        make_ping(session, monitor, now=at)

    fair_use.look(session, workspace.id, end + days(1))

    assert decided(session) == [0]


def test_a_month_is_decided_once_whatever_is_deleted_later(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    end = months_later(now, 1)
    monitor = make_monitor(session, workspace, last_ping_at=now)
    make_ping(session, monitor, now=now)
    fair_use.look(session, workspace.id, end)

    session.delete(monitor)
    session.flush()

    assert fair_use.look(session, workspace.id, end + days(1)) == 0
    assert decided(session) == [0]


def test_a_year_is_looked_at_month_by_month(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    make_subscription(session, workspace, every="year", now=now)
    make_invoice(session, workspace, lines=[(20_000, now, months_later(now, 12))], now=now)
    second = now + days(40)
    make_ping(session, make_monitor(session, workspace, last_ping_at=second), now=second)

    fair_use.look(session, workspace.id, months_later(now, 3))

    assert decided(session) == [1_644, 0, 1_699]  # 30 and 31 of 365 days


def test_what_is_paused_was_not_paid_and_is_not_given_back(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    paused = now + days(12)
    make_paused(session, workspace, until=None, credit=1_200, now=paused)
    make_invoice(session, workspace, 3_000, now=now)

    fair_use.look(session, workspace.id, months_later(now, 1))

    assert decided(session) == [1_200]  # 12 of 30 days at $30


def test_a_pause_that_is_over_cuts_its_month_too(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    paused, resumed = now + days(12), now + days(20)
    make_subscription(session, workspace, now=now)
    make_invoice(session, workspace, 3_000, now=now)
    lines = [
        (-1_800, paused, months_later(now, 1)),
        (3_000, resumed, months_later(resumed, 1)),
    ]
    make_invoice(session, workspace, lines=lines, now=resumed)
    history.add(session, workspace.id, "paused", "x", "a@example.org", "Paused.", paused)

    fair_use.look(session, workspace.id, months_later(resumed, 1))

    assert decided(session) == [1_200, 3_000]


def test_what_nobody_paid_or_what_came_back_is_not_given_back(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)
    make_subscription(session, workspace, now=now)
    make_invoice(session, workspace, status="open", paid=0, now=now)
    make_invoice(session, workspace, refunded=2_000, now=now)

    assert fair_use.look(session, workspace.id, months_later(now, 2)) == 0


def test_a_month_that_a_credit_paid_is_given_back_as_well(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    make_subscription(session, workspace, now=now)
    make_invoice(session, workspace, paid=0, payment_ids=[], now=now)

    fair_use.look(session, workspace.id, months_later(now, 1))

    assert decided(session) == [2_000]


def test_a_credit_is_told_once_with_what_comes_next(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    end = months_later(now, 1)
    fair_use.look(session, workspace.id, end)
    [credit] = fair_use.ask(session, end)

    told = [fair_use.record(session, credit, end) for _ in range(2)]

    assert told == [True, False]
    assert fair_use.ask(session, end) == []
    [letter] = letters(session, "fair_use")
    assert letter.subject == "Credit of $20.00: no monitor got a ping in a month you paid for"
    [line] = session.scalars(select(BillingChange)).all()
    assert (line.kind, line.amount, line.actor) == ("fair_use", -2_000, "Earlywatch")
    assert line.sentence == (
        "No monitor received a ping from 20 Nov 2026 to 20 Dec 2026: $20.00 given back as a credit."
    )


def test_a_repeat_knows_that_stripe_was_asked_before(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    end = months_later(now, 1)
    fair_use.look(session, workspace.id, end)

    asked = [fair_use.ask(session, end)[0] for _ in range(2)]

    assert [credit.asked_before for credit in asked] == [False, True]
    assert len({credit.key for credit in asked}) == len({credit.words for credit in asked}) == 1


def test_a_month_of_a_subscription_that_ended_comes_back_to_the_card(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)
    end = months_later(now, 1)
    make_subscription(session, workspace, status="canceled", ended_at=end, now=now)
    make_invoice(session, workspace, now=now)

    fair_use.look(session, workspace.id, end)

    assert [credit.to_card for credit in fair_use.ask(session, end)] == [True]


def test_who_paid_is_looked_at_when_a_month_has_ended_and_not_before(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    make_subscription(session, now=now)  # nothing was told of this one
    row = session.get_one(Subscription, workspace.id)
    row.months_due_at = now
    end = months_later(now, 1)

    first = fair_use.due(session, now, 0, 10)
    fair_use.look(session, workspace.id, now)
    before = fair_use.due(session, end - days(0.1), 0, 10)
    then = fair_use.due(session, end, 0, 10)
    fair_use.look(session, workspace.id, end)

    assert (first, before, then) == ([workspace.id], [], [workspace.id])
    assert fair_use.due(session, end + days(400), 0, 10) == []
    assert fair_use.due(session, end, workspace.id, 10) == []


def test_who_never_paid_is_looked_at_in_vain(session: Session, now: datetime) -> None:
    assert fair_use.look(session, make_workspace(session).id, now) == 0


def test_the_history_names_the_days_of_the_workspaces_zone(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    workspace.time_zone = "Pacific/Pago_Pago"  # 11 hours behind
    end = months_later(now, 1)
    fair_use.look(session, workspace.id, end)
    [credit] = fair_use.ask(session, end)

    fair_use.record(session, credit, end)

    [line] = session.scalars(select(BillingChange)).all()
    assert " from 19 Nov 2026 to 19 Dec 2026: " in line.sentence
