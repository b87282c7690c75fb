"""A monitor downstream of one in trouble is blocked: nobody is told of it yet."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import Cause, InvalidMonitor
from earlywatch.domain.schedule import Interval
from earlywatch.models import Channel, Delivery, Incident, Monitor, Outage, Workspace
from earlywatch.models.incident import Held
from earlywatch.models.monitor import monitor_parent
from earlywatch.services import dependencies, detection, monitors
from tests.builders import make_channel, make_monitor, make_workspace
from tests.services.folds import HOUR, MINUTE, SECOND, back, open_all, open_one, pause, tick

GRACE = 5 * MINUTE


@pytest.fixture
def workspace(session: Session) -> Workspace:
    workspace = make_workspace(session)
    workspace.fold_from = None
    return workspace


@pytest.fixture
def channel(session: Session, workspace: Workspace) -> Channel:
    return make_channel(session, workspace)


def make(session: Session, channel: Channel, name: str, *parents: Monitor) -> Monitor:
    """A late monitor of which nobody knows yet."""
    workspace = session.get_one(Workspace, channel.workspace_id)
    daily = Interval(timedelta(days=1))
    about = {"status": "late", "grace": GRACE, "schedule": daily, "channels": [channel]}
    monitor = make_monitor(session, workspace, name, **about)  # type: ignore[arg-type]
    for parent in parents:
        link = {"monitor_id": monitor.id, "parent_id": parent.id}
        session.execute(insert(monitor_parent).values(link))
    return monitor


def told_of(session: Session, monitor: Monitor) -> bool:
    query = select(Delivery).join(Incident, Incident.id == Delivery.incident_id)
    return session.scalar(query.where(Incident.monitor_id == monitor.id).limit(1)) is not None


def test_a_child_is_blocked_while_its_parent_is_late(
    session: Session, channel: Channel, now: datetime
) -> None:
    parent = make(session, channel, "database")
    child = make(session, channel, "report", parent)
    open_all(session, [parent], now)

    [incident] = open_all(session, [child], now + SECOND)

    assert (incident.held, incident.blocked_by_id) == (Held.BLOCKED, parent.id)
    assert not told_of(session, child)


def test_found_in_the_same_round_the_child_is_blocked_too(
    session: Session, channel: Channel, now: datetime
) -> None:
    parent = make(session, channel, "database")
    child = make(session, channel, "report", parent)
    for monitor, at in ((child, now - SECOND), (parent, now)):
        monitor.status, monitor.expected_at, monitor.deadline_at = "up", at - GRACE, at
    session.flush()

    detection.detect(session, now + SECOND)

    assert open_one(session, child).held == Held.BLOCKED
    assert told_of(session, parent)


def test_once_the_parent_is_back_the_child_has_its_grace(
    session: Session, channel: Channel, now: datetime
) -> None:
    parent = make(session, channel, "database")
    child = make(session, channel, "report", parent)
    open_all(session, [parent], now)
    open_all(session, [child], now + SECOND)

    back(session, parent, now + MINUTE)
    tick(session, now + MINUTE)
    woken = open_one(session, child).next_step_at
    tick(session, now + MINUTE + GRACE - SECOND)
    before = told_of(session, child)
    tick(session, now + MINUTE + GRACE)

    assert woken == now + MINUTE + GRACE
    assert not before
    assert told_of(session, child)


def test_a_parent_that_comes_and_goes_does_not_silence_its_child_for_ever(
    session: Session, channel: Channel, now: datetime
) -> None:
    parent = make(session, channel, "database")
    child = make(session, channel, "report", parent)
    open_all(session, [parent], now)
    open_all(session, [child], now + SECOND)

    told_after = None
    for minutes in range(1, 60):
        at = now + minutes * MINUTE
        if minutes % 4 == 0:
            parent.status, parent.deadline_at = "late", None
            session.flush()
            open_all(session, [parent], at)
        elif minutes % 4 == 1:  # for three minutes of its grace of five
            back(session, parent, at)
        tick(session, at)
        if told_after is None and told_of(session, child):
            told_after = minutes

    assert told_after == 14  # ten of these the parent was well


def test_a_child_that_is_back_in_time_is_never_told_of(
    session: Session, channel: Channel, now: datetime
) -> None:
    parent = make(session, channel, "database")
    child = make(session, channel, "report", parent)
    open_all(session, [parent], now)
    open_all(session, [child], now + SECOND)

    back(session, parent, now + MINUTE)
    back(session, child, now + 2 * MINUTE)
    tick(session, now + timedelta(days=1))

    assert not told_of(session, child)


@pytest.mark.parametrize("how", ["pause", "delete"])
def test_a_parent_that_is_not_watched_any_more_blocks_nobody(
    session: Session, workspace: Workspace, channel: Channel, now: datetime, how: str
) -> None:
    parent = make(session, channel, "database")
    child = make(session, channel, "report", parent)
    open_all(session, [parent], now)
    open_all(session, [child], now + SECOND)

    if how == "pause":
        pause(session, parent, now + MINUTE)
    else:
        monitors.delete_monitor(session, workspace, parent.id, now + MINUTE)
    tick(session, now + MINUTE + GRACE)

    assert told_of(session, child)


def test_with_two_parents_both_must_be_back(
    session: Session, channel: Channel, now: datetime
) -> None:
    one, other = make(session, channel, "database"), make(session, channel, "queue")
    child = make(session, channel, "report", one, other)
    open_all(session, [one, other], now)
    open_all(session, [child], now + SECOND)

    back(session, one, now + MINUTE)
    tick(session, now + MINUTE + GRACE)
    before = open_one(session, child).blocked_by_id, told_of(session, child)
    back(session, other, now + 10 * MINUTE)
    tick(session, now + 10 * MINUTE + GRACE)

    assert before == (other.id, False)
    assert told_of(session, child)


def test_a_chain_is_blocked_from_its_beginning(
    session: Session, channel: Channel, now: datetime
) -> None:
    one = make(session, channel, "database")
    two = make(session, channel, "import", one)
    three = make(session, channel, "report", two)

    open_all(session, [one, two, three], now)
    held = [open_one(session, each).held for each in (one, two, three)]
    back(session, one, now + MINUTE)
    for minutes in range(20):
        tick(session, now + minutes * MINUTE)

    assert held == [None, Held.BLOCKED, Held.BLOCKED]
    assert told_of(session, two)
    assert open_one(session, three).held == Held.BLOCKED


def test_a_child_that_was_told_of_stays_told_of(
    session: Session, channel: Channel, now: datetime
) -> None:
    parent = make(session, channel, "database")
    child = make(session, channel, "report", parent)
    open_all(session, [child], now)

    open_all(session, [parent], now + SECOND)
    tick(session, now + MINUTE)

    assert open_one(session, child).held is None


def test_a_parent_that_we_cannot_hear_blocks_nobody(
    session: Session, channel: Channel, now: datetime
) -> None:
    parent = make(session, channel, "database")
    parent.status, parent.expected_at, parent.deadline_at = "up", now - MINUTE, now - SECOND
    child = make(session, channel, "report", parent)
    session.add(Outage(cause="intake", began_at=now - HOUR, noticed_at=now - HOUR))
    session.flush()

    open_all(session, [child], now, Cause.FAILED)

    assert told_of(session, child)


def test_what_nobody_wakes_is_looked_at_all_the_same(
    session: Session, channel: Channel, now: datetime
) -> None:
    parent = make(session, channel, "database")
    child = make(session, channel, "report", parent)
    open_all(session, [parent, child], now)
    trouble = open_one(session, parent)
    trouble.resolved_at = now + SECOND  # as if somebody had held the child's incident just then
    session.flush()

    for minutes in range(8):
        tick(session, now + minutes * MINUTE)

    assert told_of(session, child)


def test_parents_are_set_and_named(session: Session, workspace: Workspace, now: datetime) -> None:
    one, two = (make_monitor(session, workspace, name) for name in ("b", "a"))
    child = make_monitor(session, workspace, "child")
    stranger = make_monitor(session)

    dependencies.set_parents(session, child, [one.id, two.id, stranger.id])

    assert dependencies.linked(session, child) == ([two, one], [])
    assert dependencies.linked(session, one) == ([], [child])


def test_a_circle_is_refused_by_its_names(session: Session, workspace: Workspace) -> None:
    one, two, three = (make_monitor(session, workspace, name) for name in ("a", "b", "c"))
    dependencies.set_parents(session, two, [one.id])
    dependencies.set_parents(session, three, [two.id])

    with pytest.raises(InvalidMonitor, match="“a” depends on “c” depends on “b” depends on “a”"):
        dependencies.set_parents(session, one, [three.id])
    with pytest.raises(InvalidMonitor, match="cannot depend on itself"):
        dependencies.set_parents(session, one, [one.id])


def test_a_parent_is_found_by_name_by_slug_and_by_number(
    session: Session, workspace: Workspace
) -> None:
    one = make_monitor(session, workspace, "Nightly dump")
    two = make_monitor(session, workspace, "queue", slug="the-queue")
    three = make_monitor(session, workspace, "queue")
    child = make_monitor(session, workspace, "child")

    dependencies.set_parents(session, child, ["nightly  DUMP", "the-queue", f"#{three.id}"])

    assert dependencies.linked(session, child)[0] == [one, two, three]
    with pytest.raises(InvalidMonitor, match="Several monitors are called “queue”"):
        dependencies.set_parents(session, child, ["queue"])
    with pytest.raises(InvalidMonitor, match="There is no monitor called “#0”"):
        dependencies.set_parents(session, child, ["#0"])


def test_where_monitors_are_many_their_names_are_typed(
    session: Session, workspace: Workspace
) -> None:
    few = dependencies.offered(session, workspace)
    others = [make_monitor(session, workspace, f"job {n % 31}") for n in range(32)]
    child = make_monitor(session, workspace, "child")
    dependencies.set_parents(session, child, [others[0].id, others[5].id])

    many = dependencies.offered(session, workspace, child)

    assert not few.many
    assert (many.many, many.choices) == (True, ())
    assert many.typed == f"#{others[0].id}\njob 5"
    dependencies.set_parents(session, child, many.typed.splitlines())
    assert dependencies.linked(session, child)[0] == [others[0], others[5]]
