"""Pings: stored, applied in order, and never mixed up with each other."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind
from earlywatch.domain.schedule import Cron
from earlywatch.models import Delivery, Monitor, Ping
from earlywatch.services.incoming import IncomingPing, Outcome
from earlywatch.services.pings import record
from tests.builders import make_channel, make_incident, make_monitor, make_workspace
from tests.services.pinging import incidents, ping, stored

SUCCESS, START, FAIL, LOG = PingKind.SUCCESS, PingKind.START, PingKind.FAIL, PingKind.LOG
PERIOD, GRACE = timedelta(seconds=10), timedelta(seconds=2)  # what builders give
SECOND = timedelta(seconds=1)
RUN = UUID("2f1c9a52-6a9e-4f0b-9d7e-0c8d5b1f3a64")


def test_a_first_success_arms_the_monitor(session: Session, now: datetime) -> None:
    monitor = make_monitor(session)

    assert record(session, [ping(monitor, SUCCESS, now)], now) == [Outcome.RECORDED]

    session.refresh(monitor)
    assert monitor.status == "up"
    assert monitor.last_ping_at == monitor.last_success_at == now
    assert monitor.expected_at == now + PERIOD
    assert monitor.deadline_at == now + PERIOD + GRACE
    assert incidents(session, monitor) == []


def test_everything_a_ping_says_is_kept(session: Session, now: datetime) -> None:
    monitor = make_monitor(session)
    sent = IncomingPing(
        monitor.ping_key,
        FAIL,
        now,
        method="POST",
        scheme="https",
        exit_status=17,
        run_id=RUN,
        message='back\\slash, "quotes", {braces}, tab\t, NULL, \\N and ünïcode 🐘',
        body=bytes(range(256)),
        remote_address="2001:db8::1",
        user_agent="curl/8",
    )

    record(session, [sent], now)

    [kept] = stored(session, monitor)
    for name in ("exit_status", "run_id", "message", "body", "method", "scheme"):
        assert getattr(kept, name) == getattr(sent, name), name
    assert (kept.kind, kept.received_at) == ("fail", now)
    assert (str(kept.remote_address), kept.user_agent) == ("2001:db8::1", "curl/8")


def test_an_unknown_key_leaves_the_others_alone(session: Session, now: datetime) -> None:
    monitor = make_monitor(session)
    batch = [ping(uuid4(), SUCCESS, now), ping(monitor, SUCCESS, now), ping(uuid4(), FAIL, now)]

    outcomes = record(session, batch, now)

    assert outcomes == [Outcome.UNKNOWN, Outcome.RECORDED, Outcome.UNKNOWN]
    assert len(stored(session, monitor)) == 1


def test_unknown_keys_alone_store_nothing(session: Session, now: datetime) -> None:
    assert record(session, [ping(uuid4(), SUCCESS, now)], now) == [Outcome.UNKNOWN]
    assert session.scalar(select(func.count()).select_from(Ping)) == 0


def test_pings_of_one_batch_apply_in_their_order(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    channel = make_channel(session, workspace)
    monitor = make_monitor(session, workspace, channels=[channel])
    kinds = [SUCCESS, FAIL, SUCCESS, FAIL]

    record(session, [ping(monitor, kind, now + n * SECOND) for n, kind in enumerate(kinds)], now)

    session.refresh(monitor)
    assert monitor.status == "failed"
    assert [kept.kind for kept in stored(session, monitor)] == [kind.value for kind in kinds]
    first, second = incidents(session, monitor)
    assert (first.opened_at, first.resolved_at) == (now + SECOND, now + 2 * SECOND)
    assert (second.opened_at, second.resolved_at) == (now + 3 * SECOND, None)
    told = session.scalars(select(Delivery.alert).order_by(Delivery.id)).all()
    assert told == ["opened", "resolved", "opened"]


def test_a_deadline_nobody_noticed_is_settled_first(session: Session, now: datetime) -> None:
    monitor = make_monitor(session)
    record(session, [ping(monitor, SUCCESS, now)], now)
    later = now + timedelta(minutes=5)

    record(session, [ping(monitor, SUCCESS, later)], later)

    session.refresh(monitor)
    [incident] = incidents(session, monitor)
    assert incident.cause == "missed"
    assert incident.opened_at == now + PERIOD + GRACE
    assert incident.resolved_at == later
    assert (monitor.status, monitor.deadline_at) == ("up", later + PERIOD + GRACE)


def test_a_success_resolves_what_the_detector_opened(session: Session, now: datetime) -> None:
    monitor = make_monitor(session, status="late", last_ping_at=now, last_success_at=now)
    make_incident(session, monitor, opened_at=now)

    record(session, [ping(monitor, SUCCESS, now + SECOND)], now + SECOND)

    [incident] = incidents(session, monitor)
    assert incident.resolved_at == now + SECOND


def test_a_failure_keeps_its_exit_status_with_the_incident(session: Session, now: datetime) -> None:
    monitor = make_monitor(session)

    record(session, [ping(monitor, FAIL, now, exit_status=3)], now)

    [incident] = incidents(session, monitor)
    assert (incident.cause, incident.exit_status) == ("failed", 3)


@pytest.mark.parametrize("status", ["paused", "frozen"])
def test_pings_to_a_monitor_that_is_not_watched_are_kept_and_not_judged(
    session: Session, now: datetime, status: str
) -> None:
    monitor = make_monitor(session, status=status)

    assert record(session, [ping(monitor, FAIL, now)], now) == [Outcome.UNWATCHED]

    session.refresh(monitor)
    assert (monitor.status, monitor.last_ping_at) == (status, now)
    assert len(stored(session, monitor)) == 1
    assert incidents(session, monitor) == []


@pytest.mark.parametrize(
    ("started", "ended", "duration"),
    [(None, None, 7 * SECOND), (RUN, RUN, 7 * SECOND), (RUN, None, None), (None, RUN, None)],
)
@pytest.mark.parametrize("kind", [SUCCESS, FAIL])
def test_the_end_of_a_known_run_knows_how_long_it_took(
    session: Session,
    now: datetime,
    kind: PingKind,
    started: UUID | None,
    ended: UUID | None,
    duration: timedelta | None,
) -> None:
    monitor = make_monitor(session)
    record(session, [ping(monitor, START, now, run_id=started)], now)

    record(session, [ping(monitor, kind, now + 7 * SECOND, run_id=ended)], now)

    assert stored(session, monitor)[-1].duration == duration


def test_a_log_changes_nothing_but_the_time_of_the_last_ping(
    session: Session, now: datetime
) -> None:
    monitor = make_monitor(session)
    record(session, [ping(monitor, SUCCESS, now)], now)

    record(session, [ping(monitor, LOG, now + SECOND)], now)

    session.refresh(monitor)
    assert (monitor.status, monitor.last_ping_at) == ("up", now + SECOND)
    assert (monitor.last_success_at, monitor.deadline_at) == (now, now + PERIOD + GRACE)


def test_a_schedule_in_a_time_zone_is_kept(session: Session, now: datetime) -> None:
    monitor = make_monitor(session, schedule=Cron("30 3 * * *", "Europe/Berlin"))

    record(session, [ping(monitor, SUCCESS, now)], now)

    session.refresh(monitor)
    assert monitor.expected_at == datetime.fromisoformat("2026-11-21T02:30:00Z")


def test_a_set_aside_monitor_whose_ping_was_judged_is_judged_again(
    session: Session, now: datetime
) -> None:
    monitor = make_monitor(session, set_aside_until=now + timedelta(minutes=5))

    record(session, [ping(monitor, SUCCESS, now)], now)

    session.refresh(monitor)
    assert monitor.set_aside_until is None


UNREADABLE: list[dict[str, object]] = [
    {"period": None, "schedule_kind": "cron", "expression": "0 3 * * *", "time_zone": "Old/Zone"},
    {"period": None, "schedule_kind": "cron", "expression": "every morning"},
    {"period": None, "schedule_kind": "oncalendar", "expression": "1999-12-31"},
    {"grace": timedelta(days=9999)},
]


def spoil(session: Session, monitor: Monitor, columns: dict[str, object]) -> None:
    session.execute(update(Monitor).filter_by(id=monitor.id).values(**columns))
    session.refresh(monitor)


@pytest.mark.parametrize("columns", UNREADABLE)
def test_a_schedule_that_cannot_be_read_any_more_costs_no_ping(
    session: Session, now: datetime, columns: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    sound, spoilt = make_monitor(session), make_monitor(session)
    batch = [ping(spoilt, SUCCESS, now), ping(sound, SUCCESS, now)]
    record(session, batch, now)
    spoil(session, spoilt, columns)
    later = now + SECOND
    batch = [ping(spoilt, SUCCESS, later), ping(sound, SUCCESS, later)]

    assert record(session, batch, later) == [Outcome.RECORDED] * 2

    session.refresh(spoilt)
    assert len(stored(session, spoilt)) == 2
    assert (spoilt.status, spoilt.last_ping_at) == ("up", later)
    assert (spoilt.last_success_at, spoilt.deadline_at) == (now, now + PERIOD + GRACE)
    session.refresh(sound)
    assert sound.deadline_at == later + PERIOD + GRACE
    [told] = caplog.records
    assert (told.levelname, told.__dict__["monitor_id"]) == ("ERROR", spoilt.id)


def test_a_failure_is_one_although_the_schedule_cannot_be_read(
    session: Session, now: datetime
) -> None:
    monitor = make_monitor(session)
    spoil(session, monitor, UNREADABLE[0])

    record(session, [ping(monitor, FAIL, now, exit_status=3)], now)

    [incident] = incidents(session, monitor)
    assert (incident.cause, incident.exit_status) == ("failed", 3)


def history(session: Session, monitor: Monitor) -> list[object]:
    session.refresh(monitor)
    return [
        monitor.state,
        [(kept.kind, kept.received_at, kept.duration) for kept in stored(session, monitor)],
        [(each.cause, each.opened_at, each.resolved_at) for each in incidents(session, monitor)],
    ]


def one_batch(session: Session, pings: list[IncomingPing]) -> None:
    record(session, pings, pings[-1].received_at)


def one_by_one(session: Session, pings: list[IncomingPing]) -> None:
    for each in pings:
        record(session, [each], each.received_at)


@pytest.mark.parametrize("seed", range(5))
def test_what_happened_does_not_depend_on_how_pings_were_gathered(
    session: Session, now: datetime, seed: int
) -> None:
    def live(store: Callable[[Session, list[IncomingPing]], None]) -> list[object]:
        monitor = make_monitor(session, max_runtime=5 * SECOND)
        steps = [(seed * 31 + n * n * 7) % 97 for n in range(40)]
        pings, at = [], now
        for step in steps:
            at += timedelta(seconds=step % 17)
            kind = (SUCCESS, START, SUCCESS, FAIL, START, LOG, SUCCESS)[step % 7]
            pings.append(ping(monitor, kind, at, run_id=RUN if step % 3 else None))
        store(session, pings)
        return history(session, monitor)

    assert live(one_batch) == live(one_by_one)
