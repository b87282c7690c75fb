"""What the pages say about an incident: its state in a sentence, its course as events."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from earlywatch.channels.registry import kind
from earlywatch.domain.alert import AlertKind
from earlywatch.domain.duration import rough_duration
from earlywatch.domain.monitor import Cause
from earlywatch.models import Delivery, Incident
from earlywatch.models.delivery import DeliveryState
from earlywatch.services.monitor_history import Story
from earlywatch.web.act_words import deed_words

OPENED = {
    Cause.MISSED: "No ping came in time: late from here on",
    Cause.OVERRAN: "The run did not end in time: late from here on",
    Cause.FAILED: "The job reported a failure",
}
TOLD = {
    AlertKind.OPENED: "of the trouble",
    AlertKind.REMINDER: "that it lasts",
    AlertKind.ESCALATED: "that nobody has acknowledged it",
    AlertKind.RESOLVED: "of its end",
}
MINUTE = timedelta(minutes=1)
LAG_WORTH_TELLING = timedelta(seconds=10)
# At the same moment, what caused comes before what followed.
RANK = {"new": 0, "due": 1, "late": 2, "failed": 2, "up": 3, "done": 4, "cross": 4, "note": 4}


@dataclass(frozen=True)
class Event:
    """Something that happened at a moment (UTC). `mark` names a shape, `look` a colour."""

    at: datetime
    mark: str
    look: str
    words: str
    detail: str = ""
    delivery: Delivery | None = None


def headline(incident: Incident, now: datetime) -> str:
    """Return what is or was the matter: "nightly backup has been late for 12 min"."""
    name, ended = incident.monitor.name, incident.resolved_at
    length = _in_minutes((ended or now) - incident.opened_at)
    if incident.cause == Cause.FAILED:
        return f"{name} failed, back after {length}" if ended else f"{name} failed {length} ago"
    return f"{name} was late for {length}" if ended else f"{name} has been late for {length}"


def events(story: Story) -> list[Event]:
    """Return what happened, in order; a delivery stands where it ended or was tried last."""
    incident = story.incident
    found = [
        *_before(incident),
        _opening(incident),
        *(_telling(delivery) for delivery in story.deliveries),
        *_acts(incident),
    ]
    if incident.resolved_at:
        found.append(Event(incident.resolved_at, "up", "up", "Over", _ending(story)))
    return sorted(found, key=lambda event: (event.at, RANK[event.mark]))


def _in_minutes(length: timedelta) -> str:
    """Return `length` in words; seconds count below one minute alone."""
    return rough_duration(length - length % MINUTE if length >= MINUTE else length)


def _before(incident: Incident) -> list[Event]:
    found = []
    if incident.last_ping_at and incident.last_ping_at < incident.opened_at:
        found.append(Event(incident.last_ping_at, "new", "new", "Last ping before it"))
    if incident.cause == Cause.MISSED and incident.expected_at:
        words = "A success was expected, and did not come"
        found.append(Event(incident.expected_at, "due", "due", words))
    return found


def _opening(incident: Incident) -> Event:
    cause = Cause(incident.cause)
    look = "failed" if cause is Cause.FAILED else "late"
    words = OPENED[cause]
    if cause is Cause.FAILED and incident.exit_status:
        words += f" with exit status {incident.exit_status}"
    lag = incident.noticed_at - incident.opened_at
    detail = f"We noticed {rough_duration(lag)} later." if lag >= LAG_WORTH_TELLING else ""
    return Event(incident.opened_at, look, look, words, detail)


def _telling(delivery: Delivery) -> Event:
    name = f"{delivery.channel.name} ({kind(delivery.channel.kind).label})"
    told = TOLD.get(AlertKind(delivery.alert), "the trouble")
    if delivery.fallback_for_id is not None:
        told += ", because it did not arrive elsewhere"
    if delivery.state in (DeliveryState.SENT, DeliveryState.MERGED):
        at = delivery.sent_at or delivery.last_attempt_at or delivery.created_at
        together = ", in another message" if delivery.state == DeliveryState.MERGED else ""
        return Event(at, "done", "up", f"{name} was told {told}{together}", delivery=delivery)
    at = delivery.last_attempt_at or delivery.created_at
    if delivery.state == DeliveryState.FAILED:
        return Event(at, "cross", "failed", f"{name} was not told {told}", delivery=delivery)
    if delivery.state == DeliveryState.GATHERED:
        words = f"{name} will be told {told} in its next digest"
        return Event(at, "note", "due", words, delivery=delivery)
    return Event(at, "note", "due", f"{name} is being told {told}", delivery=delivery)


def _acts(incident: Incident) -> list[Event]:
    return [
        Event(act.at, "note", "new", deed_words(act, incident.monitor.time_zone))
        for act in incident.acts
    ]


def _ending(story: Story) -> str:
    told = any(delivery.alert == AlertKind.RESOLVED for delivery in story.deliveries)
    opened = any(delivery.alert == AlertKind.OPENED for delivery in story.deliveries)
    silently = "Ended without a message: the monitor was paused or frozen."
    return silently if opened and not told else ""
