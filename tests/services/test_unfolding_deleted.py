"""Incidents that are told of together, when the monitor of the first one is deleted."""

from datetime import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.windows import Once, Window
from earlywatch.models import Channel, Fold, Workspace
from earlywatch.services import acting, maintenance_edits, monitors
from earlywatch.services.links import Links
from earlywatch.services.maintenance_edits import MaintenanceValues
from tests.builders import make_channel, make_workspace
from tests.services.folds import (
    HOUR,
    MINUTE,
    SECOND,
    back,
    deliveries,
    make_late,
    mark_sent,
    open_all,
    open_one,
    tick,
    told,
    untold,
)
from tests.services.sending import compose

ANNA = "anna@example.org"
HOST = "192.0.2.7"


@pytest.fixture
def workspace(session: Session) -> Workspace:
    return make_workspace(session)


@pytest.fixture
def channel(session: Session, workspace: Workspace) -> Channel:
    return make_channel(session, workspace)


@pytest.mark.parametrize("sent", [True, False])
def test_when_the_first_is_deleted_one_that_was_told_of_before_tells_of_all(
    session: Session, workspace: Workspace, channel: Channel, now: datetime, sent: bool
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(4)]
    open_all(session, late[:1], now)
    open_all(session, late[1:2], now + SECOND)
    if sent:
        mark_sent(session, now + SECOND)
    open_all(session, late[2:], now + 2 * SECOND)

    monitors.delete_monitor(session, workspace, late[2].id, now + 3 * SECOND)
    for minutes in range(3):
        tick(session, now + 3 * SECOND + minutes * MINUTE)

    heir, other = (open_one(session, each).id for each in late[:2])
    anew = [(heir, "opened", 1)] if sent else []  # what waits to be sent tells of all when it is
    assert told(session) == [(heir, "opened", 0), (other, "opened", 0), *anew]
    assert not untold(session)


def test_when_the_first_is_deleted_a_window_of_the_next_one_holds_nobody_back(
    session: Session, workspace: Workspace, channel: Channel, now: datetime
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(3)]
    open_all(session, late, now)
    window = Window(Once(now, "UTC"), HOUR)
    values = MaintenanceValues("upgrade", window, (), late[1].id)
    maintenance_edits.create_window(session, workspace, values, now)

    monitors.delete_monitor(session, workspace, late[0].id, now + SECOND)
    tick(session, now + SECOND)

    assert not untold(session)


def test_when_the_first_is_deleted_after_the_others_came_back_their_end_is_told(
    session: Session, workspace: Workspace, channel: Channel, now: datetime, links: Links
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(4)]
    open_all(session, late[:1], now)
    open_all(session, late[1:], now + SECOND)
    mark_sent(session, now + SECOND)
    for n in (0, 2, 3):
        back(session, late[n], now + MINUTE)
    tick(session, now + MINUTE)

    monitors.delete_monitor(session, workspace, late[1].id, now + 2 * MINUTE)
    tick(session, now + 2 * MINUTE)

    alone, heir = open_one(session, late[0]).id, open_one(session, late[2]).id
    ends = [each for each in deliveries(session) if each.alert == "resolved"]
    assert [each.incident_id for each in ends] == [alone, heir]
    assert len(compose(session, ends[1].id, links, now).alert.folded) == 3
    assert session.scalars(select(Fold)).one().closed_at == now + 2 * MINUTE


@pytest.mark.parametrize("snoozed", [True, False])
def test_when_the_first_is_deleted_while_people_are_left_in_peace_the_end_is_told(
    session: Session, workspace: Workspace, channel: Channel, now: datetime, snoozed: bool
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(3)]
    first = open_all(session, late, now)[0]
    mark_sent(session, now)
    if snoozed:
        acting.snooze(session, first.id, now + 2 * HOUR, ANNA, now + SECOND)
    else:
        acting.acknowledge(session, first.id, ANNA, now + SECOND)

    monitors.delete_monitor(session, workspace, late[0].id, now + MINUTE)
    tick(session, now + MINUTE)
    heir = open_one(session, late[1])
    before = told(session)
    for monitor in late[1:]:
        back(session, monitor, now + HOUR)
    tick(session, now + HOUR)

    assert before == [(heir.id, "opened", 0)]
    assert told(session) == [*before, (heir.id, "resolved", 0)]
