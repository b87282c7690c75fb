"""Changing ping keys, and who still uses the old ones."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from earlywatch.errors import NotFound
from earlywatch.models import Monitor, Workspace
from earlywatch.services import ping_keys
from earlywatch.services.ping_keys import AT_ONCE, KeyChanged
from tests.builders import make_monitor, make_ping, make_workspace
from tests.statements import statements

WEEK = timedelta(days=7)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def workspace(session: Session) -> Workspace:
    """A workspace."""
    return make_workspace(session)


@pytest.fixture
def monitor(session: Session, workspace: Workspace) -> Monitor:
    """A monitor of it, with a name in URLs."""
    return make_monitor(session, workspace, "backup", slug="backup")


def test_the_old_key_of_a_monitor_works_beside_the_new_one_for_the_chosen_time(
    session: Session, workspace: Workspace, monitor: Monitor, now: datetime
) -> None:
    before = monitor.ping_key

    ping_keys.rotate_monitor_key(session, workspace, monitor.id, WEEK, now)

    assert monitor.ping_key != before
    old = ping_keys.old_key(monitor, now)
    assert old is not None
    assert (old.key, old.until) == (str(before), now + WEEK)
    assert ping_keys.old_key(monitor, now + WEEK) is None


def test_a_second_change_ends_the_older_key_at_once(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    ping_keys.rotate_workspace_key(session, workspace, WEEK, now)
    second = workspace.ping_key

    ping_keys.rotate_workspace_key(session, workspace, WEEK, now + MINUTE)

    assert workspace.old_ping_key == second
    assert workspace.old_key_until == now + MINUTE + WEEK
    assert len({second, workspace.ping_key}) == 2


def test_without_overlap_no_old_key_is_left(
    session: Session, workspace: Workspace, monitor: Monitor, now: datetime
) -> None:
    ping_keys.rotate_monitor_key(session, workspace, monitor.id, WEEK, now)

    ping_keys.rotate_monitor_key(session, workspace, monitor.id, AT_ONCE, now)

    assert (monitor.old_ping_key, monitor.old_key_until) == (None, None)
    assert ping_keys.old_key(monitor, now) is None


def test_pressing_twice_changes_the_key_once(
    session: Session, workspace: Workspace, monitor: Monitor, now: datetime
) -> None:
    seen, name_key = str(monitor.ping_key), workspace.ping_key
    ping_keys.rotate_monitor_key(session, workspace, monitor.id, WEEK, now, seen=seen)
    ping_keys.rotate_workspace_key(session, workspace, WEEK, now, seen=name_key)

    with pytest.raises(KeyChanged):
        ping_keys.rotate_monitor_key(session, workspace, monitor.id, WEEK, now, seen=seen)
    with pytest.raises(KeyChanged):
        ping_keys.rotate_workspace_key(session, workspace, WEEK, now, seen=name_key)

    assert str(monitor.old_ping_key) == seen
    assert workspace.old_ping_key == name_key


def test_an_overlap_can_be_ended(
    session: Session, workspace: Workspace, monitor: Monitor, now: datetime
) -> None:
    ping_keys.rotate_monitor_key(session, workspace, monitor.id, WEEK, now)
    ping_keys.rotate_workspace_key(session, workspace, WEEK, now)

    ping_keys.end_overlap(session, workspace, monitor.id)
    assert ping_keys.old_key(workspace, now) is not None
    ping_keys.end_overlap(session, workspace)

    assert ping_keys.old_key(monitor, now) is None
    assert ping_keys.old_key(workspace, now) is None


def test_an_old_page_does_not_end_a_key_that_it_never_showed(
    session: Session, workspace: Workspace, monitor: Monitor, now: datetime
) -> None:
    ping_keys.rotate_monitor_key(session, workspace, monitor.id, WEEK, now)
    ping_keys.rotate_workspace_key(session, workspace, WEEK, now)
    seen = [ping_keys.old_key(keyed, now) for keyed in (monitor, workspace)]
    ping_keys.rotate_monitor_key(session, workspace, monitor.id, WEEK, now + MINUTE)
    ping_keys.rotate_workspace_key(session, workspace, WEEK, now + MINUTE)

    for keyed, old, monitor_id in ((monitor, seen[0], monitor.id), (workspace, seen[1], None)):
        assert old is not None
        with pytest.raises(KeyChanged):
            ping_keys.end_overlap(session, workspace, monitor_id, seen=old.change)
        shown = ping_keys.old_key(keyed, now)
        assert shown is not None
        ping_keys.end_overlap(session, workspace, monitor_id, seen=shown.change)
        assert ping_keys.old_key(keyed, now) is None


def test_keys_of_other_workspaces_are_out_of_reach(
    session: Session, monitor: Monitor, now: datetime
) -> None:
    stranger = make_workspace(session)

    with pytest.raises(NotFound):
        ping_keys.rotate_monitor_key(session, stranger, monitor.id, WEEK, now)
    with pytest.raises(NotFound):
        ping_keys.end_overlap(session, stranger, monitor.id)
    assert ping_keys.users_of_old_key(session, stranger, monitor) == []


def test_users_of_the_old_key_are_told_by_address_and_agent_since_the_change(
    session: Session, workspace: Workspace, monitor: Monitor, now: datetime
) -> None:
    curl: dict[str, Any] = {
        "old_key": True,
        "remote_address": "192.0.2.7",
        "user_agent": "curl/8.5.0",
    }
    make_ping(session, monitor, now=now - MINUTE, **curl)  # of a change before this one
    ping_keys.rotate_monitor_key(session, workspace, monitor.id, WEEK, now)
    for minute in (1, 2, 3):
        make_ping(session, monitor, now=now + minute * MINUTE, **curl)
    make_ping(session, monitor, "log", now=now + 5 * MINUTE, old_key=True)
    make_ping(session, monitor, now=now + 6 * MINUTE, remote_address="192.0.2.8")

    found = ping_keys.users_of_old_key(session, workspace, monitor)

    assert [(user.address, user.agent, user.pings, user.more) for user in found] == [
        (None, None, 1, False),
        ("192.0.2.7", "curl/8.5.0", 3, False),
    ]
    assert [user.last_at for user in found] == [now + 5 * MINUTE, now + 3 * MINUTE]


def test_users_of_the_old_key_of_a_workspace_are_told_for_each_monitor_by_name(
    session: Session, workspace: Workspace, monitor: Monitor, now: datetime
) -> None:
    other = make_monitor(session, workspace, "report", slug="report")
    nameless = make_monitor(session, workspace, "nameless")
    ping_keys.rotate_workspace_key(session, workspace, WEEK, now)
    for pinged in (monitor, other, nameless, make_monitor(session, slug="elsewhere")):
        make_ping(session, pinged, now=now, old_key=True)

    found = ping_keys.users_of_old_key(session, workspace)

    assert {user.monitor_name for user in found} == {"backup", "report"}


def test_who_uses_the_old_key_is_found_in_a_bounded_number_of_pings(
    session: Session,
    workspace: Workspace,
    monitor: Monitor,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ping_keys, "READ_OF_EACH", 3)
    ping_keys.rotate_workspace_key(session, workspace, WEEK, now)
    for address in ("192.0.2.7", "192.0.2.7", "192.0.2.7", "192.0.2.8"):
        make_ping(session, monitor, now=now, old_key=True, remote_address=address)

    with statements(session) as ran:
        found = ping_keys.users_of_old_key(session, workspace)

    assert {(user.address, user.pings, user.more) for user in found} == {
        ("192.0.2.7", 2, True),
        ("192.0.2.8", 1, True),
    }
    assert len(ran) == 1
