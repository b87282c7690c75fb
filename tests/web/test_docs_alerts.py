"""The documentation of alerts: what it says is what the rules do."""

import re
from datetime import UTC, datetime, time, timedelta
from html import unescape
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

import pytest

from earlywatch.channels.registry import kinds
from earlywatch.channels.templating import PLACEHOLDERS
from earlywatch.domain import outages
from earlywatch.domain.escalation import Plan, Progress, Step, on_look
from earlywatch.domain.failures import Ended, Patience, Silence, enough_at
from earlywatch.domain.flapping import STEADY_AFTER
from earlywatch.domain.monitor import MonitorState, Rules, Status
from earlywatch.domain.policy_words import plan_words
from earlywatch.domain.runs import Run
from earlywatch.domain.schedule import Cron, Interval
from earlywatch.domain.snooze import Act
from earlywatch.domain.windows import Weekly, Window
from earlywatch.ingest.bounces import COMMANDS
from earlywatch.services.channel_hours import DIGESTS
from tests.client import Browser
from tests.html import check_page

BERLIN = "Europe/Berlin"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SUNDAY = 7
NAMES = {1: "Team chat", 2: "Anna's phone", 3: "On call"}
EXAMPLE = Plan(
    (
        Step(0 * MINUTE, own=False, channel_ids=(1,)),
        Step(10 * MINUTE, own=False, channel_ids=(2,)),
        Step(30 * MINUTE, own=False, channel_ids=(3,)),
    ),
    repeat_every=30 * MINUTE,
)
BEGAN, ENDED = (
    datetime(2026, 11, 20, hour, minute, tzinfo=UTC) for hour, minute in ((2, 55), (3, 10))
)


def at(text: str) -> datetime:
    """Return a moment of the night of the examples, in UTC."""
    return datetime.combine(BEGAN.date(), time.fromisoformat(text), UTC)


def page(client: Browser, name: str) -> Element:
    """Return a page of the documentation."""
    return check_page(client.get(f"/docs/{name}").text)


def words(element: Element) -> str:
    """Return the text of an element on one line."""
    return " ".join(unescape("".join(element.itertext())).split())


def found(root: Element, name: str) -> Element:
    """Return the element with this id."""
    return next(each for each in root.iter() if each.get("id") == name)


def cells(root: Element, table: str) -> list[list[str]]:
    """Return the texts of the body of a table."""
    [body] = found(root, table).iter("tbody")
    return [[words(cell) for cell in row.iter("td")] for row in body.iter("tr")]


def test_every_kind_of_channel_is_explained(client: Browser) -> None:
    root = page(client, "alerts")

    for kind in kinds():
        name, acts, end, note = [
            words(cell) for cell in found(root, f"kind-{kind.name}").iter("td")
        ]
        assert name == kind.label
        assert acts
        assert end
        assert note
        if kind.pace:
            assert f"{kind.pace.messages} message" in note


def test_every_placeholder_is_explained_in_its_order(client: Browser) -> None:
    root = page(client, "alerts")
    codes = [words(code) for term in root.iter("dt") for code in term.iter("code")]

    assert [code for code in codes if code in PLACEHOLDERS] == list(PLACEHOLDERS)


def test_every_digest_and_every_reply_is_named(client: Browser) -> None:
    hours = words(page(client, "alerts"))
    replies = words(page(client, "escalation"))

    assert "15 min, 1 h, 4 h or 24 h" in hours
    assert [every / HOUR for every in DIGESTS] == [0.25, 1, 4, 24]
    assert set(COMMANDS.values()) == {Act.ACKNOWLEDGE, Act.HOUR, Act.HOURS, Act.TOMORROW}
    for command in COMMANDS:
        assert command in replies


def test_the_example_of_a_policy_is_what_a_policy_does(client: Browser) -> None:
    root = page(client, "escalation")
    said = plan_words(EXAMPLE, NAMES)

    told, progress, now = [], Progress(), at("02:20")
    while now < at("03:50"):
        telling = on_look(EXAMPLE, progress, now)
        steps = [NAMES[id_] for _, step in telling.steps for id_ in step.channel_ids]
        told.append((f"{now:%H:%M}", steps[0] if steps else "All three"))
        progress = Progress(
            at("02:20"), progress.step + len(steps), progress.reminders + telling.reminds
        )
        assert telling.next_at is not None
        now = telling.next_at

    assert words(found(root, "example-words")).rstrip(".") == said[0].upper() + said[1:]
    assert [(row[0], row[1]) for row in cells(root, "example")] == told
    snoozed = Progress(at("02:20") + HOUR, step=2, snoozed=True)  # as `acting.snooze` moves it
    after = on_look(EXAMPLE, snoozed, at("03:34"))
    assert after.reminds
    assert after.next_at == at("03:50")


@pytest.mark.parametrize("row", [0, 1])
def test_windows_are_where_the_table_says_when_clocks_change(client: Browser, row: int) -> None:
    begins, usual, spring, autumn = cells(page(client, "escalation"), "clocks")[row]
    start, hours = re.findall(r"[\d:]+", begins)
    window = Window(Weekly((SUNDAY,), time.fromisoformat(start), BERLIN), int(hours) * HOUR)

    def shown(month: int, day: int) -> str:
        [span] = window.next_windows(datetime(2026, month, day, tzinfo=UTC), 1)
        return " to ".join(f"{moment.astimezone(ZoneInfo(BERLIN)):%H:%M}" for moment in span)

    assert shown(6, 6) == f"{start} to {usual}"
    assert shown(3, 28) == spring
    assert shown(10, 24) == autumn


def test_the_example_of_failures_needed_counts_right(client: Browser) -> None:
    shown = words(found(page(client, "escalation"), "threshold"))
    late, told = re.findall(r"\d\d:\d\d", shown)[1:]
    grace, late_at = 10 * MINUTE, at("13:10")
    silence = Silence(Interval(HOUR), grace, awaited=at("14:00"))

    enough = enough_at(Patience(3), [], [Ended(late_at, failed=True)], silence)

    assert (late, told) == ("13:10", f"{enough:%H:%M}")
    assert f"lasts for {STEADY_AFTER // MINUTE} min" in words(page(client, "escalation"))


JOBS = [
    (Rules(Cron("0 3 * * *", "UTC"), 20 * MINUTE), "03:00", ()),
    (Rules(Interval(MINUTE), MINUTE), "02:55", ()),
    (Rules(Cron("30 * * * *", "UTC"), 5 * MINUTE), "03:30", ()),
    (Rules(Cron("0 5 * * *", "UTC"), HOUR, HOUR), "05:00", (Run(None, at("02:30")),)),
    (Rules(Cron("30 2 * * *", "UTC"), 20 * MINUTE), "02:30", ()),
]


@pytest.mark.parametrize("row", range(len(JOBS)))
def test_deadlines_move_as_the_table_says(client: Browser, row: int) -> None:
    _, before, after = cells(page(client, "down"), "moved")[row]
    rules, expected, runs = JOBS[row]
    state = MonitorState(
        status=Status.UP, expected_at=at(expected), deadline_at=at(before), runs=runs
    )

    moved = outages.on_outage(state, rules, BEGAN, ENDED)

    assert moved.deadline_at == at(after[:5])
