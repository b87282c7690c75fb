"""The clock is set by ten minutes: nothing is lost, and nobody waits for those ten minutes."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind
from earlywatch.domain.schedule import Interval
from earlywatch.models import Delivery, Monitor, Outage, Tick
from earlywatch.models.outage import OutageCause
from earlywatch.services import acting, clocks, outages, telling
from earlywatch.services.detection import mark_tick
from tests.builders import make_channel, make_delivery, make_monitor, make_workspace
from tests.services.listening import MINUTE, SECOND, Ears
from tests.services.tellings import make_policy, open_incident, told

TEN = 10 * MINUTE


def minutely(session: Session) -> Monitor:
    return make_monitor(session, schedule=Interval(MINUTE), grace=30 * SECOND)


def set_back(session: Session, back: timedelta, now: datetime) -> None:
    assert not clocks.bring_back(session, back, now)
    assert clocks.finish(session, back, now)
    assert not clocks.finish(session, back, now)


def test_set_back_a_silent_monitor_is_late_when_it_would_have_been(
    session: Session, now: datetime
) -> None:
    ears = Ears(session, now)
    silent, alive = minutely(session), minutely(session)
    ears.hear([silent, alive], now, PingKind.SUCCESS)
    mark_tick(session, now)
    past = now - TEN

    assert clocks.find_set_back(session, past + SECOND) == TEN - SECOND
    set_back(session, TEN, past + SECOND)
    ears.sing(past + 2 * SECOND)
    ears.tick(past + 2 * SECOND)
    ears.hear([alive], past + 60 * SECOND, PingKind.SUCCESS)
    for second in range(4, 91, 2):
        ears.sing(past + second * SECOND)
        ears.tick(past + second * SECOND)

    assert [each.monitor_id for each in ears.incidents] == [silent.id]
    assert ears.incidents[0].opened_at == past + 90 * SECOND
    assert ears.outages == []


def test_set_back_what_waits_to_be_sent_waits_no_longer_than_before(
    session: Session, now: datetime
) -> None:
    mark_tick(session, now)
    delivery = make_delivery(session, now=now, next_attempt_at=now + 30 * SECOND)

    set_back(session, TEN, now - TEN)

    again = session.get_one(Delivery, delivery.id, populate_existing=True)
    assert again.next_attempt_at == now - TEN + 30 * SECOND
    tick = session.get_one(Tick, "detect", populate_existing=True)
    assert tick.ticked_at == now - TEN


@pytest.mark.parametrize("tried", [False, True])
def test_set_back_quiet_hours_last_as_long_as_people_have_set_them(
    session: Session, now: datetime, tried: bool
) -> None:
    mark_tick(session, now)
    end = now + 3 * TEN
    next_at = end + TEN + SECOND if tried else end
    delivery = make_delivery(session, now=now, due_at=end, next_attempt_at=next_at)

    set_back(session, TEN, now - TEN)

    session.refresh(delivery)
    assert delivery.due_at == end
    assert delivery.next_attempt_at == (end + SECOND if tried else end)


@pytest.mark.parametrize("state", ["pending", "failed"])
def test_set_back_the_fallback_does_not_wait_longer(
    session: Session, now: datetime, state: str
) -> None:
    mark_tick(session, now)
    delivery = make_delivery(session, now=now, due_at=now, state=state)

    set_back(session, TEN, now - TEN)

    session.refresh(delivery)
    assert delivery.due_at == now - TEN


@pytest.mark.parametrize("after", [0, 50], ids=["just told", "told a while ago"])
def test_set_back_the_next_step_waits_no_longer_than_its_policy_says(
    session: Session, now: datetime, after: int
) -> None:
    workspace = make_workspace(session)
    channel, boss = make_channel(session, workspace), make_channel(session, workspace)
    make_policy(session, workspace, (0, [channel]), (60, [boss]))
    incident = open_incident(session, make_monitor(session, workspace, status="late"))
    incident.opened_at -= 2 * TEN  # the detector was late
    set_at = now + after * MINUTE
    mark_tick(session, set_at)

    set_back(session, TEN, set_at - TEN)
    step_at = now - TEN + 60 * MINUTE
    telling.tell_due(session, step_at - SECOND)
    before = len(told(session, incident))
    telling.tell_due(session, step_at)

    assert (before, len(told(session, incident))) == (1, 2)


def test_set_back_a_snooze_lasts_until_the_hour_that_was_chosen(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)
    channel, boss = make_channel(session, workspace), make_channel(session, workspace)
    make_policy(session, workspace, (0, [channel]), (60, [boss]))
    incident = open_incident(session, make_monitor(session, workspace, status="late"))
    until = now + 100 * MINUTE
    acting.snooze(session, incident.id, until, "anna", now + 50 * MINUTE)
    step_from = incident.told_since
    mark_tick(session, now + 50 * MINUTE)

    set_back(session, TEN, now + 40 * MINUTE)

    session.refresh(incident)
    assert (incident.snoozed_until, incident.next_step_at) == (until, until)
    assert incident.told_since == step_from == now + 50 * MINUTE


def test_set_back_an_acknowledgement_counts_from_when_it_was_made(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)
    channels = [make_channel(session, workspace)]
    late = make_monitor(session, workspace, status="late", channels=channels)
    incident = open_incident(session, late)
    acting.acknowledge(session, incident.id, "anna", now + MINUTE)
    mark_tick(session, now + MINUTE)

    set_back(session, TEN, now + MINUTE - TEN)

    session.refresh(incident)
    assert incident.acknowledged_at == now + MINUTE - TEN
    assert incident.told_since == now - TEN


@pytest.mark.parametrize("hears", [True, False], ids=["canary", "no canary"])
def test_set_forward_it_is_an_outage_of_ours(session: Session, now: datetime, hears: bool) -> None:
    monitor = minutely(session)
    ears = Ears(session, now)
    ears.hear([monitor], now, PingKind.SUCCESS)
    if not hears:
        session.get_one(Tick, "hearing").place = 0
        session.get_one(Tick, "canary").place = 0
        session.flush()
    future = now + TEN

    outages.listen(session, future, jump=TEN - SECOND)
    ears.tick(future + SECOND)
    if hears:
        ears.sing(future + 2 * SECOND)
    ears.tick(future + 3 * SECOND)

    assert ears.incidents == []
    [outage] = session.query(Outage).all()
    assert outage.cause == OutageCause.CLOCK
    assert outage.moved_at == future + (3 if hears else 1) * SECOND
    session.refresh(monitor)
    assert monitor.deadline_at is not None
    assert timedelta(0) < monitor.deadline_at - future <= 100 * SECOND
