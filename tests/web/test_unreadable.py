"""A monitor whose schedule cannot be read any more, say because its zone was abolished."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from earlywatch.models import Monitor
from tests.builders import make_monitor
from tests.client import Browser
from tests.web.team import Team

NOTICE = "The schedule cannot be read any more."


def monitor_in_a_zone_of_the_past(session: Session, team: Team) -> Monitor:
    monitor = make_monitor(session, team.workspace)
    abolished = {"schedule_kind": "cron", "period": None, "expression": "0 3 * * *"}
    session.execute(update(Monitor).values(**abolished, time_zone="Atlantis/Capital"))
    session.refresh(monitor)
    return monitor


def test_its_page_says_why_and_how_to_mend_it(
    client: Browser, session: Session, team: Team
) -> None:
    monitor = monitor_in_a_zone_of_the_past(session, team)
    client.sign_in(team.owner)

    page = client.get(f"/monitors/{monitor.id}")

    assert NOTICE in page.text
    assert "There is no time zone &#34;Atlantis/Capital&#34;." in page.text
    assert f'href="/monitors/{monitor.id}/edit">Set another one' in page.text


def test_any_other_page_does_not(client: Browser, session: Session, team: Team) -> None:
    monitor = make_monitor(session, team.workspace)
    client.sign_in(team.owner)

    assert NOTICE not in client.get(f"/monitors/{monitor.id}").text
