"""The page of a monitor's log, and its search."""

from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind
from earlywatch.domain.schedule import Cron
from earlywatch.models import Monitor
from earlywatch.services import ping_log
from earlywatch.services.ping_log import PINGS_PER_PAGE
from tests.builders import make_monitor, make_ping
from tests.client import Browser
from tests.html import check_page
from tests.statements import statements
from tests.web.team import Team

HOUR = timedelta(hours=1)
RUN = UUID("0f2a7c86-5b7a-4a8e-9d0c-2f6f2b1c3d4e")


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr("earlywatch.app.utcnow", lambda: now)


@pytest.fixture
def monitor(client: Browser, session: Session, team: Team) -> Monitor:
    """A monitor whose clock is New York's; `client` is a member who looks at it."""
    client.sign_in(team.mate)
    return make_monitor(session, team.workspace, schedule=Cron("0 3 * * *", "America/New_York"))


def words(page: str) -> str:
    return " ".join("".join(check_page(page).itertext()).split())


def log(client: Browser, monitor: Monitor, query: str = "") -> str:
    answer = client.get(f"/monitors/{monitor.id}/pings{query}")
    assert answer.status_code == 200
    return words(answer.text)


def link(client: Browser, address: str, name: str) -> str:
    page = check_page(client.get(address).text)
    [found] = [str(a.get("href")) for a in page.iter("a") if "".join(a.itertext()).strip() == name]
    return found


def test_the_page_of_the_monitor_leads_to_the_search(
    client: Browser, session: Session, monitor: Monitor
) -> None:
    make_ping(session, monitor)

    assert link(client, f"/monitors/{monitor.id}", "Search the log") == (
        f"/monitors/{monitor.id}/pings"
    )


def test_a_line_tells_all_that_is_unusual(
    client: Browser, session: Session, monitor: Monitor
) -> None:
    make_ping(
        session, monitor, "log", run_id=RUN, done=340, total=1200, masked=2, old_key=True,
        new_source=True, body=b"x" * 2000, remote_address="192.0.2.7", user_agent="curl/8",
        metrics={"rows": 1200.0} | dict.fromkeys("abcde", 1.0), duration=HOUR,
    )  # fmt: skip

    line = log(client, monitor)

    assert "Log run 2b1c3d4e" in line
    assert "1 h 340 of 1,200" in line
    assert "a 1 · b 1 · c 1 · d 1 · 2 more" in line
    assert "2.0 kB of output masked 2 new source old key" in line
    assert "192.0.2.7 GET · curl/8" in line


def test_a_line_tells_the_beginning_of_a_long_message(
    client: Browser, session: Session, monitor: Monitor
) -> None:
    make_ping(session, monitor, message="x" * 201)
    make_ping(session, monitor, message="y" * 200)

    page = client.get(f"/monitors/{monitor.id}/pings").text

    assert f"<p>{'x' * 199}…</p>" in page
    assert f"<p>{'y' * 200}</p>" in page


def test_all_kinds_are_no_choice(client: Browser, session: Session, monitor: Monitor) -> None:
    every = "&".join(f"kind={kind.value}" for kind in PingKind)

    assert "No ping yet" in log(client, monitor, f"?{every}")
    assert "No ping matches" in log(client, monitor, "?kind=fail")


def test_the_address_carries_what_is_looked_for_from_page_to_page(
    client: Browser, session: Session, monitor: Monitor
) -> None:
    for n in range(PINGS_PER_PAGE + 1):
        make_ping(session, monitor, "fail", message=f"boom {n}.")
        make_ping(session, monitor, "start", message="boom too")
        make_ping(session, monitor, message="fine")
    query = "?q=boom&kind=fail&kind=log&from=2026-11-19&until=2026-11-20"

    older = link(client, f"/monitors/{monitor.id}/pings{query}", "Older")

    carried = parse_qs(urlsplit(older).query)
    carried.pop("before")
    assert carried == parse_qs(query[1:])
    assert "boom 0." in words(client.get(older).text)
    assert "boom too" not in words(client.get(older).text)
    assert "boom 30." in words(client.get(link(client, older, "Newer")).text)


def test_days_are_those_of_the_monitor(
    client: Browser, session: Session, monitor: Monitor, now: datetime
) -> None:
    midnight = now.replace(hour=5, minute=0, second=0)  # in New York
    make_ping(session, monitor, now=midnight - timedelta(seconds=1), message="the day before")
    make_ping(session, monitor, now=midnight, message="the day itself")

    day = log(client, monitor, "?from=2026-11-20&until=2026-11-20")

    assert "the day itself" in day
    assert "the day before" not in day
    assert "the day before" in log(client, monitor, "?until=2026-11-19")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("from=yesterday", "Write the day like 2026-11-20."),
        ("until=0001-01-01", "There are no pings of that year."),
        ("from=2026-11-20&until=2026-11-19", "This day is before the first one."),
        ("run=17", "Write the whole run id"),
        ("q=" + "x" * 101, "Write at most 100 characters."),
    ],
)
def test_what_cannot_be_looked_for_is_said(
    client: Browser, monitor: Monitor, query: str, sentence: str
) -> None:
    page = log(client, monitor, f"?{query}")

    assert "One thing to put right" in page
    assert sentence in page


@pytest.mark.parametrize("query", ["q=%00%07", "kind=cheese%00", "run=%FF%20", "before=x&after=-1"])
def test_what_makes_no_sense_is_left_out(
    client: Browser, session: Session, monitor: Monitor, query: str
) -> None:
    make_ping(session, monitor, message="it is here")

    page = log(client, monitor, f"?{query}")

    assert "it is here" in page or "Write the whole run id" in page


def test_an_empty_result_teaches(client: Browser, session: Session, monitor: Monitor) -> None:
    none = log(client, monitor)
    make_ping(session, monitor)

    nothing = log(client, monitor, "?q=cheese")

    assert "No ping yet" in none
    assert "No ping matches" in nothing
    assert "the first 4 kB of the output" in nothing
    assert "No older pings." in log(client, monitor, "?before=1")
    assert "No newer pings like these." in log(client, monitor, "?kind=fail&after=1")


def test_a_search_that_gives_up_says_so_and_goes_on(
    client: Browser,
    session: Session,
    monitor: Monitor,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ping_log, "LOOKED_THROUGH", 2)
    for n in range(5):
        make_ping(session, monitor, now=now - (5 - n) * HOUR, message=f"ping {n}.")
    here = f"/monitors/{monitor.id}/pings?q=ping+1"

    first = words(client.get(here).text)
    further = link(client, here, "Look further")

    assert "Nothing found yet. Looked through 2 pings, back to Thu 19 Nov 2026, 22:17" in first
    assert "ping 1." in words(client.get(further).text)
    newer = link(client, further, "Newer")
    assert "up to" in words(client.get(newer).text)
    assert link(client, newer, "Look further")


def test_the_pings_of_a_run_are_found_from_one_of_them(
    client: Browser, session: Session, monitor: Monitor
) -> None:
    make_ping(session, monitor, message="another run")
    make_ping(session, monitor, "start", run_id=RUN, message="the start")
    end = make_ping(session, monitor, run_id=RUN)

    run = link(client, f"/monitors/{monitor.id}/pings/{end.id}", "Pings of this run")

    assert "the start" in words(client.get(run).text)
    assert "another run" not in words(client.get(run).text)


def test_the_log_asks_once_however_many_lines(
    client: Browser, session: Session, monitor: Monitor
) -> None:
    make_ping(session, monitor, "start", run_id=RUN)
    client.get(f"/monitors/{monitor.id}/pings")
    with statements(session) as one:
        client.get(f"/monitors/{monitor.id}/pings")
    for _ in range(10):
        make_ping(session, monitor, "start", run_id=RUN)
    with statements(session) as many:
        client.get(f"/monitors/{monitor.id}/pings")

    assert len(many) <= len(one)


def test_strangers_find_no_log(
    client: Browser, session: Session, monitor: Monitor, team: Team
) -> None:
    client.sign_in(team.stranger)

    assert client.get(f"/monitors/{monitor.id}/pings").status_code == 404
