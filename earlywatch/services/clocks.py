"""After the clock was set back: what lies ahead by mistake comes back with it.

Each step may be cut and begun anew: what was moved does not lie ahead any more.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from earlywatch.domain.clocks import on_clock_back
from earlywatch.domain.monitor import Rules
from earlywatch.models import Monitor, Tick
from earlywatch.models.tick import DETECTOR
from earlywatch.services.folding import GATHERED_FOR
from earlywatch.services.hearing import readable_rules

BATCH = 500
# Less comes right by itself, and clocks of several machines differ by some of it.
LEAST = timedelta(seconds=30)
AHEAD = timedelta(seconds=5)

RESET_TICKS = text("""
    UPDATE tick SET ticked_at = :now WHERE ticked_at > CAST(:now AS timestamptz) + :ahead
    RETURNING name
""")
# Ids rise, whatever the clock says.
NEWEST = text("""
    SELECT asked.id, last.received_at
    FROM unnest(CAST(:monitor_ids AS bigint[])) AS asked (id)
    CROSS JOIN LATERAL (
        SELECT received_at, kind FROM ping WHERE monitor_id = asked.id
        ORDER BY monitor_id DESC, id DESC LIMIT 1
    ) AS last
    WHERE last.kind = 'success' AND last.received_at <= :now
""")
# They were written by the clock as it was, so all of them move, by the same length.
BRING_BACK = [
    text(statement)
    for statement in (
        (
            # What was queued for later waits for an hour of the day, as people have set it.
            "UPDATE delivery SET next_attempt_at = moved.at, turn_at = least(turn_at, moved.at)"
            " FROM (SELECT id, greatest(next_attempt_at - CAST(:back AS interval),"
            " CASE WHEN due_at > created_at + CAST(:gathered AS interval) THEN due_at END) AS at"
            " FROM delivery WHERE state = 'pending' AND next_attempt_at > :now) AS moved"
            " WHERE delivery.id = moved.id"
        ),
        (
            # From when the fallback channel waits.
            "UPDATE delivery SET due_at = :now WHERE state IN ('pending', 'failed')"
            " AND fallback_at IS NULL AND due_at > :now"
            " AND due_at <= created_at + CAST(:gathered AS interval)"
        ),
        (
            "UPDATE account_mail SET next_attempt_at = next_attempt_at - CAST(:back AS interval)"
            " WHERE state = 'pending' AND next_attempt_at > :now"
        ),
        (
            "UPDATE billing_mail SET next_attempt_at = next_attempt_at - CAST(:back AS interval)"
            " WHERE state = 'pending' AND next_attempt_at > :now"
        ),
        "UPDATE destination SET free_at = free_at - CAST(:back AS interval) WHERE free_at > :now",
        (
            # Steps count from then on; those of a snooze go on when that ends.
            "UPDATE incident SET told_since = told_since - CAST(:back AS interval),"
            " acknowledged_at = acknowledged_at - CAST(:back AS interval)"
            " WHERE resolved_at IS NULL AND (snoozed_until > :now) IS NOT TRUE"
            " AND greatest(told_since, next_step_at, acknowledged_at) > :now"
        ),
        (
            # A snooze lasts until the hour that people have chosen.
            "UPDATE incident SET next_step_at = greatest(next_step_at - CAST(:back AS interval),"
            " CASE WHEN resolved_at IS NULL THEN snoozed_until END)"
            " WHERE next_step_at > :now"
        ),
        (
            "UPDATE incident SET opened_at = opened_at - CAST(:back AS interval),"
            " noticed_at = least(noticed_at, :now)"
            " WHERE resolved_at IS NULL AND opened_at > :now"
        ),
    )
]


def find_set_back(session: Session, now: datetime) -> timedelta:
    """Return by how much the clock was set back while no process of ours saw it (UTC)."""
    tick = session.get(Tick, DETECTOR, populate_existing=True)
    ahead = tick.ticked_at - now if tick is not None else timedelta(0)
    return max(ahead, timedelta(0))


def bring_back(session: Session, back: timedelta, now: datetime) -> bool:
    """Move the next monitors whose last ping lies ahead of `now` (UTC); return if more may.

    Monitors that others hold are left to the next call.
    """
    query = select(Monitor).where(Monitor.last_ping_at > now + AHEAD).order_by(Monitor.id)
    free = query.limit(BATCH).with_for_update(key_share=True, skip_locked=True)
    monitors = session.scalars(free.execution_options(populate_existing=True)).all()
    newest = _newest_successes(session, [monitor.id for monitor in monitors], now)
    for monitor in monitors:
        rules = readable_rules(monitor)
        readable = rules if isinstance(rules, Rules) else None
        stored = newest.get(monitor.id)
        monitor.state = on_clock_back(monitor.state, readable, back, now, stored)
    session.flush()
    return len(monitors) == BATCH


def _newest_successes(
    session: Session, monitor_ids: Sequence[int], now: datetime
) -> dict[int, datetime]:
    """Return when the last ping of each came, where that was a success and is not ahead (UTC)."""
    values = {"monitor_ids": list(monitor_ids), "now": now}
    return {row.id: row.received_at for row in session.execute(NEWEST, values)}


def finish(session: Session, back: timedelta, now: datetime) -> bool:
    """Move what else waits for its moment, once; return False if somebody else did."""
    names = session.scalars(RESET_TICKS, {"now": now, "ahead": AHEAD}).all()
    if DETECTOR not in names:
        return False
    for statement in BRING_BACK:
        session.execute(statement, {"back": back, "now": now, "gathered": GATHERED_FOR})
    return True
