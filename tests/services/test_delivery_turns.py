"""Whose turn it is: fair between workspaces, and quick however much waits."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.models import Attempt, Channel, Delivery
from earlywatch.services import aside, turns
from earlywatch.services.links import Links
from earlywatch.services.outbox import LEASE, Outcome, storable
from earlywatch.services.queueing import APART, Queued, queue
from tests.builders import make_channel, make_delivery, make_incident, make_monitor
from tests.services.sending import claimed, compose

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)

milliseconds = st.integers(1, 40).map(lambda number: timedelta(milliseconds=number))
FILL = text("""
    INSERT INTO delivery (workspace_id, channel_id, alert, created_at, due_at, next_attempt_at,
        turn_at, attempts)
    SELECT :workspace_id, :channel_id, 'test', :now, :now, CAST(:now AS timestamptz) + :later,
        CAST(:now AS timestamptz) + :later + n * interval '20 ms', :attempts
    FROM generate_series(1, :count) AS n
""")


def fill(session: Session, channel: Channel, now: datetime, later: timedelta, count: int) -> None:
    """Queue many for a channel; `later` in the future they wait for a retry."""
    values = {"workspace_id": channel.workspace_id, "channel_id": channel.id, "now": now}
    session.execute(FILL, {**values, "later": later, "attempts": int(bool(later)), "count": count})


def queue_alerts(session: Session, channel: Channel, count: int, now: datetime) -> None:
    """Queue alerts of so many incidents as the planner does."""
    rows = []
    for _ in range(count):
        monitor = make_monitor(session, status="late")
        incident = make_incident(session, monitor)
        kind, workspace_id = AlertKind.OPENED, channel.workspace_id
        rows.append(Queued(workspace_id, incident.id, channel.id, kind, 0, False, now))
    assert queue(session, rows, now) == count


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    burst=st.integers(1, 40), after=st.integers(0, 30), count=st.integers(1, 4), takes=milliseconds
)
def test_a_burst_of_one_workspace_does_not_delay_the_others(
    session: Session, now: datetime, burst: int, after: int, count: int, takes: timedelta
) -> None:
    """While each message takes `takes`, the n-th of others waits for n of the burst at most."""
    with session.begin_nested() as undone:
        many, few = make_channel(session), make_channel(session)
        queue_alerts(session, many, burst, now)
        sent = 0
        moment = now
        while sent < after and turns.claim(session, moment, ()):
            sent += 1
            moment += takes
        queued_at = moment
        queue_alerts(session, few, count, queued_at)
        left = []
        while taken := turns.claim(session, moment, ()):
            moment += takes
            if session.get_one(Delivery, taken.id).channel_id == few.id:
                left.append(moment)
        undone.rollback()

    assert len(left) == count
    for number, moment in enumerate(left):
        turn = queued_at + number * APART
        had_turns = (turn - now) // APART + 1  # of the burst, by then
        ahead = max(0, min(burst, had_turns) - sent) + number
        assert moment - turn <= takes * (ahead + 2)


@pytest.mark.parametrize("later", [timedelta(0), 30 * SECOND, HOUR])
def test_a_claim_does_not_read_through_what_others_have_waiting(
    session: Session, now: datetime, later: timedelta
) -> None:
    fill(session, make_channel(session), now, later, 10_000)
    mine = make_delivery(session, now=now)
    session.execute(text("ANALYZE delivery"))

    explained = explain_claim(session, now)

    assert "ix_delivery_turn" in explained.indexes
    assert explained.read <= 5
    taken = turns.claim(session, now, ())
    assert taken is not None
    assert later == timedelta(0) or taken.id == mine.id


def test_nothing_due_is_found_without_reading_what_waits(session: Session, now: datetime) -> None:
    fill(session, make_channel(session), now, HOUR, 10_000)
    session.execute(text("ANALYZE delivery"))

    assert explain_claim(session, now).read == 0
    assert turns.claim(session, now, ()) is None


@dataclass(frozen=True)
class Explained:
    """Which indexes a statement used, and how many rows it read."""

    indexes: set[str | None]
    read: int


def explain_claim(session: Session, now: datetime) -> Explained:
    """Run a claim, and take it back."""
    with session.begin_nested() as undone:
        claim = turns.CLAIM.format(columns="id", lazily="1")
        values = {"now": now, "lease_ends_at": now + LEASE, "busy": []}
        explained = text(f"EXPLAIN (ANALYZE, FORMAT JSON) {claim}")
        plan = session.execute(explained, values).scalar_one()
        undone.rollback()
    found = plan if isinstance(plan, list) else json.loads(plan)
    nodes = list(walk(found[0]["Plan"]))
    scans = [node for node in nodes if "Scan" in node["Node Type"]]
    read = sum(
        node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0)
        for node in scans
    )
    return Explained({node.get("Index Name") for node in scans}, read)


def walk(node: dict[str, Any]) -> list[dict[str, Any]]:
    """A plan and all plans in it."""
    return [node, *(each for child in node.get("Plans", []) for each in walk(child))]


def test_a_retried_delivery_takes_its_turn_when_it_is_due_again(
    session: Session, links: Links, now: datetime
) -> None:
    delivery = make_delivery(session, now=now)
    outgoing = claimed(session, links, now)

    turns.record(session, outgoing.claim, Outcome(sent=False, answer="451"), now, 0.0)

    session.refresh(delivery)
    assert delivery.turn_at == delivery.next_attempt_at > now


def test_a_deferred_delivery_has_not_used_up_a_try(
    session: Session, links: Links, now: datetime
) -> None:
    delivery = make_delivery(session, now=now)
    outgoing = claimed(session, links, now)

    turns.defer(session, outgoing.claim, now + HOUR, "Waiting.")

    session.refresh(delivery)
    assert (delivery.attempts, delivery.last_attempt_at) == (0, None)
    assert delivery.turn_at == delivery.next_attempt_at == now + HOUR
    assert session.query(Attempt).count() == 0


def test_what_is_postponed_together_keeps_its_distance(
    session: Session, links: Links, now: datetime
) -> None:
    channel = make_channel(session)
    first = make_delivery(session, channel, now=now)
    fill(session, channel, now, timedelta(0), 3)
    outgoing = claimed(session, links, now)
    assert outgoing.claim.id == first.id

    turns.defer(session, outgoing.claim, now + HOUR, "Waiting.")
    turns.postpone(session, outgoing.claim.id, whole_channel=True)

    session.expire_all()
    found = [row.turn_at - now - HOUR for row in session.query(Delivery).order_by(Delivery.id)]
    assert found == [n * APART for n in range(4)]


def test_many_ends_wait_behind_what_is_tried_again_without_being_read_twice(
    session: Session, links: Links, now: datetime
) -> None:
    channel = make_channel(session)
    ends = []
    for _ in range(3):
        incident = make_incident(session, make_monitor(session, status="late"))
        opened: dict[str, Any] = {
            "attempts": 1,
            "next_attempt_at": now + HOUR,
            "turn_at": now + HOUR,
        }
        make_delivery(session, channel, incident, AlertKind.OPENED, **opened)
        ends.append(make_delivery(session, channel, incident, AlertKind.RESOLVED, now=now))

    taken = turns.claim(session, now, ())
    assert taken is not None
    assert aside.steps_aside(session, compose(session, taken.id, links, now), now)
    assert turns.claim(session, now, ()) is None

    session.expire_all()
    assert {end.next_attempt_at for end in ends} == {now + HOUR}
    assert {end.attempts for end in ends} == {0}


def test_what_the_database_cannot_store_is_left_out_of_answers() -> None:
    assert storable("250\0 ok") == "250 ok"
