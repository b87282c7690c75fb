"""What we tell people: a value, made for one channel at the moment of sending."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from earlywatch.domain.monitor import Cause


class AlertKind(StrEnum):
    """Why somebody is written to."""

    OPENED = "opened"
    REMINDER = "reminder"  # it still lasts
    ESCALATED = "escalated"  # it still lasts and nobody acknowledged it: the next in line are told
    RESOLVED = "resolved"
    TEST = "test"
    CONFIRM = "confirm"
    DRILL = "drill"  # a test that asks for an answer
    NOTICE = "notice"  # about a channel, or about how alerts are told
    DIGEST = "digest"  # what gathered for a channel that wants it all at once


# Those that tell of an incident; the first three say that it lasts.
OF_TROUBLE = (AlertKind.OPENED, AlertKind.REMINDER, AlertKind.ESCALATED)
OF_INCIDENT = (*OF_TROUBLE, AlertKind.RESOLVED)


class Event(StrEnum):
    """What an alert is to a system that keeps incidents of its own."""

    TRIGGER = "trigger"
    RESOLVE = "resolve"
    INFO = "info"  # nothing to open or to close


@dataclass(frozen=True)
class Trouble:
    """The incident an alert tells about. All moments are UTC."""

    incident_id: int
    monitor_name: str
    cause: Cause
    schedule_words: str
    time_zone: str
    opened_at: datetime
    resolved_at: datetime | None
    expected_at: datetime | None  # when the success that never came was due
    last_ping_at: datetime | None
    exit_status: int | None
    url: str  # the incident's page
    grace_words: str = ""  # empty: none
    output: str = ""  # the end of what the job said last, masked
    hint: str = ""  # a sentence about what may be behind it
    also: tuple[str, ...] = ()  # names of others that stopped at about that time
    acknowledged_by: str | None = None


@dataclass(frozen=True)
class Folded:
    """One of many monitors whose trouble is told in one message. All moments are UTC."""

    monitor_name: str
    cause: Cause
    opened_at: datetime
    resolved_at: datetime | None
    url: str  # the incident's page


@dataclass(frozen=True)
class Notice:
    """What is told that is no incident's: in words, since each is its own."""

    subject: str
    opening: str
    rows: tuple[tuple[str, str], ...] = ()
    url: str | None = None
    url_words: str = "Open Earlywatch"


@dataclass(frozen=True)
class Alert:
    """One message for one channel.

    `id` is the delivery's stable public id: the same at every attempt, so that a
    receiver can drop a repeat. `sent_at` is the moment of this attempt, in UTC.
    """

    id: str
    kind: AlertKind
    channel_name: str
    workspace_name: str
    sent_at: datetime
    trouble: Trouble | None = None  # with kinds of `OF_INCIDENT`
    # With kinds of `OF_INCIDENT`, if many monitors are told of at once: all of them, the one of
    # `trouble` too; and what they share, such as "the host 192.0.2.7".
    folded: tuple[Folded, ...] = ()
    shared: str = ""
    urgent: bool = False
    number: int = 0  # which reminder or step it is, counted from 1
    notice: Notice | None = None  # with NOTICE and DIGEST
    # With kinds of `OF_TROUBLE`: a page with the buttons to acknowledge and to snooze, and what
    # such a button of a chat program carries.
    act_url: str | None = None
    act_token: str | None = None
    reply_to: str | None = None  # a mail address that takes "ack" for an answer
    drill_url: str | None = None  # with DRILL: the page with the button "Got it"
    drill_token: str | None = None  # with DRILL, for channels that cannot carry a link
    confirm_url: str | None = None  # with CONFIRM
    confirm_code: str | None = None  # with CONFIRM, for channels that cannot carry a link
    unsubscribe_url: str | None = None
    instead_of: str = ""  # the channel that should have told it, if this one is its fallback

    @property
    def event(self) -> Event:
        """What it is to a system that keeps incidents, under the key `incident_key`."""
        if self.kind is AlertKind.RESOLVED:
            return Event.RESOLVE
        return Event.TRIGGER if self.kind in OF_TROUBLE else Event.INFO

    @property
    def is_over(self) -> bool:
        """Whether it tells of trouble that has ended before anybody was told: it says both."""
        return self.event is Event.TRIGGER and self.trouble is not None and bool(self.ended_at)

    @property
    def ended_at(self) -> datetime | None:
        """When all that it tells of had ended (UTC), None while some of it lasts."""
        if self.folded:
            ends = [each.resolved_at for each in self.folded]
            return None if None in ends else max(end for end in ends if end)
        return self.trouble.resolved_at if self.trouble else None

    @property
    def incident_key(self) -> str:
        """The same for all alerts of an incident, and of no other."""
        assert self.trouble is not None, "only alerts of an incident have a key"
        return f"earlywatch-{self.trouble.incident_id}"
