"""Targets that set a pace: never more than they take, and nobody forgotten."""

from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from sqlalchemy.orm import Session

from earlywatch.channels.registry import Doors, Pace, kind
from earlywatch.models import Channel
from earlywatch.services import deliveries, pacing
from earlywatch.services.links import Links
from earlywatch.services.outbox import Outcome
from tests.builders import make_channel, make_delivery
from tests.services.sending import attempt_all, claimed

SECOND = timedelta(seconds=1)

paces = st.builds(Pace, st.integers(1, 60), st.floats(0.5, 120))


def slack(session: Session, server: HTTPServer) -> Channel:
    """A Slack channel, which takes a message a second, that leads to a server of the test."""
    return make_channel(session, kind="slack", config={"webhook_url": server.url_for("/hook")})


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(pace=paces, waits=st.lists(st.floats(0, 30), min_size=1, max_size=60))
def test_no_target_gets_more_than_its_pace_in_any_time(
    session: Session, now: datetime, pace: Pace, waits: list[float]
) -> None:
    asked, slots = now, []
    with session.begin_nested() as undone:
        for wait in waits:
            asked += timedelta(seconds=wait)
            slots.append(pacing.slot(session, None, "slack", {"url": "x"}, pace, asked))
            assert slots[-1] >= asked
        undone.rollback()

    length = timedelta(seconds=pace.seconds) - timedelta(microseconds=pace.messages)
    for first, later in zip(slots, slots[pace.messages :], strict=False):
        assert later - first >= length


def test_what_a_target_does_not_take_yet_waits_for_its_moment_and_goes_out_then(
    session: Session, links: Links, doors: Doors, now: datetime, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    channel = slack(session, httpserver)
    rows = [make_delivery(session, channel, now=now) for _ in range(3)]

    outcomes = attempt_all(session, links, doors, now)

    assert [outcome.sent for outcome in outcomes] == [True, False, False]
    for row in rows:
        session.refresh(row)
    assert [row.attempts for row in rows] == [1, 0, 0]
    assert [row.next_attempt_at - now for row in rows[1:]] == [SECOND, 2 * SECOND]
    assert "turn" in (rows[1].answer or "")

    [second] = attempt_all(session, links, doors, now + SECOND)
    [third] = attempt_all(session, links, doors, now + 2 * SECOND)

    assert second.sent
    assert third.sent


def test_two_channels_to_one_target_share_its_pace(
    session: Session, links: Links, doors: Doors, now: datetime, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    make_delivery(session, slack(session, httpserver))
    make_delivery(session, slack(session, httpserver))

    assert [one.sent for one in attempt_all(session, links, doors, now)] == [True, False]


def test_a_moment_that_was_missed_is_asked_for_again(session: Session, now: datetime) -> None:
    pace = Pace(1, 1)
    late, fresh = now - pacing.MISSED, now - SECOND

    assert pacing.slot(session, fresh, "slack", {}, pace, now) == now - SECOND
    assert pacing.slot(session, late, "slack", {}, pace, now) == now
    assert pacing.slot(session, late, "slack", {}, pace, now) == now + SECOND


def test_a_target_that_asks_us_to_wait_is_left_alone_by_its_other_messages(
    session: Session, links: Links, now: datetime
) -> None:
    channel = make_channel(session, kind="slack")
    make_delivery(session, channel)
    outgoing = claimed(session, links, now)
    asked = Outcome(sent=False, answer="Slack answered 429.", retry_after=90 * SECOND)
    deliveries.record(session, outgoing, asked, now)

    pace = kind("slack").pace
    slot = pacing.slot(session, None, channel.kind, channel.config, pace, now + SECOND)

    assert slot == now + 90 * SECOND
