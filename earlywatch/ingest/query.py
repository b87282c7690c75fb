"""What the query of a ping says. Whatever is in it, the answer is a value or a sentence."""

import re
from functools import lru_cache
from urllib.parse import unquote_to_bytes
from uuid import UUID

from earlywatch.domain.duration import parse_duration
from earlywatch.domain.monitor import Rules
from earlywatch.domain.runs import Progress
from earlywatch.domain.schedule import Cron, Interval, Schedule
from earlywatch.domain.zone import find_zone
from earlywatch.errors import EarlywatchError
from earlywatch.ingest.request import ANY_UUID, NOTHING, Asked, Refusal, WishText
from earlywatch.services.incoming import MESSAGE_LIMIT, MESSAGE_MARGIN, Wish

PARAMETERS = ("rid", "m", "done", "of", "metric", "create", "period", "grace", "cron", "tz")
KNOWN = {name.encode(): name for name in PARAMETERS}
REPEATED = "metric"
NUMBER = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
METRIC_NAME = re.compile("[A-Za-z0-9_.-]{1,64}")
LONGEST_MESSAGE = MESSAGE_LIMIT + MESSAGE_MARGIN  # characters; the rest is cut
MOST_METRICS = 20
LARGEST = 1e15
DURATION = "duration"  # a metric in seconds
LONGEST_DURATION = 365 * 86_400  # seconds
PERIOD, GRACE, TIME_ZONE = "1 day", "1 h", "UTC"  # where a wish names none

BAD_RUN_ID = Refusal(
    400, "The rid must be a UUID, for example 2f1c9a52-6a9e-4f0b-9d7e-0c8d5b1f3a64."
)
BAD_METRIC = Refusal(
    400,
    "A metric is name:value, for example rows:1200; its name has 1 to 64 of these: A-Z, a-z, 0-9,"
    " dots, - and _.",
)
BAD_METRIC_VALUE = Refusal(
    400, "The value of a metric must be a number from -1000000000000000 to 1000000000000000."
)
BAD_DURATION = Refusal(400, "The metric duration is in seconds, from 0 to 31536000 (365 days).")
METRIC_TWICE = Refusal(400, "Each metric may be given only once in a ping.")
TOO_MANY_METRICS = Refusal(400, f"A ping may have at most {MOST_METRICS} metrics.")
BAD_DONE = Refusal(400, "The parameter done must be a number from 0 to 1000000000000000.")
BAD_TOTAL = Refusal(400, "The parameter of must be a number above 0, up to 1000000000000000.")
TOTAL_ALONE = Refusal(400, "The parameter of needs done beside it, for example done=340&of=1200.")
TWO_SCHEDULES = Refusal(400, "Send either period or cron, not both.")

Given = dict[str, str]


class _Bad(Exception):
    """What was sent makes no sense."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__()
        self.refusal = refusal


def read_query(query: bytes) -> Asked | Refusal:
    """Return what a query says. What we do not know in it is ignored, whatever it holds.

    The schedule of a wish is not checked yet, which takes its time: see `read_wish`.
    """
    if not query:
        return NOTHING
    try:
        given, metrics = _known(query)
        return Asked(
            _run_id(given),
            given.get("m", "")[:LONGEST_MESSAGE] or None,
            _progress(given),
            _metrics(metrics),
            _wish(given),
        )
    except _Bad as bad:
        return bad.refusal


@lru_cache(maxsize=1024)
def read_wish(text: WishText) -> Wish | Refusal:
    """Return the monitor that is wished for, or what is wrong with it.

    Up to 2 ms for what nobody has wished for lately.
    """
    if text.period is not None and text.cron is not None:
        return TWO_SCHEDULES
    time_zone = TIME_ZONE if text.time_zone is None else text.time_zone
    try:
        schedule: Schedule
        if text.cron is not None:
            schedule = Cron(text.cron, time_zone)
        else:
            find_zone(time_zone)
            schedule = Interval(parse_duration(PERIOD if text.period is None else text.period))
        grace = parse_duration(GRACE if text.grace is None else text.grace)
        return Wish(schedule, Rules(schedule, grace).grace, time_zone)
    except EarlywatchError as error:
        return Refusal(400, str(error))


def _known(query: bytes) -> tuple[Given, list[str]]:
    """Return the parameters that we know by their names, and the metrics."""
    given: Given = {}
    metrics: list[str] = []
    for pair in query.split(b"&"):
        raw_name, _, raw = pair.partition(b"=")
        name = KNOWN.get(_unquoted(raw_name))
        if name is None:
            continue
        value = _text(name, raw)
        if name == REPEATED:
            metrics.append(value)
        elif name in given:
            raise _Bad(Refusal(400, f"The parameter {name} may be given only once."))
        else:
            given[name] = value
    return given, metrics


def _unquoted(raw: bytes) -> bytes:
    return unquote_to_bytes(raw.replace(b"+", b" "))


def _text(name: str, raw: bytes) -> str:
    try:
        text = _unquoted(raw).decode()
    except UnicodeDecodeError:
        raise _Bad(Refusal(400, f"The parameter {name} must be text in UTF-8.")) from None
    if "\0" in text:
        raise _Bad(Refusal(400, f"The parameter {name} must be text without NUL."))
    return text


def _run_id(given: Given) -> UUID | None:
    run_id = given.get("rid")
    if run_id is None:
        return None
    if not ANY_UUID.fullmatch(run_id):
        raise _Bad(BAD_RUN_ID)
    return UUID(run_id)


def _progress(given: Given) -> Progress | None:
    """Return how far a job is. Nothing done of nothing is no progress of which to complain."""
    if "done" not in given:
        if "of" in given:
            raise _Bad(TOTAL_ALONE)
        return None
    done = _number(given["done"], 0, LARGEST, BAD_DONE)
    if "of" not in given:
        return Progress(done)
    total = _number(given["of"], 0, LARGEST, BAD_TOTAL)
    if total == 0 and done > 0:
        raise _Bad(BAD_TOTAL)
    return Progress(done, total or None)


def _metrics(texts: list[str]) -> dict[str, float] | None:
    if len(texts) > MOST_METRICS:
        raise _Bad(TOO_MANY_METRICS)
    metrics: dict[str, float] = {}
    for text in texts:
        name, _, value = text.partition(":")
        if not METRIC_NAME.fullmatch(name):
            raise _Bad(BAD_METRIC)
        if name in metrics:
            raise _Bad(METRIC_TWICE)
        if name == DURATION:
            metrics[name] = _number(value, 0, LONGEST_DURATION, BAD_DURATION)
        else:
            metrics[name] = _number(value, -LARGEST, LARGEST, BAD_METRIC_VALUE)
    return metrics or None


def _number(text: str, least: float, most: float, bad: Refusal) -> float:
    if not NUMBER.fullmatch(text):
        raise _Bad(bad)
    number = float(text) + 0.0  # so that there is no -0
    if not least <= number <= most:
        raise _Bad(bad)
    return number


def _wish(given: Given) -> WishText | None:
    if given.get("create") != "1":
        return None
    return WishText(given.get("period"), given.get("grace"), given.get("cron"), given.get("tz"))
