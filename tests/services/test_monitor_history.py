"""Incidents, and who was told of them."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.errors import NotFound
from earlywatch.models import Fold, Workspace
from earlywatch.services import monitor_history
from tests.builders import (
    make_channel,
    make_delivery,
    make_incident,
    make_monitor,
    make_workspace,
)
from tests.statements import statements

HOUR = timedelta(hours=1)


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
    incident = make_incident(session, monitor)

    with pytest.raises(NotFound):
        monitor_history.find_story(session, strangers, incident.id)


def test_who_was_told_of_many_at_once_is_said_with_each_of_them(
    session: Session, now: datetime
) -> None:
    channel = make_channel(session)
    workspace = session.get_one(Workspace, channel.workspace_id)
    monitors = [make_monitor(session, workspace, name) for name in ("first", "second")]
    first, second = (make_incident(session, monitor, opened_at=now) for monitor in monitors)
    fold = Fold(
        workspace_id=workspace.id,
        key="host",
        shared="the host 192.0.2.7",
        first_id=first.id,
        opened_at=now,
        joined_at=now,
    )
    session.add(fold)
    session.flush()
    first.fold_id = second.fold_id = fold.id
    make_delivery(session, channel, first, state="sent", sent_at=now - HOUR)
    both = make_delivery(session, channel, first, number=1, state="sent", sent_at=now + HOUR)

    story = monitor_history.find_story(session, workspace, second.id)

    assert list(story.deliveries) == [both]
