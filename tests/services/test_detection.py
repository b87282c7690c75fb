"""The detector: what passed its deadline becomes an incident, once, dated at the deadline."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import Cause, Status
from earlywatch.domain.runs import Run
from earlywatch.models import Delivery, Incident, Monitor, Tick
from earlywatch.services.detection import SET_ASIDE, STALE_TICK, detect, is_ticking, mark_tick
from tests.builders import make_channel, make_monitor, make_workspace

SECOND = timedelta(seconds=1)


def overdue(session: Session, now: datetime, **columns: Any) -> Monitor:
    """A monitor with one channel whose deadline passed five seconds ago."""
    workspace = make_workspace(session)
    channel = make_channel(session, workspace)
    values: dict[str, Any] = {
        "status": "up",
        "last_ping_at": now - 17 * SECOND,
        "last_success_at": now - 17 * SECOND,
        "expected_at": now - 7 * SECOND,
        "deadline_at": now - 5 * SECOND,
        **columns,
    }
    return make_monitor(session, workspace, channels=[channel], **values)


def test_silence_becomes_one_incident_dated_at_the_deadline(
    session: Session, now: datetime
) -> None:
    monitor = overdue(session, now)

    first = detect(session, now)
    second = detect(session, now + SECOND)

    [incident] = session.scalars(select(Incident)).all()
    assert (first.judged, first.deliveries) == (1, 1)
    assert (second.judged, second.deliveries) == (0, 0)
    assert incident.cause == Cause.MISSED
    assert incident.opened_at == now - 5 * SECOND
    assert incident.noticed_at == now
    assert incident.expected_at == now - 7 * SECOND
    assert incident.last_ping_at == now - 17 * SECOND
    session.refresh(monitor)
    assert (monitor.status, monitor.deadline_at) == (Status.LATE, None)


def test_a_run_over_its_limit_opens_an_incident_that_says_so(
    session: Session, now: datetime
) -> None:
    runs = (Run(UUID(int=1), now - 65 * SECOND), Run(None, now - 9 * SECOND))
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    monitor = overdue(session, now, expected_at=now + hour, runs=runs, max_runtime=minute)

    detect(session, now)

    assert session.scalars(select(Incident.cause)).one() == Cause.OVERRAN
    session.refresh(monitor)
    assert (monitor.status, monitor.runs) == (Status.LATE, runs)


def test_a_deadline_that_has_not_come_is_left_alone(session: Session, now: datetime) -> None:
    overdue(session, now, deadline_at=now + SECOND)

    assert detect(session, now).judged == 0


def test_a_monitor_whose_deadline_moved_on_is_looked_at_then(
    session: Session, now: datetime
) -> None:
    monitor = overdue(session, now, deadline_at=now + 9 * SECOND)
    monitor.look_at = now
    session.flush()

    early = detect(session, now)
    session.refresh(monitor)
    in_time = detect(session, now + 9 * SECOND)

    assert (early.looked, early.judged) == (1, 0)
    assert monitor.look_at == now + 9 * SECOND
    assert (in_time.looked, in_time.judged, in_time.deliveries) == (1, 1, 1)


def test_the_database_itself_sees_to_it_that_no_deadline_passes_unseen(
    session: Session, now: datetime
) -> None:
    monitor = overdue(session, now, deadline_at=now + 9 * SECOND)
    for look_at in (None, now + 10 * SECOND):
        session.execute(update(Monitor).where(Monitor.id == monitor.id).values(look_at=look_at))

        session.refresh(monitor)
        assert monitor.look_at == monitor.deadline_at


def test_a_deadline_counts_from_its_very_moment(session: Session, now: datetime) -> None:
    overdue(session, now, deadline_at=now)

    assert detect(session, now).judged == 1


def test_only_channels_that_work_are_told(session: Session, now: datetime) -> None:
    monitor = overdue(session, now)
    for state in ({"verified": False}, {"broken_at": now}, {"unsubscribed_at": now}):
        channel = make_channel(session, **state)
        session.execute(
            text("INSERT INTO monitor_channel VALUES (:monitor, :channel)"),
            {"monitor": monitor.id, "channel": channel.id},
        )

    assert detect(session, now).deliveries == 1


def test_a_monitor_whose_schedule_is_broken_is_judged_all_the_same(
    session: Session, now: datetime
) -> None:
    monitor = overdue(session, now)
    session.execute(
        text(
            "UPDATE monitor SET schedule_kind = 'cron', period = NULL, expression = 'nonsense'"
            " WHERE id = :id"
        ),
        {"id": monitor.id},
    )

    assert detect(session, now).deliveries == 1


def test_a_monitor_whose_judging_raises_is_set_aside_and_the_others_are_judged(
    session: Session, now: datetime
) -> None:
    broken = overdue(session, now, deadline_at=now - 9 * SECOND)
    poison = f"ALTER TABLE incident ADD CONSTRAINT poison CHECK (monitor_id <> {broken.id})"
    session.execute(text(poison))
    overdue(session, now)

    found = detect(session, now)

    assert (found.judged, found.deliveries) == (2, 1)
    session.refresh(broken)
    assert broken.deadline_at == now - 9 * SECOND
    assert broken.set_aside_until == now + SET_ASIDE
    assert detect(session, now + SECOND).judged == 0


def test_a_monitor_set_aside_is_judged_again_and_dated_at_its_true_deadline(
    session: Session, now: datetime
) -> None:
    overdue(session, now, set_aside_until=now + SET_ASIDE)

    assert detect(session, now).judged == 0
    assert detect(session, now + SET_ASIDE).judged == 1

    assert session.scalars(select(Incident.opened_at)).one() == now - 5 * SECOND


def test_more_than_a_batch_is_found_in_several_rounds_the_oldest_first(
    session: Session, now: datetime
) -> None:
    oldest = overdue(session, now, deadline_at=now - 30 * SECOND)
    overdue(session, now)
    overdue(session, now)

    first = detect(session, now, limit=1)
    second = detect(session, now, limit=5)

    assert (first.judged, second.judged) == (1, 2)
    assert session.scalars(select(Incident.monitor_id).order_by(Incident.id)).first() == oldest.id


def test_a_tick_is_marked_and_the_clock_never_takes_it_back(
    session: Session, now: datetime
) -> None:
    mark_tick(session, now)
    mark_tick(session, now - SECOND)

    assert session.get_one(Tick, "detect").ticked_at == now
    assert is_ticking(session, now + STALE_TICK)
    assert not is_ticking(session, now + STALE_TICK + SECOND)


def test_a_detector_that_never_ran_does_not_tick(session: Session, now: datetime) -> None:
    assert not is_ticking(session, now)


def test_an_incident_without_a_working_channel_is_still_written(
    session: Session, now: datetime
) -> None:
    make_monitor(session, status="up", deadline_at=now, expected_at=now)

    detect(session, now)

    assert session.scalars(select(Incident)).one()
    assert session.scalars(select(Delivery)).all() == []
