"""Jinja filters for moments, durations and run strips. The present is `g.now`, set by the app."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from flask import Flask, g

from earlywatch.domain.duration import format_duration, rough_duration
from earlywatch.domain.words import moment_words
from earlywatch.domain.zone import InvalidSchedule, find_zone
from earlywatch.models import Delivery
from earlywatch.services import delivery_log

MINUTE = timedelta(minutes=1)
SHORTEST_AGO = timedelta(seconds=2)

# A strip of runs is drawn in units of its viewBox, 120 by 20.
STRIP_RUNS = 30
BAR_STEP = 4
BAR_SHORTEST = 4
BAR_LONGEST = 20


def iso(at: datetime) -> str:
    """Return `at` in UTC for the `datetime` attribute: "2026-11-20T05:17:03Z"."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def absolute(at: datetime, zone: str = "UTC") -> str:
    """Return `at` as alerts say it: "Fri 20 Nov 2026, 06:17 Europe/Berlin (05:17 UTC)"."""
    return moment_words(at, zone, g.now)


def since(at: datetime) -> str:
    """Return how long ago `at` was, from one minute on without seconds: "12 s", "1 h 5 min"."""
    return _distance(g.now - at)


def local(at: datetime, zone: str = "UTC") -> str:
    """Return `at` on the clock of `zone`, for where the zone is named: "Fri 20 Nov, 06:17:03"."""
    there, today = at.astimezone(_zone(zone)), g.now.astimezone(_zone(zone))
    year = "" if there.year == today.year else f" {there.year}"
    return f"{there:%a} {there.day} {there:%b}{year}, {there:%H:%M:%S}"


def relative(at: datetime) -> str:
    """Return how far `at` is from now: "12 s ago", "in 4 min", "2 days 3 h ago", "now".

    The script repeats this rule to keep pages fresh: change both.
    """
    ahead = at - g.now
    if abs(ahead) < SHORTEST_AGO:
        return "now"
    return f"in {_distance(ahead)}" if ahead > timedelta(0) else f"{_distance(-ahead)} ago"


def strip_paths(runs: Sequence[tuple[str, float]]) -> list[tuple[str, str]]:
    """Return for each outcome the SVG path of its bars, newest run at the right edge.

    `runs` is (outcome, size) from old to new, size between 0 and 1.
    """
    shown = runs[-STRIP_RUNS:]
    paths: dict[str, list[str]] = {}
    for slot, (outcome, size) in enumerate(shown, start=STRIP_RUNS - len(shown)):
        height = BAR_SHORTEST + round((BAR_LONGEST - BAR_SHORTEST) * size)
        paths.setdefault(outcome, []).append(f"M{slot * BAR_STEP + 2} {BAR_LONGEST}v-{height}")
    return [(outcome, "".join(bars)) for outcome, bars in paths.items()]


def strip_words(runs: Sequence[tuple[str, float]]) -> str:
    """Return what a strip shows, for people who cannot see it."""
    outcomes = [outcome for outcome, _ in runs]
    failed, missed = outcomes.count("failed"), outcomes.count("missed")
    return f"Last {len(outcomes)} runs: {failed} failed, {missed} missed"


def attempts(delivery: Delivery) -> list[delivery_log.Line]:
    """Return what became of each attempt at a delivery."""
    return delivery_log.lines(delivery, g.now)


def register(app: Flask) -> None:
    """Give the templates the filters above, and `span` and `rough` for durations."""
    for named in (iso, absolute, local, relative, since, strip_paths, strip_words):
        app.add_template_filter(named)
    app.add_template_filter(attempts)
    app.add_template_filter(format_duration, "span")
    app.add_template_filter(rough_duration, "rough")


def _zone(name: str) -> tzinfo:
    try:
        return find_zone(name)
    except InvalidSchedule:
        return UTC  # a page must open even if a zone was dropped from the time zone data


def _distance(length: timedelta) -> str:
    return rough_duration(length - length % MINUTE if length >= MINUTE else length)
