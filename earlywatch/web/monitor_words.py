"""What the pages say about monitors, in words."""

from dataclasses import dataclass

from earlywatch.domain.alert_words import CAUSES
from earlywatch.domain.monitor import UNWATCHED, Cause, Status
from earlywatch.models import Incident
from earlywatch.services.monitor_lists import TROUBLE, Counts

READABLE = 1e15  # from here on digits are only noise


@dataclass(frozen=True)
class Headline:
    """The state of a workspace in one sentence; `mark` is a status or "neutral"."""

    words: str
    mark: str
    rest: str = ""


def headline(counts: Counts) -> Headline:
    """Return the sentence that is the dashboard's heading and title."""
    total, up, trouble = counts.of(), counts.of(Status.UP, Status.DUE), counts.trouble
    rest = _rest(counts)
    if total == 0:
        return Headline("No monitors yet", "neutral")
    if trouble:
        worst = Status.FAILED if counts.of(Status.FAILED) else Status.LATE
        need = "needs" if trouble == 1 else "need"
        return Headline(f"{trouble} of {total} {need} you", worst.value, rest)
    if up == total:
        words = "Your monitor is up" if total == 1 else f"All {total} monitors are up"
        return Headline(words, "up", rest)
    if up:
        words = "1 monitor is up" if up == 1 else f"{up} monitors are up"
        # Green would say that all is watched.
        doubtful = counts.of(Status.FROZEN, Status.UNKNOWN)
        return Headline(words, "neutral" if doubtful else "up", rest)
    return _nothing_up(counts, rest)


def _nothing_up(counts: Counts, rest: str) -> Headline:
    total = counts.of()
    if unknown := counts.of(Status.UNKNOWN):
        words = f"{unknown} of {total} are unknown" if total > 1 else "Your monitor is unknown"
        return Headline(words, "neutral", rest)
    for status in UNWATCHED:
        if counts.of(status) == total:
            one, all_ = f"Your monitor is {status}", f"All {total} monitors are {status}"
            return Headline(one if total == 1 else all_, "neutral")
    if counts.of(Status.NEW):
        return Headline("Waiting for the first ping", "neutral", rest if total > 1 else "")
    return Headline("No monitor is watched", "neutral", rest)


def _rest(counts: Counts) -> str:
    """Say what the heading leaves out."""
    left = (
        (Status.BLOCKED, "is blocked by another", "are blocked by others"),
        (Status.UNKNOWN, "is unknown", "are unknown"),
        (Status.DUE, "is due", "are due"),
        (Status.NEW, "waits for its first ping", "wait for their first ping"),
        (Status.PAUSED, "is paused", "are paused"),
        (Status.FROZEN, "is frozen and not watched", "are frozen and not watched"),
    )
    parts = []
    for status, one, many in left:
        if count := counts.of(status):
            parts.append(f"{count} {one if count == 1 else many}.")
    return " ".join(parts)


def why(status: Status, incident: Incident | None, *, sticky: bool = True) -> str:
    """Say why a monitor has its status. `sticky`: no ping ends a pause."""
    if status is Status.NEW:
        return "It is judged from its first ping on."
    if status is Status.PAUSED:
        until = "" if sticky else " The next success or failure ends the pause."
        return f"Pings are kept, nothing is judged, nobody is told.{until}"
    if status is Status.FROZEN:
        return "Pings are kept."
    if status is Status.UNKNOWN:
        return "A ping may have been sent, but we cannot hear. Nothing is judged meanwhile."
    if status is Status.DUE:
        return "A success is expected now. It is still inside its grace."
    if incident is None:
        return ""
    return CAUSES[Cause(incident.cause)]


def icon(status: Status) -> str:
    """Return the page icon of one monitor."""
    if status in TROUBLE:
        return status.value
    if status is Status.BLOCKED:
        return Status.LATE.value
    return "up" if status in (Status.UP, Status.DUE) else "neutral"


def number_words(value: float) -> str:
    """Return a number as people write it: "1,200", "0.25", "1,234.50", "1e+20"."""
    if abs(value) >= READABLE or (value and abs(value) < 1):
        return f"{value:.4g}"
    return f"{int(value):,}" if value == int(value) else f"{value:,.2f}"
