"""Moments, durations and strips as the pages show them."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from flask import Flask, g

from earlywatch.web import filters


@pytest.fixture(autouse=True)
def present(now: datetime) -> Iterator[None]:
    """A request that began at `now`."""
    with Flask("bare").app_context():
        g.now = now
        yield


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (-1, "now"),
        (-2, "2 s ago"),
        (-59, "59 s ago"),
        (-60, "1 min ago"),
        (-119, "1 min ago"),
        (-3600, "1 h ago"),
        (-3725, "1 h 2 min ago"),
        (-86400 * 2 - 3600 * 3 - 60, "2 days 3 h ago"),
        (4, "in 4 s"),
        (250, "in 4 min"),
    ],
)
def test_a_distance_from_now_is_said_in_words(now: datetime, seconds: int, words: str) -> None:
    assert filters.relative(now + timedelta(seconds=seconds)) == words


def test_a_span_since_a_moment_leaves_out_seconds_from_a_minute_on(now: datetime) -> None:
    assert filters.since(now - timedelta(seconds=59)) == "59 s"
    assert filters.since(now - timedelta(minutes=12, seconds=30)) == "12 min"


def test_a_moment_names_its_zone_and_utc(now: datetime) -> None:
    words = filters.absolute(now - timedelta(days=3), "Europe/Berlin")

    assert "Europe/Berlin" in words
    assert "UTC" in words


def test_a_moment_for_machines_is_in_utc(now: datetime) -> None:
    assert filters.iso(now) == now.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_strip_has_one_path_per_outcome_and_ends_at_the_right_edge() -> None:
    paths = dict(filters.strip_paths([("success", 1.0), ("failed", 0.0), ("success", 0.5)]))

    assert paths == {"success": "M110 20v-20M118 20v-12", "failed": "M114 20v-4"}


def test_a_strip_is_told_in_words() -> None:
    words = filters.strip_words([("success", 1.0), ("failed", 0.2), ("missed", 1.0)])

    assert words == "Last 3 runs: 1 failed, 1 missed"


def test_a_strip_shows_the_last_thirty_runs() -> None:
    [(outcome, path)] = filters.strip_paths([("success", 1.0)] * 40)

    assert outcome == "success"
    assert path.count("M") == 30
    assert path.startswith("M2 ")
