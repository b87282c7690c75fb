"""What the page of a monitor tells of its runs, its numbers and its doors."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.domain.runs import Progress, Run, write_runs
from earlywatch.models import Monitor, PingSource
from earlywatch.services import run_views
from earlywatch.services.wiring import EXTENSION
from earlywatch.web.monitor_words import number_words
from tests.builders import NOW, make_monitor, make_ping
from tests.client import Browser
from tests.html import check_page
from tests.statements import statements
from tests.web.team import Team

MINUTE = timedelta(minutes=1)
HOUR = 60 * MINUTE
FIRST, SECOND = (UUID(f"019a9e4f-6a9e-7f0b-9d7e-0c8d{n:08x}") for n in (1, 2))  # version 7


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr("earlywatch.app.utcnow", lambda: now)


def page_of(client: Browser, monitor: Monitor) -> str:
    """The words of a monitor's page, with single spaces."""
    page = client.get(f"/monitors/{monitor.id}")
    return " ".join("".join(check_page(page.text).itertext()).split())


def running(session: Session, team: Team, runs: Iterable[Run], **columns: Any) -> Monitor:
    """An up monitor whose job runs."""
    up: dict[str, Any] = {"status": "up", "deadline_at": NOW + HOUR, "runs_json": write_runs(runs)}
    return make_monitor(session, team.workspace, **{**up, **columns})


def test_runs_at_the_same_time_are_told_apart_with_their_limits(
    client: Browser, session: Session, team: Team, now: datetime
) -> None:
    runs = [Run(FIRST, now - 40 * MINUTE), Run(SECOND, now - 10 * MINUTE), Run(None, now - MINUTE)]
    monitor = running(session, team, runs, max_runtime=30 * MINUTE)
    client.sign_in(team.owner)

    page = page_of(client, monitor)

    assert "3 runs at the same time" in page
    assert "Running \N{MULTIPLICATION SIGN}3" in page
    assert "Run 00000001 for 40 min since 04:37:03 UTC, had to end by 05:07:03 UTC" in page
    assert "Run 00000002 for 10 min since 05:07:03 UTC, must end by 05:37:03 UTC" in page
    assert "Run without an id for 1 min" in page
    assert "Running \N{MULTIPLICATION SIGN}3" in client.get("/monitors").text


def test_one_run_is_not_counted(
    client: Browser, session: Session, team: Team, now: datetime
) -> None:
    monitor = running(session, team, [Run(None, now - MINUTE)])
    client.sign_in(team.owner)

    page = page_of(client, monitor)

    assert "1 run Run without an id for 1 min since 05:16:03 UTC" in page
    assert "\N{MULTIPLICATION SIGN}" not in page
    assert "must end" not in page


def test_progress_has_a_bar_an_expected_end_and_a_stall_limit(
    client: Browser, session: Session, team: Team, now: datetime
) -> None:
    run = Run(FIRST, now - 35 * MINUTE).told(Progress(0, 1200), now - 35 * MINUTE)
    run = run.told(Progress(340), now - MINUTE)
    monitor = running(session, team, [run], stall_after=5 * MINUTE)
    client.sign_in(team.owner)

    page = page_of(client, monitor)
    [bar] = check_page(client.get(f"/monitors/{monitor.id}").text).iter("progress")

    assert "340 of 1,200, 28 %, done at about 06:42:03 UTC" in page
    assert "Last moved 1 min ago. Late from 05:21:03 UTC if it stands still." in page
    assert (bar.get("value"), bar.get("max")) == ("0.2833", "1")
    assert bar.get("aria-labelledby")


def test_an_end_that_should_have_been_is_not_told(
    client: Browser, session: Session, team: Team, now: datetime
) -> None:
    run = Run(FIRST, now - HOUR).told(Progress(0, 10), now - HOUR)
    run = run.told(Progress(9), now - 30 * MINUTE)
    monitor = running(session, team, [run])
    client.sign_in(team.owner)

    assert "9 of 10, 90 % Last moved 30 min ago." in page_of(client, monitor)


def test_limits_count_from_an_edit_that_left_them_in_the_past(
    client: Browser, session: Session, team: Team, now: datetime
) -> None:
    run = Run(FIRST, now - HOUR, judged_from=now).told(Progress(0), now - HOUR)
    limits = {"max_runtime": 2 * MINUTE, "stall_after": MINUTE}
    monitor = running(session, team, [run], **limits)
    client.sign_in(team.owner)

    page = page_of(client, monitor)

    assert "must end by 05:19:03 UTC" in page
    assert "Late from 05:18:03 UTC if it stands still." in page


def test_a_job_that_does_not_know_its_whole_has_no_bar(
    client: Browser, session: Session, team: Team, now: datetime
) -> None:
    monitor = running(session, team, [Run(None, now - HOUR, Progress(1234.5), now)])
    client.sign_in(team.owner)

    assert "1,234.50 so far" in page_of(client, monitor)
    assert "<progress" not in client.get(f"/monitors/{monitor.id}").text


def test_more_than_the_whole_is_all_of_it(
    client: Browser, session: Session, team: Team, now: datetime
) -> None:
    monitor = running(session, team, [Run(None, now - HOUR, Progress(1300, 1200), now)])
    client.sign_in(team.owner)

    assert "1,300 of 1,200, 100 % Last moved" in page_of(client, monitor)


def test_limits_are_not_told_while_nothing_is_judged(
    client: Browser, session: Session, team: Team, now: datetime
) -> None:
    run = Run(FIRST, now - HOUR, Progress(1, 2), now - HOUR)
    limits: dict[str, Any] = {"max_runtime": MINUTE, "stall_after": MINUTE}
    monitor = running(session, team, [run], status="failed", deadline_at=None, **limits)
    client.sign_in(team.owner)

    page = page_of(client, monitor)

    assert "1 run Run 00000001" in page
    assert "end by" not in page
    assert "tand still" not in page


def test_a_hundred_runs_do_not_flood_the_page(
    client: Browser, session: Session, team: Team, now: datetime
) -> None:
    runs = [Run(UUID(int=n << 32), now - n * MINUTE) for n in range(100, 0, -1)]
    monitor = running(session, team, runs)
    client.sign_in(team.owner)

    page = page_of(client, monitor)

    assert "100 runs at the same time" in page
    assert page.count("Run 00000000") == 20
    assert "80 more, which started later." in page


def test_numbers_show_the_newest_value_of_each(
    client: Browser, session: Session, team: Team, now: datetime
) -> None:
    monitor = make_monitor(session, team.workspace)
    make_ping(session, monitor, metrics={"rows": 1, "duration": 2.5}, now=now - HOUR)
    make_ping(session, monitor, "log", metrics={"rows": 1200.0}, now=now - MINUTE)
    make_ping(session, monitor, "ignored", metrics={"rows": 7}, now=now)
    make_ping(session, monitor, now=now)
    client.sign_in(team.owner)

    page = page_of(client, monitor)

    assert "duration 2.50 04:17:03 UTC 1 h ago rows 1,200 05:16:03 UTC 1 min ago" in page


def test_numbers_outlive_the_logs_of_a_job_that_works(
    client: Browser, session: Session, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = make_monitor(session, team.workspace)
    make_ping(session, monitor, metrics={"rows": 1200})
    for done in range(100):
        make_ping(session, monitor, "log", done=done)
    client.sign_in(team.owner)

    with statements(session) as ran:
        page = page_of(client, monitor)
    monkeypatch.setattr(run_views, "LOOKED_THROUGH", 100)

    assert "Numbers The newest value of each number, and when it came" in page
    assert "rows 1,200" in page
    assert len(ran) <= 16
    assert "Numbers" not in page_of(client, monitor)


def test_numbers_are_written_as_people_read_them() -> None:
    wanted = {
        0: "0", 1200.0: "1,200", 0.25: "0.25", 1234.5: "1,234.50", 3e20: "3e+20", -7: "-7",
    }  # fmt: skip

    assert {value: number_words(value) for value in wanted} == wanted


def test_a_refused_ping_and_a_new_source_are_told_for_a_week(
    client: Browser, session: Session, team: Team, now: datetime
) -> None:
    refused: dict[str, Any] = {
        "last_ping_at": now,
        "refused_address": "203.0.113.9",
        "allowed_networks": ["192.0.2.0/24"],
    }
    monitor = make_monitor(session, team.workspace, refused_at=now - HOUR, **refused)
    quiet = make_monitor(session, team.workspace, refused_at=now - 8 * 24 * HOUR, **refused)
    for each, days in ((monitor, 1), (monitor, 30), (quiet, 1)):
        source = {"address": f"192.0.2.{days}", "agent": "curl/8.5.0"}
        seen = now - days * 24 * HOUR
        session.add(PingSource(monitor_id=each.id, first_seen_at=seen, **source))
    client.sign_in(team.owner)

    page, other = page_of(client, monitor), page_of(client, quiet)

    assert "A ping was refused 1 h ago. It came from 203.0.113.9, which is not in" in page
    assert "New source 192.0.2.1, curl/8.5.0 first seen Thu 19 Nov 2026, 05:17:03 UTC" in page
    assert "was refused" not in other
    assert "New source" not in other  # the first one of a monitor is no news


def test_a_pause_that_a_ping_ends_says_so(client: Browser, session: Session, team: Team) -> None:
    ending = "The next success or failure ends the pause."
    client.sign_in(team.owner)

    for sticky in (True, False):
        monitor = make_monitor(session, team.workspace, status="paused", sticky_pause=sticky)
        assert (ending in page_of(client, monitor)) is not sticky


def test_the_address_by_name_is_shown_where_there_is_a_name(
    client: Browser, session: Session, team: Team
) -> None:
    named = make_monitor(session, team.workspace, slug="nightly-backup")
    nameless = make_monitor(session, team.workspace)
    key = team.workspace.ping_key
    client.sign_in(team.mate)

    page, other = (client.get(f"/monitors/{each.id}").text for each in (named, nameless))

    assert f"http://localhost/ping/{named.ping_key}<" in page
    assert f"http://localhost/ping/{key}/nightly-backup<" in page
    assert key not in other
    assert "By email" not in page


def test_mail_addresses_are_shown_where_mail_is_taken(
    app: Flask, client: Browser, session: Session, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    wired = app.extensions[EXTENSION]
    settings = wired.settings.model_copy(update={"ping_mail_domain": "ping.example.org"})
    monkeypatch.setitem(app.extensions, EXTENSION, replace(wired, settings=settings))
    monitor = make_monitor(session, team.workspace, slug="nightly-backup")
    client.sign_in(team.mate)

    page = client.get(f"/monitors/{monitor.id}").text

    assert f">{monitor.ping_key}@ping.example.org<" in page
    assert f">{team.workspace.ping_key}+nightly-backup@ping.example.org<" in page
