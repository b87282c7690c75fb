"""A snooze lasts as long as it was to last, whatever happens meanwhile, and ends once."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from earlywatch.models import Channel, Incident, Workspace
from earlywatch.models.incident import Held
from earlywatch.services import acting, dependencies, failures, holds, maintenance, monitors
from tests.builders import NOW, make_channel, make_incident, make_monitor, make_workspace
from tests.services.folds import HOUR, MINUTE, back, make_late, mark_sent, open_all, open_one, tick
from tests.services.folds import told as all_told

WHO = "anna@example.org"


@pytest.fixture
def workspace(session: Session) -> Workspace:
    return make_workspace(session)


@pytest.fixture
def channel(session: Session, workspace: Workspace) -> Channel:
    return make_channel(session, workspace)


def held(session: Session, workspace: Workspace, why: Held) -> Incident:
    parent, child = (make_monitor(session, workspace, name) for name in ("database", "report"))
    about = {"held": why.value, "blocked_by_id": parent.id, "next_step_at": NOW + 10 * MINUTE}
    return make_incident(session, child, **about)  # type: ignore[arg-type]


@pytest.mark.parametrize("snoozed", [True, False])
@pytest.mark.parametrize(
    ("why", "happens"),
    [
        (Held.FAILURES, lambda s, i: failures.on_failure(s, i.monitor_id, NOW)),
        (Held.BLOCKED, lambda s, i: dependencies.wake(s, [i.blocked_by_id], NOW)),
        (Held.MAINTENANCE, lambda s, i: maintenance.wake(s, i.monitor.workspace_id, NOW)),
        (Held.MAINTENANCE, lambda s, i: holds.look_again(s, i.monitor_id, NOW)),
    ],
)
def test_what_wakes_a_held_incident_lets_a_snoozed_one_sleep(
    session: Session,
    workspace: Workspace,
    why: Held,
    happens: Callable[[Session, Incident], None],
    snoozed: bool,
) -> None:
    incident = held(session, workspace, why)
    if snoozed:
        acting.snooze(session, incident.id, NOW + HOUR, WHO, NOW)
        session.flush()

    happens(session, incident)

    session.refresh(incident)
    assert incident.next_step_at == (NOW + HOUR if snoozed else NOW)


@pytest.mark.parametrize(
    ("minutes", "reminders"),
    [
        (30, [60]),  # the one that led comes back while all sleep
        (180, [60]),  # and long after they were reminded
    ],
)
def test_when_another_one_leads_a_snooze_still_ends_once(
    session: Session, workspace: Workspace, channel: Channel, minutes: int, reminders: list[int]
) -> None:
    late = [make_late(session, workspace, [channel], "192.0.2.7") for _ in range(3)]
    first = open_all(session, late, NOW)[0]
    mark_sent(session, NOW)
    acting.snooze(session, first.id, NOW + HOUR, WHO, NOW)

    reminded = []
    for minute in range(5, 300, 5):
        if minute == minutes:
            back(session, late[0], NOW + minute * MINUTE)
        before = len(all_told(session))
        tick(session, NOW + minute * MINUTE)
        reminded += [minute for _, alert, _ in all_told(session)[before:] if alert == "reminder"]

    assert reminded == reminders
    assert open_one(session, late[1]).snoozed_until is None


def test_when_the_first_is_deleted_the_others_sleep_on(
    session: Session, workspace: Workspace, channel: Channel, now: datetime
) -> None:
    late = [make_late(session, workspace, [channel], "192.0.2.7") for _ in range(3)]
    first = open_all(session, late, now)[0]
    mark_sent(session, now)
    acting.snooze(session, first.id, now + HOUR, WHO, now)

    monitors.delete_monitor(session, workspace, late[0].id, now + MINUTE)
    tick(session, now + HOUR - MINUTE)
    before = all_told(session)
    tick(session, now + HOUR)

    heir = open_one(session, late[1]).id
    assert before == [(heir, "opened", 0)]  # which was told of all before
    assert all_told(session) == [*before, (heir, "reminder", 1)]
