"""Whatever fails in planning, an alert goes out, and the others are told as ever."""

from datetime import datetime

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import Cause
from earlywatch.models import Delivery, Incident, Monitor, Workspace
from earlywatch.models.channel import channel_member
from earlywatch.services import incidents, telling
from earlywatch.services.incidents import Opening
from earlywatch.services.plain_telling import AGAIN
from tests.builders import NOW, make_channel, make_incident, make_monitor, make_workspace
from tests.services.tellings import MINUTE, make_policy
from tests.services.tellings import told as told_of

pytestmark = pytest.mark.planning_fails


def open_all(session: Session, *monitors: Monitor) -> list[Incident]:
    openings = [Opening(monitor.id, Cause.FAILED, NOW, None, None) for monitor in monitors]
    incidents.open_all(session, openings, NOW)
    query = select(Incident).order_by(Incident.id).execution_options(populate_existing=True)
    return list(session.scalars(query))


def told(session: Session) -> list[tuple[int | None, str]]:
    query = select(Delivery).order_by(Delivery.incident_id, Delivery.id)
    return [(each.incident_id, each.alert) for each in session.scalars(query)]


def look(session: Session, since: datetime, minutes: int) -> None:
    for minute in range(minutes):
        telling.tell_due(session, since + minute * MINUTE)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Incidents whose planning breaks; a bug of ours, as nobody can foresee it."""
    ids: list[int] = []
    real = telling._plan

    def plan(session: Session, incident_ids: list[int], now: object) -> int:
        if ids and set(ids) & set(incident_ids):
            session.execute(text("SELECT 1 / 0"))
        return real(session, incident_ids, now)  # type: ignore[arg-type]

    monkeypatch.setattr(telling, "_plan", plan)
    return ids


def test_an_incident_that_cannot_be_planned_is_told_plainly(
    session: Session, broken: list[int]
) -> None:
    workspace = make_workspace(session)
    channel = make_channel(session, workspace)
    good, bad = (
        make_monitor(session, workspace, name, channels=[channel], status="failed")
        for name in ("good", "bad")
    )
    first, second = open_all(session, good, bad)
    session.execute(text("DELETE FROM delivery"))
    session.execute(text("UPDATE incident SET next_step_at = :now, step = 0"), {"now": NOW})
    broken.append(second.id)

    telling.tell_due(session, NOW)

    assert told(session) == [(first.id, "opened"), (second.id, "opened")]
    session.expire_all()
    assert (second.next_step_at, second.step) == (NOW + AGAIN, 0)


def test_what_cannot_even_be_told_plainly_is_looked_at_again(
    session: Session, broken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = make_channel(session)
    workspace = session.get_one(Workspace, channel.workspace_id)
    monitor = make_monitor(session, workspace, channels=[channel], status="failed")
    [incident] = open_all(session, monitor)
    session.execute(text("UPDATE incident SET next_step_at = :now"), {"now": NOW})
    broken.append(incident.id)
    wrong = text("SELECT 1 / 0")
    monkeypatch.setattr("earlywatch.services.plain_telling.OPENED", wrong)

    telling.tell_due(session, NOW)

    session.expire_all()
    assert incident.next_step_at == NOW + AGAIN


def test_after_a_fault_that_passed_the_policy_goes_on(session: Session, broken: list[int]) -> None:
    workspace = make_workspace(session)
    own, phone, boss = (make_channel(session, workspace, kind) for kind in ("email", "sms", "sms"))
    make_policy(session, workspace, (0, [phone]), (10, [boss]), repeat_every=30 * MINUTE)
    monitor = make_monitor(session, workspace, channels=[own], status="failed")
    incident = make_incident(session, monitor, Cause.FAILED, next_step_at=NOW)
    broken.append(incident.id)
    telling.tell_due(session, NOW)
    plainly = told_of(session, incident)

    broken.clear()
    look(session, NOW + MINUTE, 42)

    assert plainly == [("opened", 0, own.id)]
    after = [(alert, channel_id) for alert, _, channel_id in told_of(session, incident)[1:]]
    assert after[:2] == [("opened", phone.id), ("escalated", boss.id)]
    assert {alert for alert, _ in after[2:]} == {"reminder"}


def test_whoever_is_in_a_group_is_told_plainly(session: Session, broken: list[int]) -> None:
    workspace = make_workspace(session)
    group, phone = (make_channel(session, workspace, kind) for kind in ("group", "sms"))
    session.execute(insert(channel_member).values(group_id=group.id, channel_id=phone.id))
    monitor = make_monitor(session, workspace, channels=[group, phone], status="failed")
    incident = make_incident(session, monitor, Cause.FAILED, next_step_at=NOW)
    broken.append(incident.id)

    look(session, NOW, 3)

    assert told_of(session, incident) == [("opened", 0, phone.id)]


@pytest.mark.parametrize("through", ["policy", "fallback"])
def test_a_fault_that_lasts_does_not_silence_a_monitor_without_channels(
    session: Session, broken: list[int], through: str
) -> None:
    workspace = make_workspace(session)
    phone = make_channel(session, workspace, "sms")
    make_channel(session, workspace)  # of which nobody said that it is for alerts
    if through == "policy":
        make_policy(session, workspace, (0, [phone]))
    else:
        workspace.fallback_channel_id = phone.id
    monitor = make_monitor(session, workspace, status="failed")
    incident = make_incident(session, monitor, Cause.FAILED, next_step_at=NOW)
    broken.append(incident.id)

    look(session, NOW, 5)
    at_first = told_of(session, incident)
    look(session, NOW + 5 * MINUTE, 5)

    assert at_first == []
    assert told_of(session, incident) == [("opened", 0, phone.id)]


def test_an_end_that_cannot_be_planned_is_told_plainly(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = make_channel(session)
    workspace = session.get_one(Workspace, channel.workspace_id)
    monitor = make_monitor(session, workspace, channels=[channel], status="failed")
    [incident] = open_all(session, monitor)
    incident.resolved_at = NOW
    session.flush()

    def fail(*_: object) -> int:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(telling, "_plan_end", fail)
    telling.tell_end(session, [incident.id], NOW)

    assert told(session) == [(incident.id, "opened"), (incident.id, "resolved")]
