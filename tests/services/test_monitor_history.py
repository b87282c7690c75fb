"""Incidents, and who was told of them."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.errors import NotFound
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
