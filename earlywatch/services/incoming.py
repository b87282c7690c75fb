"""Pings on their way in: what a job told us, in whatever dialect, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from earlywatch.domain.monitor import PingKind
from earlywatch.domain.runs import Progress
from earlywatch.domain.schedule import Schedule

BODY_LIMIT, MESSAGE_LIMIT = 100_000, 1_000  # bytes and characters that are kept
# What is read beyond them: a secret across the end must be seen whole to be masked.
BODY_MARGIN, MESSAGE_MARGIN = 1_000, 1_000
BODY_TAIL = 16_000  # last bytes of a longer body, in which words are looked for too
LONGEST_AGENT = 200  # characters; an index takes no more than some thousand bytes


@dataclass(frozen=True, slots=True)
class ByName:
    """A monitor by the ping key of its workspace and its slug."""

    ping_key: str
    slug: str


Name = UUID | ByName  # what a ping calls its monitor; the UUID is its ping key


@dataclass(frozen=True, slots=True)
class Wish:
    """The monitor that a ping with `create=1` makes if there is none of its name."""

    schedule: Schedule
    grace: timedelta
    time_zone: str  # to show times in


@dataclass(frozen=True, slots=True)
class IncomingPing:
    """What a job told us. `received_at` (UTC) is when it reached us, before any waiting.

    `plain`: neither address nor status said a kind, so the owner's keywords may.
    `body` has at most `BODY_LIMIT + BODY_MARGIN` bytes, `message` so many characters; what is
    beyond the limit is cut when it is stored. `tail` is the end of a longer body, to be put behind
    `body`, and is not stored; None if nothing was cut yet.
    """

    name: Name
    kind: PingKind
    received_at: datetime
    method: str
    scheme: str
    plain: bool = False
    preview: bool = False  # it was a program that previews links
    exit_status: int | None = None
    run_id: UUID | None = None
    progress: Progress | None = None
    metrics: Mapping[str, float] | None = None
    message: str | None = None
    body: bytes | None = None
    tail: bytes | None = None
    wish: Wish | None = None
    remote_address: str | None = None
    user_agent: str | None = None


class Outcome(Enum):
    """What became of a ping."""

    RECORDED = "recorded"
    CREATED = "created"  # recorded, and its monitor made
    UNWATCHED = "unwatched"  # stored, but the monitor is paused or frozen: nothing is judged
    NOT_POSTED = "not posted"  # stored as ignored: the monitor takes POST alone
    UNKNOWN = "unknown"  # no monitor has this key or name
    AMBIGUOUS = "ambiguous"  # several have this name
    WRONG_NETWORK = "wrong network"  # not stored: the owner allows other networks alone
    LOCKED = "locked"  # not stored: somebody else holds what it would change, try it again
    POSTPONED = "postponed"  # not stored: its batch had enough of its like, try it again


@dataclass(frozen=True, slots=True)
class NotCreated:
    """The monitor that a ping wished for was not made, nothing is stored; a sentence says why."""

    words: str
