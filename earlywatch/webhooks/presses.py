"""Buttons of chat programs: what pressing one does, in words for whoever pressed it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from sqlalchemy.orm import Session

from earlywatch.db import transaction
from earlywatch.domain.alert_words import LONGEST_NAME, one_line
from earlywatch.domain.snooze import by_words
from earlywatch.errors import EarlywatchError
from earlywatch.services import act_links, acting
from earlywatch.services.wiring import wiring

SNOOZE = timedelta(hours=1)


class Button(Enum):
    """What a button of an alert does."""

    ACKNOWLEDGE = auto()
    SNOOZE = auto()


@dataclass(frozen=True)
class Pressed:
    """What came of it: one line of plain text. If nothing was `done`, nobody else need know."""

    words: str
    done: bool


def press(button: Button, token: str, provider: str, person: str, now: datetime) -> Pressed:
    """Do what a button of an alert says, at `now` (UTC), for somebody whom only `provider` knows.

    `token` is what the button carries: who has it got the alert, or was shown it.
    """
    who = one_line(person, LONGEST_NAME) or "Somebody"
    try:
        with transaction() as session:
            incident = act_links.take(session, wiring().links, token, now).incident
            return _press(session, button, incident.id, who, f"{provider}: {who}", now)
    except EarlywatchError as error:
        return Pressed(str(error), done=False)


def _press(
    session: Session, button: Button, incident_id: int, who: str, by: str, now: datetime
) -> Pressed:
    if button is Button.SNOOZE:
        incident = acting.snooze(session, incident_id, now + SNOOZE, by, now)
        did = "snoozed this for an hour"
    else:
        incident = acting.acknowledge(session, incident_id, by, now)
        did = "acknowledged this"
        if incident.acknowledged_at != now:
            first = by_words(incident.acknowledged_by or who)
            return Pressed(f"Acknowledged before, {first}.", done=False)
    name = one_line(incident.monitor.name, LONGEST_NAME) or "A monitor"
    return Pressed(f"{who} {did}: {name}", done=True)
