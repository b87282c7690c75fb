"""The words of alerts: one place, whatever channel they go to."""

import re
from datetime import datetime, timedelta

from earlywatch.domain.alert import Alert, AlertKind, Trouble
from earlywatch.domain.duration import rough_duration
from earlywatch.domain.monitor import Cause
from earlywatch.domain.snooze import by_words
from earlywatch.domain.words import moment_words

LONGEST_NAME = 80
LONGEST_SUBJECT, LONGEST_OPENING, LONGEST_OUTPUT = 200, 500, 300
NAMED, LISTED = 3, 20  # monitors of a message about many, in its first sentence and below

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

PURPOSES = {
    AlertKind.TEST: "This is a test. Alerts reach this channel.",
    AlertKind.DRILL: (
        "This is a fire drill: nothing is wrong. Press “Got it”, so that you know that alerts"
        " reach somebody here."
    ),
    AlertKind.CONFIRM: (
        "Somebody asked Earlywatch to send alerts here. If that was you, confirm it."
        " If not, do nothing: nothing more will be sent."
    ),
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
    if alert.kind is AlertKind.DRILL:
        return f"Fire drill: {one_line(alert.channel_name, longest_name)}"
    if alert.kind is AlertKind.CONFIRM:
        return "Confirm that alerts may be sent here"
    if alert.notice is not None:
        return one_line(alert.notice.subject, LONGEST_SUBJECT)
    if len(alert.folded) > 1:
        return f"{_how_many(alert)} monitors {_many_are(alert)}"
    trouble = _trouble(alert)
    name = one_line(trouble.monitor_name, longest_name) or "A monitor"
    if alert.kind is AlertKind.RESOLVED:
        return f"{name} is back"
    still = "" if alert.kind is AlertKind.OPENED else "still "
    if trouble.cause is not Cause.FAILED:
        return f"{name} was late" if alert.is_over else f"{name} is {still}late"
    status = f" (exit status {trouble.exit_status})" if trouble.exit_status else ""
    return f"{name} {'has ' * bool(still)}{still}failed{status}"


def subject(alert: Alert, longest_name: int = LONGEST_NAME) -> str:
    """Return the headline with how long: "nightly backup is late by 12 min"."""
    fact = headline(alert, longest_name)
    if alert.trouble is None or len(alert.folded) > 1:
        return fact
    if alert.is_over or alert.kind is AlertKind.RESOLVED:
        return _subject_of_end(alert, fact)
    if alert.kind is AlertKind.REMINDER:
        return f"{fact}, for {_rough(alert.sent_at - alert.trouble.opened_at)}"
    if alert.kind is AlertKind.ESCALATED:
        return f"{fact}, and nobody has acknowledged it"
    if alert.trouble.cause is not Cause.FAILED:
        late = _late_by(alert)
        return f"{fact} by {_rough(late)}" if late >= timedelta(seconds=1) else fact
    return fact


def opening(alert: Alert) -> str:
    """Return the sentence after the subject: what happened when, or what the message is for."""
    if alert.kind in PURPOSES:
        return PURPOSES[alert.kind]
    if alert.notice is not None:
        return one_line(alert.notice.opening, LONGEST_OPENING)
    trouble = _trouble(alert)
    if len(alert.folded) > 1:
        shared = f" They share {one_line(alert.shared, LONGEST_NAME)}." if alert.shared else ""
        return f"{_names(alert)}.{shared}"
    if alert.kind is AlertKind.RESOLVED and not _downtime(trouble):
        return "The ping had come in time; we wrote it down late. The alert before was our fault."
    if alert.kind is AlertKind.RESOLVED:
        return f"The job succeeded at {_moment(alert, trouble.resolved_at or alert.sent_at)}."
    return f"{_event(trouble)} {_moment(alert, trouble.opened_at)}."


def rows(alert: Alert) -> list[Row]:
    """Return the why-card: what was expected when, what came instead, and for how long."""
    if alert.notice is not None:
        return [(one_line(word, 40), one_line(said, 300)) for word, said in alert.notice.rows]
    if alert.trouble is None:
        return []
    if len(alert.folded) > 1:
        told = _rows_of_many(alert)
    else:
        told = _rows_of_end(alert) if alert.kind is AlertKind.RESOLVED else _rows_of_trouble(alert)
    name = one_line(alert.instead_of, LONGEST_NAME)
    return told + [("Told here because", f"it did not arrive through {name}")] * bool(name)


def brief(alert: Alert, longest_name: int = LONGEST_NAME) -> str:
    """Return subject and circumstances in one paragraph, for where there is little room."""
    said = [f"{subject(alert, longest_name)}."]
    if len(alert.folded) > 1 or alert.trouble is None:
        said.append(opening(alert))
    elif alert.kind is not AlertKind.RESOLVED:
        wanted = {"Expected", "Time limit", "Failed", "Last ping"}
        said += [f"{word}: {value}." for word, value in _rows_of_trouble(alert) if word in wanted]
    return " ".join(said)


def link(alert: Alert) -> tuple[str, str] | None:
    """Return the words and the address of the one thing to press, if there is one."""
    if alert.drill_url is not None:
        return "Got it", alert.drill_url
    if alert.notice is not None:
        return (alert.notice.url_words, alert.notice.url) if alert.notice.url else None
    if alert.trouble is not None:
        return "Open the incident", alert.trouble.url
    if alert.confirm_url is not None:
        return "Confirm this channel", alert.confirm_url
    return None


def action(alert: Alert) -> tuple[str, str] | None:
    """Return the words and the address of the page with the buttons to acknowledge and snooze."""
    return ("Acknowledge or snooze", alert.act_url) if alert.act_url else None


def _subject_of_end(alert: Alert, fact: str) -> str:
    lasted = _downtime(_trouble(alert))
    if alert.is_over:
        return (
            f"{fact} for {_rough(lasted)}, and is back"
            if _was_late(alert)
            else f"{fact}, and is back"
        )
    return f"{fact} after {_rough(lasted)}" if lasted else f"{fact}: the ping came in time"


def _was_late(alert: Alert) -> bool:
    return _trouble(alert).cause is not Cause.FAILED


def _how_many(alert: Alert) -> str:
    """Return of how many monitors it is said, and of how many in all if others are back."""
    total = len(alert.folded)
    lasting = sum(each.resolved_at is None for each in alert.folded)
    partly = alert.kind is not AlertKind.RESOLVED and 0 < lasting < total
    return f"{lasting} of {total}" if partly else str(total)


def _many_are(alert: Alert) -> str:
    causes = {each.cause for each in alert.folded}
    if alert.kind is AlertKind.RESOLVED:
        return "are back"
    word = (
        "failed" if causes == {Cause.FAILED} else "late" if Cause.FAILED not in causes else "down"
    )
    if alert.is_over:
        return f"were {word}, and are back" if word != "failed" else "failed, and are back"
    if alert.kind is AlertKind.OPENED:
        return f"are {word}" if word != "failed" else "failed"
    return f"are still {word}" if word != "failed" else "have still failed"


def _names(alert: Alert) -> str:
    shown = [one_line(each.monitor_name, 40) or "A monitor" for each in alert.folded[:NAMED]]
    rest = len(alert.folded) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def _rows_of_many(alert: Alert) -> list[Row]:
    told: list[Row] = []
    for each in alert.folded[:LISTED]:
        name = one_line(each.monitor_name, LONGEST_NAME) or "A monitor"
        if each.resolved_at is not None:
            told.append((name, f"back since {_moment(alert, each.resolved_at)}"))
        else:
            word = "failed" if each.cause is Cause.FAILED else "late since"
            told.append((name, f"{word} {_moment(alert, each.opened_at)}"))
    if len(alert.folded) > LISTED:
        told.append(("And", f"{len(alert.folded) - LISTED} more, on the page of the incident"))
    return told


def _rows_of_trouble(alert: Alert) -> list[Row]:
    trouble = _trouble(alert)
    told: list[Row] = [_when(alert)]
    if trouble.cause is not Cause.FAILED:
        if trouble.grace_words:
            told.append(("Grace", f"{trouble.grace_words}, to {_moment(alert, trouble.opened_at)}"))
        word = "when it came back" if alert.is_over else "when this was sent"
        told.append(("Late by", f"{_rough(_late_by(alert))} {word}"))
    last_ping_at = trouble.last_ping_at
    told.append(("Last ping", _moment(alert, last_ping_at) if last_ping_at else "none yet"))
    if trouble.resolved_at is not None:
        told.append(("Back since", _moment(alert, trouble.resolved_at)))
    else:
        told.append(("Schedule", one_line(trouble.schedule_words, 200)))
    return [*told, *_rows_of_circumstances(trouble)]


def _rows_of_circumstances(trouble: Trouble) -> list[Row]:
    told: list[Row] = []
    if trouble.output:
        told.append(("It said", one_line(trouble.output, LONGEST_OUTPUT)))
    if trouble.also:
        told.append(("Also stopped", one_line(", ".join(trouble.also), 200)))
    if trouble.hint:
        told.append(("Hint", one_line(trouble.hint, 300)))
    return [*told, *_row_of_acknowledgement(trouble)]


def _row_of_acknowledgement(trouble: Trouble) -> list[Row]:
    by = trouble.acknowledged_by
    return [("Acknowledged", one_line(by_words(by), LONGEST_NAME))] if by else []


def _rows_of_end(alert: Alert) -> list[Row]:
    trouble = _trouble(alert)
    return [
        ("Cause", _cause(trouble)),
        ("Began", _moment(alert, trouble.opened_at)),
        ("Back", _moment(alert, trouble.resolved_at or alert.sent_at)),
        ("Lasted", _rough(_downtime(trouble))),
        *_row_of_acknowledgement(trouble),
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
