"""What the query of a ping says, and the sentences for what it cannot say."""

from datetime import timedelta
from uuid import UUID

import pytest

from earlywatch.domain.runs import Progress
from earlywatch.domain.schedule import Cron, Interval
from earlywatch.ingest.query import (
    BAD_DONE,
    BAD_DURATION,
    BAD_METRIC,
    BAD_METRIC_VALUE,
    BAD_RUN_ID,
    BAD_TOTAL,
    METRIC_TWICE,
    TOO_MANY_METRICS,
    TOTAL_ALONE,
    TWO_SCHEDULES,
    read_query,
    read_wish,
)
from earlywatch.ingest.request import Asked, Refusal, WishText
from earlywatch.services.incoming import Wish

RUN = "6BA7B810-9dad-11d1-80b4-00c04fd430c8"


def asked(query: str | bytes) -> Asked:
    """Read what makes sense."""
    found = read_query(query.encode() if isinstance(query, str) else query)
    assert isinstance(found, Asked), found
    return found


def refused(query: str) -> Refusal:
    """Read what makes none."""
    found = read_query(query.encode())
    assert isinstance(found, Refusal), found
    assert found.status == 400
    return found


def test_the_run_id_is_a_uuid_in_either_case() -> None:
    assert asked(f"rid={RUN}").run_id == UUID(RUN)


@pytest.mark.parametrize("query", ["rid=", "rid", "rid=7", f"rid={RUN}0", f"rid={{{RUN}}}"])
def test_a_bad_run_id_is_refused_with_a_sentence(query: str) -> None:
    assert refused(query) == BAD_RUN_ID


def test_unknown_parameters_are_ignored_whatever_they_hold() -> None:
    query = "x=1&x=2&m=done&y&=&rid2=7&z=%ff%00&%ff=%ff&M=no&Metric=1&%"

    assert asked(query) == Asked(message="done")


def test_without_create_a_schedule_is_only_looked_at() -> None:
    assert asked("period=never&cron=&grace=x&create=0&tz=Mars") == Asked()


@pytest.mark.parametrize("name", ["rid", "m", "done", "of", "create", "period", "tz"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("%ff", "must be text in UTF-8."),
        ("%ed%a0%80", "must be text in UTF-8."),
        ("a%00b", "must be text without NUL."),
        ("1&{name}=1", "may be given only once."),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(name: str, value: str, words: str) -> None:
    query = f"{name}={value.format(name=name)}"

    assert refused(query).words == f"The parameter {name} {words}"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("m=all%20good+%F0%9F%90%98", "all good 🐘"),
        ("m=", None),
        ("m", None),
        ("m=a=b", "a=b"),
        ("m=über", "über"),
        ("%6d=x", "x"),
        ("m=%zz%2", "%zz%2"),
        ("m=" + "x" * 2_001, "x" * 2_000),
    ],
)
def test_the_message_is_read_as_far_as_a_secret_across_its_end_may_go(
    query: str, message: str | None
) -> None:
    assert asked(query).message == message


@pytest.mark.parametrize(
    ("query", "progress"),
    [
        ("done=340&of=1200", Progress(340, 1200)),
        ("of=1200&done=0", Progress(0, 1200)),
        ("done=12.5", Progress(12.5)),
        ("done=.5&of=1e3", Progress(0.5, 1000)),
        ("done=9&of=8", Progress(9, 8)),
        ("done=0&of=0", Progress(0)),
        ("done=1e15", Progress(1e15)),
        ("", None),
    ],
)
def test_progress_is_so_much_of_so_much(query: str, progress: Progress | None) -> None:
    assert asked(query).progress == progress


ABSURD = ["", "-1", "x", "nan", "inf", "-inf", "1e16", "1e999", "1_000", "0x10", "%D9%A3", "+1"]


@pytest.mark.parametrize("number", [*ABSURD, "9" * 5000])
def test_absurd_progress_is_refused_with_a_sentence(number: str) -> None:
    assert refused(f"done={number}") == BAD_DONE
    assert refused(f"done=1&of={number}") == BAD_TOTAL


def test_a_total_makes_no_sense_alone_or_when_it_is_nothing() -> None:
    assert refused("of=7") == TOTAL_ALONE
    assert refused("done=1&of=0") == BAD_TOTAL


def test_metrics_are_numbers_with_names() -> None:
    query = "metric=rows:1200&metric=duration%3A3.5&metric=d-b.Size_2:-1e3&metric=x:-0"

    metrics = asked(query).metrics

    assert metrics == {"rows": 1200, "duration": 3.5, "d-b.Size_2": -1000, "x": 0}
    assert str(metrics["x"]) == "0.0"


@pytest.mark.parametrize("metric", ["", "rows", ":1", "a b:1", "é:1", "x" * 65 + ":1", "a/b:1"])
def test_a_metric_without_a_good_name_is_refused_with_a_sentence(metric: str) -> None:
    expected = BAD_METRIC_VALUE if metric == "rows" else BAD_METRIC

    assert refused(f"metric={metric}") == expected


@pytest.mark.parametrize("number", [*[each for each in ABSURD if each != "-1"], "-1e16", "1:2"])
def test_an_absurd_metric_is_refused_with_a_sentence(number: str) -> None:
    assert refused(f"metric=rows:{number}") == BAD_METRIC_VALUE


@pytest.mark.parametrize("seconds", ["-1", "31536001", "nan", ""])
def test_a_duration_is_a_time_that_can_have_passed(seconds: str) -> None:
    assert refused(f"metric=duration:{seconds}") == BAD_DURATION
    assert asked("metric=duration:31536000").metrics == {"duration": 31_536_000}


def test_each_metric_comes_once_and_at_most_twenty_come() -> None:
    twenty = [f"metric=m{n}:1" for n in range(20)]

    assert len(asked("&".join(twenty)).metrics or {}) == 20
    assert refused("&".join([*twenty, "metric=m20:1"])) == TOO_MANY_METRICS
    assert refused("metric=a:1&metric=a:1") == METRIC_TWICE


def wish(query: str) -> Wish | Refusal:
    """Read and check a wish."""
    text = asked(f"create=1&{query}").wish
    assert isinstance(text, WishText)
    return read_wish(text)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", Wish(Interval(timedelta(days=1)), timedelta(hours=1), "UTC")),
        ("period=90s&grace=5", Wish(Interval(timedelta(seconds=90)), timedelta(seconds=5), "UTC")),
        (
            "cron=*/5+*+*+*+*&tz=Europe/Berlin",
            Wish(Cron("*/5 * * * *", "Europe/Berlin"), timedelta(hours=1), "Europe/Berlin"),
        ),
        (
            "period=1h&tz=Asia/Tokyo",
            Wish(Interval(timedelta(hours=1)), timedelta(hours=1), "Asia/Tokyo"),
        ),
    ],
)
def test_a_monitor_can_be_wished_for_with_its_schedule(query: str, expected: Wish) -> None:
    assert wish(query) == expected


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("period=", '"" is not a length of time.'),
        ("period=soon", '"soon" is not a length of time.'),
        ("period=-5", '"-5" is not a length of time.'),
        ("period=9s", "The period must be between 10 seconds and 365 days"),
        ("period=366d", "The period must be between 10 seconds and 365 days"),
        ("grace=366d", "The grace must be between 0 seconds and 365 days."),
        ("grace=x", '"x" is not a length of time.'),
        ("cron=", "A cron expression has five fields"),
        ("cron=0+0+31+2+*", "never comes"),
        ("tz=Mars", 'There is no time zone "Mars".'),
        ("cron=*+*+*+*+*&tz=", 'There is no time zone "".'),
        ("cron=*+*+*+*+*&period=1d", TWO_SCHEDULES.words),
    ],
)
def test_a_wish_that_cannot_be_kept_is_refused_with_a_sentence(query: str, words: str) -> None:
    found = wish(query)

    assert isinstance(found, Refusal)
    assert found.status == 400
    assert words in found.words
