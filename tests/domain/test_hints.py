"""Hints: said where the facts suggest something, and never otherwise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from earlywatch.domain.hints import Facts, hint, steady_shift
from earlywatch.domain.monitor import Cause, PingKind
from earlywatch.domain.schedule import Cron, Interval

NOW = datetime(2026, 11, 20, 1, 20, tzinfo=UTC)  # 02:20 in Berlin
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
BERLIN = "Europe/Berlin"
FACTS = Facts(Cause.MISSED, NOW, Cron("0 2 * * *", BERLIN), BERLIN, last_at=NOW - DAY)


def successes(off: timedelta, count: int = 4) -> tuple[datetime, ...]:
    """Successes that came so long after 02:00 in Berlin, on the last days, newest first."""
    meant = datetime(2026, 11, 19, 1, 0, tzinfo=UTC)
    return tuple(
        meant - days * DAY + off + days * 20 * timedelta(seconds=1) for days in range(count)
    )


def said(**facts: Any) -> str:
    return hint(replace(FACTS, **facts))


def test_pings_that_come_off_by_the_offset_of_the_zone_ask_for_utc() -> None:
    assert said(successes=successes(HOUR + MINUTE)) == (
        "Its last pings came 1 h after the scheduled time: is the server's clock on UTC, and the"
        " schedule on Europe/Berlin?"
    )


def test_pings_that_come_off_by_other_hours_ask_for_the_zone() -> None:
    said_ = said(successes=successes(-3 * HOUR))

    assert said_.startswith("Its last pings came 3 h before the scheduled time: do the schedule")


@pytest.mark.parametrize("off", [timedelta(0), 3 * MINUTE, 17 * MINUTE, HOUR + 10 * MINUTE])
def test_pings_that_come_near_or_anyhow_say_nothing(off: timedelta) -> None:
    assert said(successes=successes(off)) == ""


def test_too_few_pings_or_a_schedule_of_every_hour_say_nothing() -> None:
    assert said(successes=successes(HOUR, count=2)) == ""
    hourly = replace(FACTS, schedule=Cron("0 * * * *", BERLIN), successes=successes(HOUR))
    assert steady_shift(hourly) is None
    assert steady_shift(replace(FACTS, schedule=Interval(DAY), successes=successes(HOUR))) is None


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"cause": Cause.FAILED, "exit_status": 127}, "command was not found"),
        ({"cause": Cause.FAILED, "exit_status": 137}, "memory ran out"),
        ({"addresses": 3}, "came from 3 addresses"),
        ({"last_kind": PingKind.START}, "started, and not that it ended"),
        ({"last_kind": PingKind.IGNORED, "ignored_for": "not a POST"}, "was ignored: not a POST"),
        (
            {"refused_at": NOW - MINUTE, "refused_address": "192.0.2.7"},
            "from 192.0.2.7 was refused",
        ),
        ({"key_changed_at": NOW - HOUR}, "ping address was changed"),
        ({"outage": (NOW - HOUR, NOW - 50 * MINUTE)}, "from 00:20:00 to 00:30:00 UTC"),
    ],
)
def test_what_is_known_is_said(facts: dict[str, Any], words: str) -> None:
    assert words in said(**facts)


def test_a_change_of_the_clocks_is_said_for_a_day_and_a_half() -> None:
    night = datetime(2026, 10, 25, 1, 20, tzinfo=UTC)

    assert said(opened_at=night) == "The clocks in Europe/Berlin went back in the last 1 day 12 h."
    assert said(opened_at=night + 2 * DAY) == ""


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"cause": Cause.FAILED, "exit_status": 1},
        {"addresses": 1},
        {"refused_at": NOW - 2 * DAY, "refused_address": "192.0.2.7"},
        {"key_changed_at": NOW - 30 * HOUR},  # it pinged since
        {"schedule": None, "successes": successes(HOUR)},
        {"time_zone": "Nowhere/Gone"},
    ],
)
def test_where_nothing_stands_out_nothing_is_said(facts: dict[str, Any]) -> None:
    assert said(**facts) == ""
