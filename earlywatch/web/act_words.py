"""What the pages say about who takes care of an incident, and the buttons for that."""

from dataclasses import dataclass
from datetime import datetime

from earlywatch.domain.snooze import Act, by_words, next_morning, rest_words
from earlywatch.domain.words import dated_words, local_words
from earlywatch.models import Incident, IncidentAct
from earlywatch.models.incident_act import Deed


@dataclass(frozen=True)
class Standing:
    """Who takes care: "Acknowledged by anna@example.org", and since when (UTC)."""

    words: str
    at: datetime | None = None


@dataclass(frozen=True)
class Button:
    """What can be pressed, and whether it is the one that is meant first."""

    act: Act
    words: str
    first: bool = False


def standing(
    incident: Incident, zone: str, now: datetime, *, names: bool = True
) -> Standing | None:
    """Return who takes care of an incident, None if nobody does; without `names`, only that."""
    if incident.acknowledged_at is not None:
        at, rests = incident.acknowledged_at, incident.snoozed_by is not None
        by = incident.snoozed_by or incident.acknowledged_by
        words = f"Snoozed {rest_words(None, zone, now)}" if rests else "Acknowledged"
    elif incident.snoozed_until is not None and incident.snoozed_until > now:
        at, by = None, incident.snoozed_by
        words = f"Snoozed {rest_words(incident.snoozed_until, zone, now)}"
    else:
        return None
    return Standing(f"{words} {by_words(by)}" if by and names else words, at)


def buttons(incident: Incident, zone: str, now: datetime) -> list[Button]:
    """Return what can be done about an incident; nothing once it has ended."""
    if incident.resolved_at is not None:
        return []
    if incident.acknowledged_at is not None:
        rests = incident.snoozed_by is not None
        return [Button(Act.UNDO, "End the snooze" if rests else "Take it back")]
    take = Button(Act.ACKNOWLEDGE, "Acknowledge", first=True)
    if incident.snoozed_until is not None and incident.snoozed_until > now:
        return [take, Button(Act.UNDO, "End the snooze")]
    morning = local_words(next_morning(now, zone), zone)
    return [
        take,
        Button(Act.HOUR, "Snooze 1 h"),
        Button(Act.HOURS, "Snooze 4 h"),
        Button(Act.TOMORROW, f"Snooze until {morning}"),
        Button(Act.BACK, "Snooze until it is back"),
    ]


def done_words(act: Act, incident: Incident, zone: str, now: datetime) -> str:
    """Say what a press has done."""
    if act is Act.UNDO:
        return "Taken back. Steps and reminders go on."
    found = standing(incident, zone, now, names=False)
    if found is None:
        return "Done."
    if incident.snoozed_until is not None:
        return f"{found.words}. Then a reminder goes out, if it still lasts."
    return f"{found.words}. Nobody is told anything more until it is back."


def deed_words(act: IncidentAct, zone: str) -> str:
    """Return a press as an event: "Acknowledged by anna@example.org"."""
    by = by_words(act.by)
    if act.deed == Deed.ACKNOWLEDGED:
        return f"Acknowledged {by}"
    if act.deed == Deed.UNDONE:
        return f"Acknowledgement or snooze taken back {by}"
    until = f"until {dated_words(act.until, zone)}" if act.until else "until it is back"
    return f"Snoozed {until}, {by}"
