"""Of a monitor that comes and goes people are told once, and then of what lasts."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from earlywatch.models import Delivery, Incident, Monitor
from earlywatch.models.incident import Held
from earlywatch.services import flapping
from earlywatch.services.links import Links
from tests.builders import make_channel, make_workspace
from tests.services.folds import MINUTE, back, deliveries, make_late, open_all, open_one, tick
from tests.services.sending import compose


@pytest.fixture
def monitor(session: Session) -> Monitor:
    workspace = make_workspace(session)
    return make_late(session, workspace, [make_channel(session, workspace)], name="api")


def flap(session: Session, monitor: Monitor, times: int, now: datetime) -> datetime:
    """Let it go and come back; return when it is next to go."""
    for n in range(times):
        monitor.status, monitor.deadline_at = "late", None
        session.flush()
        open_all(session, [monitor], now + n * MINUTE)
        back(session, monitor, now + n * MINUTE + MINUTE / 2)
    session.expire_all()
    return now + times * MINUTE


def alerts(session: Session) -> list[str]:
    return [each.alert for each in deliveries(session)]


def test_the_fifth_time_within_an_hour_is_told_as_a_notice(
    session: Session, monitor: Monitor, now: datetime, links: Links
) -> None:
    flap(session, monitor, 7, now)

    assert alerts(session) == ["opened", "resolved"] * 4 + ["notice"]
    alert = compose(session, deliveries(session)[-1].id, links, now).alert
    assert alert.notice
    assert alert.notice.subject == "api comes and goes"
    assert "5 times within an hour" in alert.notice.opening
    assert flapping.flapping(session, [monitor.id], now + 10 * MINUTE) == {monitor.id}


def test_what_lasts_a_quarter_of_an_hour_is_told_as_usual(
    session: Session, monitor: Monitor, now: datetime
) -> None:
    at = flap(session, monitor, 5, now)
    monitor.status, monitor.deadline_at = "late", None
    session.flush()

    open_all(session, [monitor], at)
    held = open_one(session, monitor)
    before = held.held, held.next_step_at, len(alerts(session))
    tick(session, at + 15 * MINUTE)

    assert before == (Held.FLAPPING, at + 15 * MINUTE, 9)
    assert alerts(session)[-1] == "opened"


def test_after_a_calm_hour_it_begins_anew(
    session: Session, monitor: Monitor, now: datetime
) -> None:
    flap(session, monitor, 5, now)

    flap(session, monitor, 5, now + timedelta(hours=3))

    assert alerts(session) == (["opened", "resolved"] * 4 + ["notice"]) * 2


def test_four_times_are_told_each(session: Session, monitor: Monitor, now: datetime) -> None:
    flap(session, monitor, 4, now)

    assert alerts(session) == ["opened", "resolved"] * 4


def test_what_nobody_was_told_of_does_not_count(
    session: Session, monitor: Monitor, now: datetime
) -> None:
    flap(session, monitor, 4, now)
    session.execute(update(Incident).values(step=0, held="maintenance"))
    session.execute(delete(Delivery))

    at = flap(session, monitor, 4, now + 4 * MINUTE)

    assert alerts(session) == ["opened", "resolved"] * 4
    assert not flapping.flapping(session, [monitor.id], at)
