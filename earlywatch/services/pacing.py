"""Targets that take only so many messages in so many seconds: whose moment is when."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.channels.registry import Pace

# A moment that passed so long ago was missed, by a worker that was away: others have passed too,
# and all of them together would be too many.
MISSED = timedelta(seconds=30)

# GCRA: `free_at` is when the target would be free if all that it was promised came evenly. One
# statement, so that of two at once each gets a moment of its own.
RESERVE = text("""
    INSERT INTO destination (key, free_at) VALUES (:key, CAST(:now AS timestamptz) + :apart)
    ON CONFLICT (key) DO UPDATE SET free_at = greatest(destination.free_at, :now) + :apart
    RETURNING free_at
""")
HOLD = text("""
    UPDATE destination SET free_at = greatest(free_at, :until) WHERE key = :key
""")


def slot(
    session: Session,
    promised: datetime | None,
    kind: str,
    config: dict[str, Any],
    pace: Pace | None,
    now: datetime,
) -> datetime:
    """Return the moment (UTC) reserved for a claimed delivery; it may go out if that has come.

    A delivery asks once: it keeps the moment that it was `promised` until it was sent or has
    failed.
    """
    if pace is None:
        return now
    if promised is not None and promised > now - MISSED:
        return promised
    at_once, apart = spacing(pace)
    values = {"key": key_of(kind, config), "now": now, "apart": apart}
    free_at = session.execute(RESERVE, values).scalar_one()
    # What was promised before takes until `free_at - apart`; a few may come ahead of that.
    moment: datetime = free_at - apart * at_once
    return max(moment, now)


def hold(
    session: Session, kind: str, config: dict[str, Any], pace: Pace | None, until: datetime
) -> None:
    """Promise nobody a moment before `until` (UTC), because the target asked us to wait."""
    if pace is not None:
        session.execute(HOLD, {"key": key_of(kind, config), "until": until})


def spacing(pace: Pace) -> tuple[int, timedelta]:
    """Return how many messages may come at once, and how far apart all others must be.

    A quarter at once and the rest evenly: never more than `pace.messages` in any `pace.seconds`.
    """
    at_once = max(1, pace.messages // 4)
    return at_once, timedelta(seconds=pace.seconds / (pace.messages - at_once + 1))


def key_of(kind: str, config: dict[str, Any]) -> str:
    """Return the same for all channels that lead to one target; no secret can be read from it."""
    target = json.dumps([kind, config], sort_keys=True).encode()
    return hashlib.sha256(target).hexdigest()
