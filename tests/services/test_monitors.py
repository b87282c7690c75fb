"""Creating, editing, pausing, resuming and deleting monitors."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import InvalidMonitor, Rules
from earlywatch.domain.schedule import Cron, Interval, InvalidSchedule
from earlywatch.errors import EarlywatchError, NotFound
from earlywatch.models import Delivery, Incident, Monitor, Ping
from earlywatch.services import monitors
from earlywatch.services.monitors import Losses, MonitorValues, clean_name, clean_tags
from tests.builders import (
    make_channel,
    make_incident,
    make_monitor,
    make_ping,
    make_workspace,
)

HOUR = timedelta(hours=1)
RULES = Rules(Interval(HOUR), grace=timedelta(minutes=5))


def values(name: str = "nightly backup", rules: Rules = RULES, **others: object) -> MonitorValues:
    return MonitorValues(name, rules, **{"time_zone": "Europe/Berlin", **others})  # type: ignore[arg-type]


def count(session: Session, table: type) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def names_of_channels(session: Session, monitor: Monitor) -> list[str]:
    return [channel.name for channel in monitors.channels_of(session, monitor)]


def test_a_new_monitor_waits_without_judging(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)

    monitor = monitors.create_monitor(session, workspace, values(tags=("db", "prod")), now)

    assert (monitor.status, monitor.deadline_at) == ("new", None)
    assert monitor.tags == ["db", "prod"]
    assert monitor.time_zone == "Europe/Berlin"
    assert monitor.rules == RULES


def test_a_new_monitor_tells_all_default_channels_and_no_others(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)
    make_channel(session, workspace, name="mail")
    make_channel(session, workspace, "slack", name="room")
    make_channel(session, workspace, name="rarely", is_default=False)
    make_channel(session, make_workspace(session), name="of strangers")

    monitor = monitors.create_monitor(session, workspace, values(), now)

    assert names_of_channels(session, monitor) == ["mail", "room"]


def test_channels_of_another_workspace_cannot_be_chosen(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    own = make_channel(session, workspace, name="own", is_default=False)
    foreign = make_channel(session, make_workspace(session))

    monitor = monitors.create_monitor(
        session, workspace, values(channel_ids=(own.id, foreign.id)), now
    )

    assert names_of_channels(session, monitor) == ["own"]


def test_an_edit_computes_the_deadline_anew_from_the_last_success(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)
    monitor = make_monitor(
        session,
        workspace,
        schedule=Interval(timedelta(minutes=30)),
        status="up",
        last_ping_at=now - timedelta(minutes=10),
        last_success_at=now - timedelta(minutes=10),
        expected_at=now + timedelta(minutes=20),
        deadline_at=now + timedelta(minutes=20),
    )

    monitors.edit_monitor(session, workspace, monitor.id, values(), now)

    assert monitor.expected_at == now + timedelta(minutes=50)
    assert monitor.deadline_at == now + timedelta(minutes=55)


def test_a_new_name_alone_leaves_the_deadline_where_it_is(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    soon = now + timedelta(minutes=1)
    monitor = make_monitor(
        session, workspace, schedule=RULES.schedule, grace=RULES.grace, status="up",
        expected_at=soon, deadline_at=soon, last_success_at=now - 3 * HOUR,
    )  # fmt: skip

    monitors.edit_monitor(session, workspace, monitor.id, values("weekly backup"), now)

    assert (monitor.name, monitor.deadline_at) == ("weekly backup", soon)


def test_an_edit_does_not_hide_a_deadline_that_passed_unnoticed(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)
    channel = make_channel(session, workspace)
    passed = now - timedelta(seconds=3)
    monitor = make_monitor(
        session, workspace, channels=[channel], status="up", expected_at=passed, deadline_at=passed
    )

    monitors.edit_monitor(session, workspace, monitor.id, values(channel_ids=(channel.id,)), now)

    incident = session.scalars(select(Incident)).one()
    assert monitor.status == "late"
    assert incident.opened_at == passed
    assert count(session, Delivery) == 1


def test_an_edit_lets_a_monitor_that_was_set_aside_be_judged_again(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)
    monitor = make_monitor(session, workspace, set_aside_until=now + HOUR)

    monitors.edit_monitor(session, workspace, monitor.id, values(), now)

    assert monitor.set_aside_until is None


def test_a_cron_schedule_keeps_its_zone(session: Session, now: datetime) -> None:
    rules = Rules(Cron("30 2 * * 1-5", "America/New_York"), timedelta(0), HOUR)
    workspace = make_workspace(session)

    monitor = monitors.create_monitor(
        session, workspace, values(rules=rules, time_zone="America/New_York"), now
    )
    session.refresh(monitor)

    assert monitor.rules == rules


def test_pausing_ends_an_incident_and_resuming_counts_from_now(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)
    monitor = make_monitor(
        session, workspace, schedule=RULES.schedule, status="late", last_ping_at=now - 3 * HOUR
    )
    incident = make_incident(session, monitor, opened_at=now - HOUR)

    monitors.pause_monitor(session, workspace, monitor.id, now)
    session.refresh(incident)
    paused = monitor.status
    monitors.resume_monitor(session, workspace, monitor.id, now + HOUR)

    assert paused == "paused"
    assert incident.resolved_at == now
    assert (monitor.status, monitor.expected_at) == ("up", now + 2 * HOUR)


def test_deleting_takes_everything_along_and_says_before_how_much(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)
    monitor = make_monitor(session, workspace, channels=[make_channel(session, workspace)])
    make_incident(session, monitor)
    make_ping(session, monitor)
    make_ping(session, monitor)

    lost = monitors.losses(session, monitor)
    name = monitors.delete_monitor(session, workspace, monitor.id, now)

    assert lost == Losses(pings=2, incidents=1)
    assert name == "nightly backup"
    assert [count(session, table) for table in (Monitor, Ping, Incident)] == [0, 0, 0]


def test_a_long_history_goes_in_parts_and_the_newest_with_the_monitor(
    session: Session, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitors, "BATCH", 2)
    workspace = make_workspace(session)
    monitor = make_monitor(session, workspace)
    kept = make_ping(session, make_monitor(session, workspace))
    pings = [make_ping(session, monitor).id for _ in range(5)]

    first = monitors.delete_history(session, workspace, monitor.id, Ping)
    left = count(session, Ping)
    second = monitors.delete_history(session, workspace, monitor.id, Ping, first or 0)
    third = monitors.delete_history(session, workspace, monitor.id, Ping, second or 0)

    assert (first, left, second, third) == (pings[2] - 1, 4, pings[4] - 1, None)
    assert set(session.scalars(select(Ping.id))) == {kept.id, pings[4]}


def test_the_open_incident_stays_until_the_monitor_goes(
    session: Session, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitors, "BATCH", 1)
    workspace = make_workspace(session)
    monitor = make_monitor(session, workspace)
    make_incident(session, monitor, opened_at=now - HOUR, resolved_at=now)
    still_open = make_incident(session, monitor)

    after = monitors.delete_history(session, workspace, monitor.id, Incident)

    assert monitors.delete_history(session, workspace, monitor.id, Incident, after or 0) is None
    assert session.scalars(select(Incident)).all() == [still_open]


def test_pings_are_not_counted_without_end(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitors, "MOST_COUNTED", 2)
    monitor = make_monitor(session)
    for _ in range(5):
        make_ping(session, monitor)

    assert monitors.losses(session, monitor).pings == 3


def test_monitors_of_another_workspace_do_not_exist(session: Session, now: datetime) -> None:
    monitor, strangers = make_monitor(session), make_workspace(session)

    with pytest.raises(NotFound):
        monitors.find_monitor(session, strangers, monitor.id)
    with pytest.raises(NotFound):
        monitors.edit_monitor(session, strangers, monitor.id, values(), now)
    with pytest.raises(NotFound):
        monitors.pause_monitor(session, strangers, monitor.id, now)
    with pytest.raises(NotFound):
        monitors.resume_monitor(session, strangers, monitor.id, now)
    with pytest.raises(NotFound):
        monitors.delete_monitor(session, strangers, monitor.id, now)
    with pytest.raises(NotFound):
        monitors.delete_history(session, strangers, monitor.id, Ping)


def test_ping_keys_are_not_guessable(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)

    made = [monitors.create_monitor(session, workspace, values(), now) for _ in range(3)]

    assert len({monitor.ping_key for monitor in made}) == 3
    assert {monitor.ping_key.version for monitor in made} == {uuid4().version}


@pytest.mark.parametrize("text", ["", "  ", "x" * 101, "bell \a", "right-to-left \u202e"])
def test_names_that_cannot_be_shown_are_refused(text: str) -> None:
    with pytest.raises(InvalidMonitor, match=r"\.$"):
        clean_name(text)


def test_names_keep_emoji_and_lose_needless_spaces() -> None:
    assert clean_name("  nightly \n backup 👩‍💻 ") == "nightly backup 👩‍💻"


def test_tags_are_split_at_spaces_and_commas_and_kept_once() -> None:
    assert clean_tags(" db,prod  db, eu ") == ("db", "prod", "eu")


@pytest.mark.parametrize("text", ["x" * 41, " ".join(map(str, range(21))), "\x00"])
def test_tags_have_limits(text: str) -> None:
    with pytest.raises(InvalidMonitor, match=r"\.$"):
        clean_tags(text)


@pytest.mark.parametrize("wrong", [{"name": " x"}, {"tags": ("a b",)}, {"time_zone": "Mars"}])
def test_values_that_make_no_sense_cannot_be_built(wrong: dict[str, object]) -> None:
    with pytest.raises((InvalidMonitor, InvalidSchedule)) as error:
        values(**wrong)  # type: ignore[arg-type]

    assert isinstance(error.value, EarlywatchError)
