"""The words of alerts: one place, whatever channel they go to."""

import re
from datetime import datetime, timedelta

from earlywatch.domain.alert import Alert, AlertKind, Trouble
from earlywatch.domain.duration import rough_duration
from earlywatch.domain.monitor import Cause
from earlywatch.domain.words import moment_words

LONGEST_NAME = 80

# Line breaks, control characters, halves of characters, and marks that turn the reading
# direction around: none has a place in a name, all can be used to deceive.
UNFIT = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]+"
)

CAUSES = {
    Cause.MISSED: "No ping came in time.",
    Cause.OVERRAN: "The job started and did not finish in time.",
    Cause.FAILED: "The job reported a failure.",
}

Row = tuple[str, str]  # a word, and what is to be said under it


def one_line(text: str, longest: int) -> str:
    """Return `text` on one line of at most `longest` characters, with nothing unprintable."""
    line = " ".join(UNFIT.sub(" ", text).split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def headline(alert: Alert, longest_name: int = LONGEST_NAME) -> str:
    """Return the fact: "nightly backup is late", "nightly backup failed (exit status 3)"."""
    if alert.kind is AlertKind.TEST:
        return f"Test of {one_line(alert.channel_name, longest_name)}"
    if alert.kind is AlertKind.CONFIRM:
        return "Confirm that alerts may be sent here"
    trouble = _trouble(alert)
    name = one_line(trouble.monitor_name, longest_name) or "A monitor"
    if alert.kind is AlertKind.RESOLVED:
        return f"{name} is back"
    if trouble.cause is not Cause.FAILED:
        return f"{name} is late"
    status = f" (exit status {trouble.exit_status})" if trouble.exit_status else ""
    return f"{name} failed{status}"


def subject(alert: Alert, longest_name: int = LONGEST_NAME) -> str:
    """Return the headline with how long: "nightly backup is late by 12 min"."""
    fact = headline(alert, longest_name)
    if alert.kind is AlertKind.RESOLVED:
        lasted = _downtime(_trouble(alert))
        return f"{fact} after {_rough(lasted)}" if lasted else f"{fact}: the ping came in time"
    if alert.kind is AlertKind.OPENED and _trouble(alert).cause is not Cause.FAILED:
        late = _late_by(alert)
        return f"{fact} by {_rough(late)}" if late >= timedelta(seconds=1) else fact
    return fact


def opening(alert: Alert) -> str:
    """Return the sentence after the subject: what happened when, or what the message is for."""
    if alert.kind is AlertKind.TEST:
        return "This is a test. Alerts reach this channel."
    if alert.kind is AlertKind.CONFIRM:
        return (
            "Somebody asked Earlywatch to send alerts here. If that was you, confirm it."
            " If not, do nothing: nothing more will be sent."
        )
    trouble = _trouble(alert)
    if alert.kind is AlertKind.RESOLVED and not _downtime(trouble):
        return "The ping had come in time; we wrote it down late. The alert before was our fault."
    if alert.kind is AlertKind.RESOLVED:
        return f"The job succeeded at {_moment(alert, trouble.resolved_at or alert.sent_at)}."
    return f"{_event(trouble)} {_moment(alert, trouble.opened_at)}."


def rows(alert: Alert) -> list[Row]:
    """Return the why-card: what was expected when, what came instead, and for how long."""
    if alert.kind is AlertKind.RESOLVED:
        return _rows_of_end(alert)
    if alert.kind is AlertKind.OPENED:
        return _rows_of_trouble(alert)
    return []


def brief(alert: Alert, longest_name: int = LONGEST_NAME) -> str:
    """Return subject and circumstances in one paragraph, for where there is little room."""
    said = [f"{subject(alert, longest_name)}."]
    if alert.kind is AlertKind.OPENED:
        wanted = {"Expected", "Time limit", "Failed", "Last ping"}
        said += [f"{word}: {value}." for word, value in _rows_of_trouble(alert) if word in wanted]
    elif alert.kind is not AlertKind.RESOLVED:
        said.append(opening(alert))
    return " ".join(said)


def link(alert: Alert) -> tuple[str, str] | None:
    """Return the words and the address of the one thing to press, if there is one."""
    if alert.trouble is not None:
        return "Open the incident", alert.trouble.url
    if alert.confirm_url is not None:
        return "Confirm this channel", alert.confirm_url
    return None


def _rows_of_trouble(alert: Alert) -> list[Row]:
    trouble = _trouble(alert)
    told: list[Row] = [_when(alert)]
    if trouble.cause is not Cause.FAILED:
        told.append(("Late by", f"{_rough(_late_by(alert))} when this was sent"))
    last_ping_at = trouble.last_ping_at
    told.append(("Last ping", _moment(alert, last_ping_at) if last_ping_at else "none yet"))
    if trouble.resolved_at is not None:
        told.append(("Back since", _moment(alert, trouble.resolved_at)))
    else:
        told.append(("Schedule", one_line(trouble.schedule_words, 200)))
    return told


def _rows_of_end(alert: Alert) -> list[Row]:
    trouble = _trouble(alert)
    return [
        ("Cause", _cause(trouble)),
        ("Began", _moment(alert, trouble.opened_at)),
        ("Back", _moment(alert, trouble.resolved_at or alert.sent_at)),
        ("Lasted", _rough(_downtime(trouble))),
    ]


def _when(alert: Alert) -> Row:
    trouble = _trouble(alert)
    if trouble.cause is Cause.MISSED and trouble.expected_at is not None:
        return "Expected", _moment(alert, trouble.expected_at)
    word = "Failed" if trouble.cause is Cause.FAILED else "Time limit"
    return word, _moment(alert, trouble.opened_at)


def _event(trouble: Trouble) -> str:
    """Return what happened, up to where the moment is said."""
    if trouble.cause is Cause.MISSED:
        return "No ping came by"
    if trouble.cause is Cause.OVERRAN:
        return "The job started and did not finish by"
    status = f" (exit status {trouble.exit_status})" if trouble.exit_status else ""
    return f"The job reported a failure{status} at"


def _cause(trouble: Trouble) -> str:
    words = CAUSES[trouble.cause]
    if trouble.cause is Cause.FAILED and trouble.exit_status:
        return f"{words.removesuffix('.')}, exit status {trouble.exit_status}."
    return words


def _late_by(alert: Alert) -> timedelta:
    """Return how late it is at the time of sending, or was when it came back."""
    trouble = _trouble(alert)
    missed = trouble.cause is Cause.MISSED
    since = (trouble.expected_at if missed else None) or trouble.opened_at
    return (trouble.resolved_at or alert.sent_at) - since


def _downtime(trouble: Trouble) -> timedelta:
    return (trouble.resolved_at or trouble.opened_at) - trouble.opened_at


def _rough(duration: timedelta) -> str:
    """Leave out the seconds of what took minutes."""
    minute = timedelta(minutes=1)
    return rough_duration(duration - duration % minute if duration > 2 * minute else duration)


def _moment(alert: Alert, moment: datetime) -> str:
    return moment_words(moment, _trouble(alert).time_zone, alert.sent_at)


def _trouble(alert: Alert) -> Trouble:
    assert alert.trouble is not None, "opened and resolved alerts tell of an incident"
    return alert.trouble
