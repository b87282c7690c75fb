"""Urgent monitors: the switch in the form, and what the page says."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.models import Monitor
from tests.builders import make_monitor
from tests.client import Browser
from tests.web.team import Team

TYPED = {
    "name": "nightly backup",
    "kind": "interval",
    "period": "1 h",
    "time_zone": "UTC",
    "grace": "5 min",
}


def test_a_monitor_is_urgent_if_its_owner_says_so(
    client: Browser, session: Session, team: Team
) -> None:
    client.sign_in(team.owner)

    client.submit("/monitors/new", {**TYPED, "urgent": "y"})

    monitor = session.scalars(select(Monitor)).one()
    assert monitor.urgent
    assert "<dt>Urgent</dt>" in client.get(f"/monitors/{monitor.id}").text


def test_the_switch_shows_what_is_so_and_can_be_taken_back(
    client: Browser, session: Session, team: Team
) -> None:
    monitor = make_monitor(session, team.workspace, urgent=True)
    client.sign_in(team.owner)
    page = client.get(f"/monitors/{monitor.id}/edit").text
    assert '<details class="more" open>' in page

    client.submit(f"/monitors/{monitor.id}/edit", {**TYPED, "urgent": ""})

    assert not monitor.urgent
    assert "<dt>Urgent</dt>" not in client.get(f"/monitors/{monitor.id}").text
