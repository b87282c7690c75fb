"""What the page of a monitor leaves out, and to whom."""

from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.models import Account
from tests.builders import make_monitor, make_ping
from tests.client import Browser
from tests.web.team import Team

HTMX = {"HX-Request": "true"}


def test_a_viewer_who_could_ping_does_not_see_how(
    client: Browser, session: Session, team: Team, viewer: Account
) -> None:
    new = make_monitor(session, team.workspace)
    old = make_monitor(session, team.workspace, status="paused", last_ping_at=utcnow())

    for monitor in (new, old):
        client.sign_in(viewer)
        seen = client.get(f"/monitors/{monitor.id}").text
        client.sign_in(team.mate)

        assert str(monitor.ping_key) not in seen
        assert "curl" not in seen
        assert "Whoever knows it can ping, so it is shown only to" in seen
        assert str(monitor.ping_key) in client.get(f"/monitors/{monitor.id}").text


def test_a_page_beyond_the_log_does_not_deny_its_pings(
    client: Browser, session: Session, team: Team
) -> None:
    monitor = make_monitor(session, team.workspace)
    ping = make_ping(session, monitor)
    here = f"/monitors/{monitor.id}"
    client.sign_in(team.owner)

    older = client.get(f"{here}?before={ping.id}").text
    newer = client.get(f"{here}?after={ping.id}").text
    none = client.get(f"/monitors/{make_monitor(session, team.workspace).id}").text

    assert "No older pings." in older
    assert "No newer pings." in newer
    for page in (older, newer):
        assert "No ping yet" not in page
        assert f'href="{here}#log"' in page
    assert "No ping yet." in none


def test_the_preview_tells_the_zone_however_it_was_typed(client: Browser, team: Team) -> None:
    client.sign_in(team.owner)
    typed = {"kind": "cron", "cron": "30 2 * * *", "time_zone": " Europe/Berlin "}

    page = client.get("/monitors/new")
    part = client.send(page, typed, "/monitors/preview", headers=HTMX).text

    assert part.count("02:30 Europe/Berlin (") == 5
