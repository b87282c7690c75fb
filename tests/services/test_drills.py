"""Fire drills: through every channel that works, once a week, and who answered."""

from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from earlywatch.channels.registry import Doors
from earlywatch.models import Channel, Delivery, Drill, Workspace
from earlywatch.services import drills
from earlywatch.services.drills import NobodyThere, TooSoon
from earlywatch.services.links import Links
from earlywatch.services.tokens import InvalidToken
from tests.builders import NOW, make_channel, make_monitor, make_workspace
from tests.services.sending import attempt_all

ANNA = "anna@example.org"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # 9:00 in Berlin


@pytest.fixture
def workspace(session: Session) -> Workspace:
    workspace = make_workspace(session, time_zone="Europe/Berlin")
    make_monitor(session, workspace, status="new")
    return workspace


@pytest.fixture
def channel(session: Session, workspace: Workspace) -> Channel:
    return make_channel(session, workspace, name="Team mail")


def token_of(links: Links, delivery: Delivery) -> str:
    return links.drill(delivery.id, delivery.channel).rpartition("/")[2]


def held(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Drill)) or 0


def test_every_channel_that_works_gets_one(
    session: Session, workspace: Workspace, channel: Channel
) -> None:
    other = make_channel(session, workspace, name="Another")
    make_channel(session, workspace, verified=False)
    make_channel(session, workspace, broken_at=NOW)
    make_channel(session, workspace, unsubscribed_at=NOW)
    make_channel(session, workspace, kind="group", config={"channel_ids": []})
    make_channel(session)

    drills.start(session, workspace, ANNA, NOW)

    [past] = drills.history(session, workspace)
    assert [delivery.channel for delivery in past.deliveries] == [other, channel]
    assert (past.drill.started_by, past.answered) == (ANNA, 0)


def test_it_goes_the_way_of_every_alert_and_brings_the_link(
    session: Session, workspace: Workspace, channel: Channel, links: Links, doors: Doors
) -> None:
    drills.start(session, workspace, ANNA, NOW)

    [outcome] = attempt_all(session, links, doors, NOW)

    [delivery] = drills.history(session, workspace)[0].deliveries
    assert outcome.sent
    assert (delivery.state, delivery.sent_at) == ("sent", NOW)


def test_a_second_one_waits_for_ten_minutes(
    session: Session, workspace: Workspace, channel: Channel
) -> None:
    drills.start(session, workspace, ANNA, NOW)

    with pytest.raises(TooSoon, match="Try again in 1 min"):
        drills.start(session, workspace, ANNA, NOW + 9 * MINUTE)
    drills.start(session, workspace, ANNA, NOW + 10 * MINUTE)
    assert held(session) == 2


def test_without_a_channel_that_works_there_is_no_drill(
    session: Session, workspace: Workspace
) -> None:
    with pytest.raises(NobodyThere):
        drills.start(session, workspace, ANNA, NOW)


def test_an_answer_proves_the_channel_and_counts_once(
    session: Session, workspace: Workspace, channel: Channel, links: Links
) -> None:
    drills.start(session, workspace, ANNA, NOW)
    [delivery] = drills.history(session, workspace)[0].deliveries
    token = token_of(links, delivery)

    assert drills.read(session, links, token, NOW).answered_at is None
    drills.answer(session, links, token, NOW + MINUTE)
    drills.answer(session, links, token, NOW + 5 * MINUTE)

    session.refresh(channel)
    assert delivery.answered_at == channel.proven_at == NOW + MINUTE
    assert drills.history(session, workspace)[0].answered == 1


def test_an_answer_counts_for_a_week_and_for_the_place_it_was_sent_to(
    session: Session, workspace: Workspace, channel: Channel, links: Links
) -> None:
    drills.start(session, workspace, ANNA, NOW)
    [delivery] = drills.history(session, workspace)[0].deliveries
    token = token_of(links, delivery)

    with pytest.raises(InvalidToken, match="7 days"):
        drills.answer(session, links, token, NOW + 8 * DAY)
    channel.config = {"address": "successor@example.org"}
    with pytest.raises(InvalidToken, match="changed"):
        drills.answer(session, links, token, NOW)
    channel.unsubscribed_at = NOW
    with pytest.raises(InvalidToken, match="work"):
        drills.answer(session, links, token, NOW)
    with pytest.raises(InvalidToken):
        drills.answer(session, links, "17.abcdef.aaaa", NOW)


def test_the_weekly_one_is_due_on_monday_until_it_was_held(
    session: Session, workspace: Workspace, channel: Channel
) -> None:
    assert drills.weekly_due(session, MONDAY) == []

    drills.set_weekly(session, workspace.id, weekly=True)
    session.flush()

    assert drills.weekly_due(session, MONDAY - MINUTE) == []
    assert drills.weekly_due(session, MONDAY + 60 * MINUTE) == [workspace.id]
    drill = drills.start_weekly(session, workspace.id, MONDAY + 60 * MINUTE)
    assert drill is not None
    assert drill.started_by == "the weekly drill"
    assert drills.weekly_due(session, MONDAY + 61 * MINUTE) == []
    assert drills.start_weekly(session, workspace.id, MONDAY + 61 * MINUTE) is None
    assert drills.weekly_due(session, MONDAY + 7 * DAY) == [workspace.id]


def test_one_that_was_missed_by_hours_is_left_out(
    session: Session, workspace: Workspace, channel: Channel
) -> None:
    drills.set_weekly(session, workspace.id, weekly=True)
    session.flush()

    assert drills.weekly_due(session, MONDAY + timedelta(hours=5)) == []
    assert drills.start_weekly(session, workspace.id, MONDAY + timedelta(hours=5)) is None


def test_a_workspace_that_watches_nothing_is_left_alone(session: Session) -> None:
    workspace = make_workspace(session, time_zone="Europe/Berlin")
    make_monitor(session, workspace, status="paused")
    make_channel(session, workspace)
    workspace.drill_weekly = True
    session.flush()

    assert drills.weekly_due(session, MONDAY) == []


def test_the_weekly_one_waits_for_the_end_of_quiet_hours(
    session: Session, workspace: Workspace, channel: Channel
) -> None:
    channel.quiet_from, channel.quiet_until, channel.quiet_zone = time(6), time(10), "UTC"
    workspace.drill_weekly = True
    session.flush()

    drills.start_weekly(session, workspace.id, MONDAY)

    [delivery] = drills.history(session, workspace)[0].deliveries
    assert delivery.next_attempt_at == MONDAY + timedelta(hours=2)
