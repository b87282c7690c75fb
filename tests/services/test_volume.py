"""Silence across workspaces: held for a while, in case it is ours, and told if it is not."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind
from earlywatch.domain.volume import Volume
from earlywatch.models import Monitor
from earlywatch.models.outage import OutageCause
from earlywatch.services.outages import LONGEST_OF_VOLUME
from tests.builders import make_workspace
from tests.services.listening import SECOND, Ears, heard

SUCCESS = PingKind.SUCCESS


def silent_crowd(session: Session, now: datetime) -> Volume:
    """Thirty monitors of three workspaces that fell silent, where nearly all are heard."""
    volume = Volume()
    for back in range(600, 60, -10):
        volume.note(now - back * SECOND, 10, [])
    for _ in range(3):
        workspace = make_workspace(session)
        for _ in range(10):
            heard(session, now - 122 * SECOND, workspace=workspace)
    return volume


def test_when_far_fewer_are_heard_nobody_is_late_until_they_are_back(
    session: Session, now: datetime
) -> None:
    ears = Ears(session, now - 5 * SECOND)
    volume = silent_crowd(session, now)
    ears.sing(now)

    assert ears.tick(now, volume).judged == 0
    [outage] = ears.outages
    assert (outage.cause, outage.ended_at) == (OutageCause.VOLUME, None)

    monitors = session.scalars(select(Monitor).where(Monitor.status == "up")).all()
    ears.hear(monitors, now + 4 * SECOND, SUCCESS)
    ears.sing(now + 5 * SECOND)
    ears.tick(now + 5 * SECOND, volume)
    assert outage.ended_at == now + 5 * SECOND
    assert ears.incidents == []


def test_if_the_canary_fails_as_well_it_decides_when_that_is_over(
    session: Session, now: datetime
) -> None:
    ears = Ears(session, now - 5 * SECOND)
    volume = silent_crowd(session, now)
    ears.sing(now)
    ears.tick(now, volume)
    after = now + LONGEST_OF_VOLUME + SECOND

    assert ears.tick(after, volume).judged == 0
    assert ears.tick(after + SECOND, volume).judged == 0
    [outage] = ears.outages
    assert (outage.cause, outage.ended_at) == (OutageCause.INTAKE, None)
    ears.sing(after + 2 * SECOND)
    assert ears.tick(after + 2 * SECOND, volume).judged == 0
    assert outage.ended_at == after + 2 * SECOND


def test_customers_that_stay_silent_are_told_after_five_minutes(
    session: Session, now: datetime
) -> None:
    ears = Ears(session, now - 5 * SECOND)
    volume = silent_crowd(session, now)
    ears.sing(now)
    assert ears.tick(now, volume).judged == 0
    after = now + LONGEST_OF_VOLUME + SECOND
    for second in range(5, 305, 5):
        ears.sing(now + second * SECOND)

    assert ears.tick(after, volume).judged == 30
    assert {each.opened_at for each in ears.incidents} == {now - 2 * SECOND}
