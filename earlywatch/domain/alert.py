"""What we tell people: a value, made for one channel at the moment of sending."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from earlywatch.domain.monitor import Cause


class AlertKind(StrEnum):
    """Why somebody is written to."""

    OPENED = "opened"
    RESOLVED = "resolved"
    TEST = "test"
    CONFIRM = "confirm"


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
    trouble: Trouble | None = None  # with OPENED and RESOLVED
    confirm_url: str | None = None  # with CONFIRM
    confirm_code: str | None = None  # with CONFIRM, for channels that cannot carry a link
    unsubscribe_url: str | None = None
