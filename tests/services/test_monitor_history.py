"""The ping log, incidents, and who was told of them."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.errors import NotFound
from earlywatch.models import Workspace
from earlywatch.services import monitor_history
from earlywatch.services.monitor_history import PINGS_PER_PAGE, PingLog
from tests.builders import (
    make_channel,
    make_delivery,
    make_incident,
    make_monitor,
    make_ping,
    make_workspace,
)
from tests.statements import statements

HOUR = timedelta(hours=1)


def ids(log: PingLog) -> list[int]:
    return [line.ping.id for line in log.lines]


def test_the_log_is_read_page_by_page_in_both_directions(session: Session) -> None:
    monitor = make_monitor(session)
    made = [make_ping(session, monitor).id for _ in range(2 * PINGS_PER_PAGE + 1)]
    made.reverse()

    first = monitor_history.ping_log(session, monitor)
    second = monitor_history.ping_log(session, monitor, before=first.older)
    third = monitor_history.ping_log(session, monitor, before=second.older)
    back = monitor_history.ping_log(session, monitor, after=third.newer)

    assert ids(first) + ids(second) + ids(third) == made
    assert (first.newer, third.older) == (None, None)
    assert ids(back) == ids(second)


def test_going_back_to_the_newest_ping_offers_nothing_newer(session: Session) -> None:
    monitor = make_monitor(session)
    made = [make_ping(session, monitor).id for _ in range(3)]

    log = monitor_history.ping_log(session, monitor, after=made[0])

    assert ids(log) == [made[2], made[1]]
    assert (log.newer, log.older) == (None, made[1])


def test_a_log_without_pings_has_no_pages(session: Session) -> None:
    log = monitor_history.ping_log(session, make_monitor(session))

    assert (log.lines, log.newer, log.older) == ([], None, None)


def test_the_log_does_not_read_bodies(session: Session) -> None:
    monitor = make_monitor(session)
    make_ping(session, monitor, body=b"x" * 1000)
    session.expunge_all()

    [line] = monitor_history.ping_log(session, monitor).lines

    assert line.body_bytes == 1000
    assert "body" in inspect(line.ping).unloaded


def test_incidents_come_newest_first_each_with_its_deliveries(
    session: Session, now: datetime
) -> None:
    monitor, channel = make_monitor(session), make_channel(session)
    old = make_incident(session, monitor, opened_at=now - HOUR, resolved_at=now)
    new = make_incident(session, monitor, opened_at=now)
    make_delivery(session, channel, old)
    make_delivery(session, channel, old, AlertKind.RESOLVED)
    make_delivery(session, channel, new)
    session.expunge_all()

    with statements(session) as ran:
        stories = monitor_history.stories(session, monitor)
        told = [
            [(delivery.alert, delivery.channel.name) for delivery in story.deliveries]
            for story in stories
        ]

    assert [story.incident.id for story in stories] == [new.id, old.id]
    assert told == [
        [("opened", channel.name)],
        [("opened", channel.name), ("resolved", channel.name)],
    ]
    assert len(ran) == 2


def test_what_belongs_to_strangers_does_not_exist(session: Session) -> None:
    monitor, strangers = make_monitor(session), make_workspace(session)
    incident, ping = make_incident(session, monitor), make_ping(session, monitor)

    with pytest.raises(NotFound):
        monitor_history.find_story(session, strangers, incident.id)
    with pytest.raises(NotFound):
        monitor_history.find_ping(session, strangers, monitor.id, ping.id)


def test_a_ping_is_found_under_its_own_monitor_alone(session: Session) -> None:
    monitor = make_monitor(session)
    workspace = session.get_one(Workspace, monitor.workspace_id)
    other = make_monitor(session, workspace)
    ping = make_ping(session, monitor)

    assert monitor_history.find_ping(session, workspace, monitor.id, ping.id) is ping
    with pytest.raises(NotFound):
        monitor_history.find_ping(session, workspace, other.id, ping.id)
