"""Windows in which nobody is told: whom they hold back, and until when."""

from datetime import datetime, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.cron import Cron
from earlywatch.domain.windows import Begins, Once, Weekly, Window
from earlywatch.errors import NotFound
from earlywatch.models import Delivery, Incident, Maintenance, Monitor, Workspace
from earlywatch.models.incident import Held
from earlywatch.services import holds, maintenance, maintenance_edits, telling
from earlywatch.services.cases import load
from earlywatch.services.maintenance_edits import InvalidMaintenance, MaintenanceValues
from tests.builders import make_channel, make_incident, make_monitor, make_workspace
from tests.services.tellings import make_policy
from tests.statements import statements

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def workspace(session: Session) -> Workspace:
    """A workspace without anything."""
    return make_workspace(session)


def make_window(
    session: Session,
    workspace: Workspace,
    begins: Begins,
    length: timedelta = HOUR,
    *tags: str,
    monitor: Monitor | None = None,
    now: datetime,
) -> Maintenance:
    values = MaintenanceValues(
        "upgrade", Window(begins, length), tags, monitor.id if monitor else None
    )
    return maintenance_edits.create_window(session, workspace, values, now)


def late(session: Session, workspace: Workspace, now: datetime, *tags: str) -> Incident:
    channel = make_channel(session, workspace)
    monitor = make_monitor(session, workspace, status="late", tags=list(tags), channels=[channel])
    return make_incident(session, monitor, opened_at=now, next_step_at=now)


def held(session: Session, now: datetime, *incidents: Incident) -> list[datetime | None]:
    found = maintenance.hold(session, load(session, [each.id for each in incidents]), now)
    assert all(each.held is Held.MAINTENANCE for each in found.values())
    return [found[each.id].until if each.id in found else None for each in incidents]


def test_a_window_holds_back_the_monitors_that_it_is_for(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    make_window(session, workspace, Once(now, "UTC"), HOUR, "db", now=now)
    with_tag, without = late(session, workspace, now, "db", "x"), late(session, workspace, now)
    elsewhere = late(session, make_workspace(session), now, "db")

    assert held(session, now, with_tag, without, elsewhere) == [now + HOUR, None, None]
    assert held(session, now + HOUR, with_tag) == [None]


def test_a_window_without_tags_is_for_all(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    make_window(session, workspace, Once(now, "UTC"), now=now)

    assert held(session, now, late(session, workspace, now)) == [now + HOUR]


def test_a_window_of_one_monitor_is_for_it_alone(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    mine, other = late(session, workspace, now), late(session, workspace, now)

    maintenance_edits.rest_monitor(session, workspace, mine.monitor, HOUR, now)

    assert held(session, now, mine, other) == [now.replace(second=0) + HOUR, None]


def test_of_several_windows_the_last_end_counts(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    make_window(session, workspace, Once(now, "UTC"), HOUR, now=now)
    make_window(session, workspace, Cron("0 5 * * *", "UTC"), 3 * HOUR, now=now)
    make_window(session, workspace, Weekly((5,), time(5), "UTC"), 2 * HOUR, now=now)

    eight = now.replace(hour=8, minute=0, second=0)
    assert held(session, now, late(session, workspace, now)) == [eight]


def test_asking_for_many_incidents_takes_one_query(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    make_window(session, workspace, Once(now, "UTC"), now=now)
    found = [late(session, place, now) for place in (workspace, make_workspace(session))] * 3
    cases = load(session, [each.id for each in found])

    with statements(session) as ran:
        maintenance.hold(session, cases, now)

    assert len(ran) == 1


def test_what_is_late_in_a_window_is_told_when_it_ends(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    make_window(session, workspace, Once(now, "UTC"), now=now)
    incident = late(session, workspace, now)

    telling.tell_due(session, now)
    session.expire_all()
    assert (incident.held, incident.next_step_at) == ("maintenance", now + HOUR)
    telling.tell_due(session, now + HOUR - MINUTE)
    assert told(session) == []

    telling.tell_due(session, now + HOUR)
    assert told(session) == ["opened"]


def test_the_steps_count_from_the_end_of_the_window(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    first, later = make_channel(session, workspace), make_channel(session, workspace)
    make_policy(session, workspace, (10, [first]), (60, [later]))
    late(session, workspace, now)
    telling.tell_due(session, now)
    make_window(session, workspace, Once(now + 5 * MINUTE, "UTC"), 4 * HOUR, now=now)

    told_at: dict[int, int] = {}
    for minute in range(0, 320, 5):
        telling.tell_due(session, now + minute * MINUTE)
        told_at.setdefault(len(told(session)), minute)

    assert told_at == {0: 0, 1: 255, 2: 305}


def test_a_window_changes_nothing_for_who_was_told_before(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    boss = make_channel(session, workspace)
    make_policy(session, workspace, (0, []), (10, [boss]), repeat_every=30 * MINUTE)
    late(session, workspace, now)
    telling.tell_due(session, now)
    make_window(session, workspace, Once(now + 5 * MINUTE, "UTC"), 4 * HOUR, now=now)

    for minute in range(5, 50, 5):
        telling.tell_due(session, now + minute * MINUTE)

    assert told(session) == ["opened", "escalated", "reminder", "reminder"]


def test_a_window_that_is_ended_early_tells_what_is_late_at_the_next_tick(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    row = make_window(session, workspace, Cron("0 5 * * *", "UTC"), 3 * HOUR, now=now)
    incident = late(session, workspace, now)
    telling.tell_due(session, now)

    maintenance_edits.end_window(session, workspace, row.id, now + MINUTE)
    maintenance.wake(session, workspace.id, now + MINUTE)
    telling.tell_due(session, now + MINUTE)

    assert told(session) == ["opened"]
    assert held(session, now + timedelta(days=1), incident) != [None]  # it comes again


@pytest.mark.parametrize("act", ["delete", "edit"])
def test_a_window_that_is_deleted_or_moved_holds_nothing_back(
    session: Session, workspace: Workspace, now: datetime, act: str
) -> None:
    row = make_window(session, workspace, Once(now, "UTC"), now=now)
    late(session, workspace, now)
    telling.tell_due(session, now)

    if act == "delete":
        maintenance_edits.delete_window(session, workspace, row.id)
    else:
        moved = MaintenanceValues("later", Window(Once(now + HOUR, "UTC"), HOUR))
        maintenance_edits.edit_window(session, workspace, row.id, moved)
    maintenance.wake(session, workspace.id, now)
    telling.tell_due(session, now)

    assert told(session) == ["opened"]


def test_a_monitor_that_leaves_its_window_is_looked_at_again(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    make_window(session, workspace, Once(now, "UTC"), HOUR, "db", now=now)
    incident = late(session, workspace, now, "db")
    telling.tell_due(session, now)

    incident.monitor.tags = []
    session.flush()
    holds.look_again(session, incident.monitor_id, now + MINUTE)
    telling.tell_due(session, now + MINUTE)

    assert told(session) == ["opened"]


def test_a_window_that_cannot_be_read_any_more_holds_nothing_back(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    row = make_window(session, workspace, Cron("0 5 * * *", "UTC"), now=now)
    row.time_zone = "Europe/Atlantis"

    assert held(session, now, late(session, workspace, now)) == [None]
    listing = maintenance_edits.list_windows(session, workspace, now)
    assert [each.window for each in listing.past] == [None]


def test_the_list_tells_present_coming_and_past_windows_apart(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    present = make_window(session, workspace, Once(now, "UTC"), now=now)
    later = make_window(session, workspace, Once(now + 3 * HOUR, "UTC"), now=now)
    sooner = make_window(session, workspace, Once(now + HOUR, "UTC"), now=now)
    past = make_window(session, workspace, Once(now - 2 * HOUR, "UTC"), now=now)

    listing = maintenance_edits.list_windows(session, workspace, now)

    assert [each.maintenance for each in listing.now] == [present]
    assert [each.maintenance for each in listing.coming] == [sooner, later]
    assert [each.maintenance for each in listing.past] == [past]


def test_another_workspace_has_no_such_window(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    row = make_window(session, workspace, Once(now, "UTC"), now=now)
    other = make_workspace(session)
    values = MaintenanceValues("mine", Window(Once(now, "UTC"), HOUR))

    for act in (
        lambda: maintenance_edits.find_window(session, other, row.id),
        lambda: maintenance_edits.end_window(session, other, row.id, now),
        lambda: maintenance_edits.delete_window(session, other, row.id),
        lambda: maintenance_edits.edit_window(session, other, row.id, values),
    ):
        with pytest.raises(NotFound):
            act()
    monitor = make_monitor(session, workspace)
    with pytest.raises(NotFound):
        make_window(session, other, Once(now, "UTC"), monitor=monitor, now=now)


def test_there_is_an_end_to_the_number_of_windows(
    session: Session, workspace: Workspace, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance_edits, "MOST_WINDOWS", 1)
    make_window(session, workspace, Once(now - 2 * HOUR, "UTC"), now=now)  # over: not counted
    make_window(session, workspace, Cron("0 5 * * *", "UTC"), now=now)

    with pytest.raises(InvalidMaintenance, match="already"):
        make_window(session, workspace, Once(now, "UTC"), now=now)


def told(session: Session) -> list[str]:
    return list(session.scalars(select(Delivery.alert).order_by(Delivery.id)))
