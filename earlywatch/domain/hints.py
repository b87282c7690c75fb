"""What may be behind an incident, in a sentence, where the facts suggest it. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from earlywatch.domain.duration import rough_duration
from earlywatch.domain.monitor import Cause, PingKind
from earlywatch.domain.schedule import Interval, Schedule
from earlywatch.domain.zone import InvalidSchedule, find_zone, utc_offset

ALIKE = 3  # successes that come off by the same time, before we speak of it
STEP = timedelta(minutes=30)  # zones differ by halves of an hour
NEAR = timedelta(minutes=4)  # how far from such a step a job may start
FARTHEST = timedelta(hours=12, minutes=30)
SHORTEST = timedelta(
    hours=20
)  # between two moments of a schedule, so that it is clear which is meant
LATELY = timedelta(hours=36)

# Exit statuses of the shell, and of `timeout`.
# https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html
STATUSES = {
    124: "124 is what `timeout` returns when the time is up.",
    126: "126 means that the command was found but may not be run.",
    127: "127 means that the command was not found: is PATH set in the job's environment?",
    130: "130 means that it was interrupted with Ctrl-C.",
    137: "137 means that it was killed, often because memory ran out.",
    139: "139 means that it crashed with a segmentation fault.",
    143: "143 means that it was asked to stop, for example by a shutdown.",
}


@dataclass(frozen=True)
class Facts:
    """What is known about an incident when it opens. All moments are UTC."""

    cause: Cause
    opened_at: datetime
    schedule: Schedule | None  # None: it cannot be read
    time_zone: str
    exit_status: int | None = None
    successes: Sequence[datetime] = ()  # the last ones before it, newest first
    addresses: int = 0  # from how many the last successes came
    last_kind: PingKind | None = None
    last_at: datetime | None = None
    ignored_for: str | None = None  # why the last ping was ignored
    refused_at: datetime | None = None  # a ping from outside the allowed networks
    refused_address: str | None = None
    key_changed_at: datetime | None = None
    outage: tuple[datetime, datetime] | None = None  # of ours, in which the ping was expected


def hint(facts: Facts) -> str:
    """Return the sentence that fits best, or nothing."""
    for rule in RULES:
        if found := rule(facts):
            return found
    return ""


def _outage(facts: Facts) -> str:
    if facts.outage is None:
        return ""
    begin, end = (moment.astimezone(UTC) for moment in facts.outage)
    return (
        f"We could not hear pings from {begin:%H:%M:%S} to {end:%H:%M:%S} UTC: it may have been"
        " sent and lost."
    )


def _refused(facts: Facts) -> str:
    if facts.refused_at is None or not _is_newest(facts.refused_at, facts):
        return ""
    return (
        f"A ping from {facts.refused_address} was refused at that time: the address is not among"
        " the allowed networks."
    )


def _ignored(facts: Facts) -> str:
    if facts.last_kind is not PingKind.IGNORED:
        return ""
    return (
        f"A ping came and was ignored: {facts.ignored_for or 'nothing in it says what it means'}."
    )


def _key_changed(facts: Facts) -> str:
    changed_at = facts.key_changed_at
    if changed_at is None or not _is_newest(changed_at, facts):
        return ""
    return "Its ping address was changed and nothing has come since: does the job use the new one?"


def _status(facts: Facts) -> str:
    if facts.cause is not Cause.FAILED or facts.exit_status is None:
        return ""
    return STATUSES.get(facts.exit_status, "")


def _shifted(facts: Facts) -> str:
    shift = steady_shift(facts)
    if shift is None:
        return ""
    side = "after" if shift > timedelta(0) else "before"
    said = f"Its last pings came {rough_duration(abs(shift))} {side} the scheduled time"
    try:
        offset = utc_offset(facts.opened_at, find_zone(facts.time_zone))
    except InvalidSchedule:
        offset = timedelta(0)
    if shift == offset:
        return f"{said}: is the server's clock on UTC, and the schedule on {facts.time_zone}?"
    return f"{said}: do the schedule and the server mean the same time zone?"


def _clocks_changed(facts: Facts) -> str:
    if facts.cause is Cause.FAILED or isinstance(facts.schedule, Interval):
        return ""
    try:
        zone = find_zone(facts.time_zone)
    except InvalidSchedule:
        return ""
    now, before = utc_offset(facts.opened_at, zone), utc_offset(facts.opened_at - LATELY, zone)
    if now == before:
        return ""
    way = "forward" if now > before else "back"
    return f"The clocks in {facts.time_zone} went {way} in the last {rough_duration(LATELY)}."


def _several_hosts(facts: Facts) -> str:
    if facts.addresses < 2:
        return ""
    return (
        f"Its last pings came from {facts.addresses} addresses: if more than one job uses this"
        " ping URL, one hides the silence of the other."
    )


def _started(facts: Facts) -> str:
    if facts.cause is Cause.FAILED or facts.last_kind is not PingKind.START:
        return ""
    return "It said that it started, and not that it ended."


def steady_shift(facts: Facts) -> timedelta | None:
    """Return by how much the last successes came off the scheduled moments, if alike.

    Only whole and half hours count, from a schedule whose moments lie far enough apart.
    """
    if facts.schedule is None or isinstance(facts.schedule, Interval):
        return None
    newest = list(facts.successes[:ALIKE])
    if len(newest) < ALIKE:
        return None
    shifts = {_shift(facts.schedule, at) for at in newest}
    shift = shifts.pop()
    return shift if not shifts and shift else None


def _shift(schedule: Schedule, at: datetime) -> timedelta | None:
    meant = schedule.next_after(at - FARTHEST)
    if schedule.next_after(meant) - meant < SHORTEST or meant > at + FARTHEST:
        return None
    off = at - meant
    steps = round(off / STEP)
    return steps * STEP if abs(off - steps * STEP) <= NEAR else None


def _is_newest(at: datetime, facts: Facts) -> bool:
    """Whether nothing was heard since, and it is not long ago."""
    return at > (facts.last_at or at - STEP) and abs(facts.opened_at - at) <= LATELY


RULES: tuple[Callable[[Facts], str], ...] = (
    _outage,
    _refused,
    _ignored,
    _key_changed,
    _status,
    _shifted,
    _clocks_changed,
    _several_hosts,
    _started,
)
