"""What becomes of monitors that were told of together when some of them are back or gone."""

from datetime import datetime

import pytest
from sqlalchemy import Connection, event, select, text
from sqlalchemy.orm import Session

from earlywatch.domain import alert_words
from earlywatch.models import Channel, Fold, Incident, Workspace
from earlywatch.services import acting, monitors, unfolding
from earlywatch.services.links import Links
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
    pause,
    tick,
    told,
    untold,
)
from tests.services.sending import compose

ANNA = "anna@example.org"
HOST = "192.0.2.7"
END = text("UPDATE incident SET resolved_at = :at, next_step_at = :at WHERE id = :id")


@pytest.fixture
def workspace(session: Session) -> Workspace:
    return make_workspace(session)


@pytest.fixture
def channel(session: Session, workspace: Workspace) -> Channel:
    return make_channel(session, workspace)


def test_one_that_was_told_of_before_is_told_of_on_its_own_at_the_end(
    session: Session, workspace: Workspace, channel: Channel, now: datetime, links: Links
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(3)]
    first = open_all(session, late[:1], now)[0]
    open_all(session, late[1:], now + SECOND)
    mark_sent(session, now)

    for monitor in late:
        back(session, monitor, now + MINUTE)
    tick(session, now + MINUTE)

    ends = [each for each in deliveries(session) if each.alert == "resolved"]
    assert [each.incident_id for each in ends] == [first.id, open_one(session, late[1]).id]
    alone, together = (compose(session, each.id, links, now).alert for each in ends)
    assert not alone.folded
    assert len(together.folded) == 3


def test_the_end_of_all_is_told_once(
    session: Session, workspace: Workspace, channel: Channel, now: datetime
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(3)]
    first = open_all(session, late, now)[0]
    mark_sent(session, now)

    for n, monitor in enumerate(late):
        back(session, monitor, now + (n + 1) * MINUTE)
        tick(session, now + (n + 1) * MINUTE)
    tick(session, now + HOUR)

    assert told(session) == [(first.id, "opened", 0), (first.id, "resolved", 0)]
    assert session.scalars(select(Fold)).one().closed_at == now + 3 * MINUTE
    assert not session.scalars(select(Incident).where(Incident.next_step_at.is_not(None))).all()


def test_after_ten_minutes_one_alert_says_who_is_back_and_who_is_not(
    session: Session, workspace: Workspace, channel: Channel, now: datetime, links: Links
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(4)]
    first = open_all(session, late, now)[0]
    mark_sent(session, now)

    for n in range(2):
        back(session, late[n], now + n * MINUTE)
    for minutes in range(30):
        tick(session, now + minutes * MINUTE)

    assert told(session) == [(first.id, "opened", 0), (first.id, "opened", 1)]
    alert = compose(session, deliveries(session)[1].id, links, now).alert
    assert [each.resolved_at is None for each in alert.folded] == [False, False, True, True]
    assert alert_words.headline(alert) == "2 of 4 monitors are late"


def test_when_the_one_that_leads_is_back_another_goes_on_with_its_reminders(
    session: Session, workspace: Workspace, channel: Channel, now: datetime
) -> None:
    session.execute(
        text("""INSERT INTO policy (workspace_id, name, position, time_zone, repeat_every,
            created_at) VALUES (:id, 'all', 1, 'UTC', '30 minutes', :now)"""),
        {"id": workspace.id, "now": now},
    )
    late = [make_late(session, workspace, [channel], HOST) for _ in range(3)]
    first = open_all(session, late, now)[0]
    mark_sent(session, now)

    back(session, late[0], now + 5 * MINUTE)
    for minutes in range(5, 40):
        tick(session, now + minutes * MINUTE)

    heir = open_one(session, late[1])
    assert told(session) == [
        (first.id, "opened", 0),
        (first.id, "opened", 1),
        (first.id, "reminder", 1),
    ]
    assert heir.held is None
    assert heir.reminders == 1


def test_a_pause_of_the_first_keeps_what_tells_of_the_others(
    session: Session, workspace: Workspace, channel: Channel, now: datetime
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(3)]
    open_all(session, late, now)

    pause(session, late[0], now + SECOND)
    tick(session, now + SECOND)

    assert [each.state for each in deliveries(session)] == ["pending"]
    assert open_one(session, late[1]).held is None


@pytest.mark.parametrize("gathers", [False, True])
def test_a_pause_of_all_tells_nobody(
    session: Session,
    workspace: Workspace,
    channel: Channel,
    now: datetime,
    gathers: bool,
) -> None:
    channel.digest_every = HOUR if gathers else None
    session.flush()
    late = [make_late(session, workspace, [channel], HOST) for _ in range(3)]
    open_all(session, late, now)

    for monitor in late:
        pause(session, monitor, now + SECOND)
    tick(session, now + SECOND)

    assert [each.state for each in deliveries(session)] == ["failed"]


def test_when_the_first_is_deleted_the_others_are_told_of_anew(
    session: Session, workspace: Workspace, channel: Channel, now: datetime
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(3)]
    open_all(session, late, now)

    monitors.delete_monitor(session, workspace, late[0].id, now + SECOND)
    tick(session, now + SECOND)

    assert told(session) == [(open_one(session, late[1]).id, "opened", 0)]
    assert not untold(session)


def test_what_is_acknowledged_tells_nobody_who_is_back(
    session: Session, workspace: Workspace, channel: Channel, now: datetime
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(3)]
    first = open_all(session, late, now)[0]
    mark_sent(session, now)
    acting.acknowledge(session, first.id, ANNA, now + MINUTE)

    back(session, late[0], now + 2 * MINUTE)
    for minutes in range(2, 60):
        tick(session, now + minutes * MINUTE)
    before = told(session)
    for monitor in late[1:]:
        back(session, monitor, now + HOUR)
    tick(session, now + HOUR)

    assert before == [(first.id, "opened", 0)]
    assert told(session) == [*before, (first.id, "resolved", 0)]


def test_what_is_snoozed_tells_who_is_back_when_the_snooze_ends(
    session: Session, workspace: Workspace, channel: Channel, now: datetime
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(3)]
    first = open_all(session, late, now)[0]
    mark_sent(session, now)
    acting.snooze(session, first.id, now + HOUR, ANNA, now + MINUTE)

    back(session, late[1], now + 2 * MINUTE)
    for minutes in range(2, 60):
        tick(session, now + minutes * MINUTE)
    before = told(session)
    for minutes in range(60, 90):
        tick(session, now + minutes * MINUTE)

    assert before == [(first.id, "opened", 0)]
    assert told(session) == [*before, (first.id, "reminder", 1)]  # it lists both
    assert not session.scalars(select(Incident).where(Incident.next_step_at.is_not(None))).all()


def test_who_comes_back_while_the_others_are_looked_at_is_not_forgotten(
    session: Session, workspace: Workspace, channel: Channel, now: datetime
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(3)]
    first = open_all(session, late, now)[0]
    mark_sent(session, now)
    for monitor in late[:2]:
        back(session, monitor, now + MINUTE)
    tick(session, now + MINUTE)
    last = {"id": open_one(session, late[2]).id, "at": now + 11 * MINUTE}
    read = unfolding.MEMBERS.text.split()[:4]

    def end_last(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement.split()[:4] == read:
            connection.execute(END, last)

    connection = session.connection()
    event.listen(connection, "after_cursor_execute", end_last)
    tick(session, now + 11 * MINUTE)
    event.remove(connection, "after_cursor_execute", end_last)
    tick(session, now + 12 * MINUTE)

    assert told(session)[-1] == (first.id, "resolved", 0)
    assert session.scalars(select(Fold)).one().closed_at == now + 12 * MINUTE
