"""Telling without any of its refinements, for when one of them fails: an alert must go out."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from psycopg.errors import LockNotAvailable
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from earlywatch.services.queueing import ChannelGone

logger = logging.getLogger(__name__)

AGAIN = timedelta(minutes=1)

# What may have failed for a moment alone is given so long before people are told who usually may
# have nothing to do with it.
PATIENCE = timedelta(minutes=5)

# At once, and whoever is in the groups; where they were told before, nothing happens twice.
TELL = """
    INSERT INTO delivery (workspace_id, incident_id, channel_id, alert, urgent, created_at, due_at,
        next_attempt_at, turn_at)
    SELECT channel.workspace_id, incident.id, channel.id, 'opened', incident.urgent, :now, :now,
        :now, :now
    FROM incident
    JOIN monitor ON monitor.id = incident.monitor_id
    JOIN channel ON channel.workspace_id = monitor.workspace_id
    WHERE incident.id = :incident_id AND incident.resolved_at IS NULL
        AND EXISTS (
            SELECT FROM ({named}) AS named (id)
            LEFT JOIN channel_member ON channel_member.group_id = named.id
            WHERE channel.id = coalesce(channel_member.channel_id, named.id)
        )
        AND channel.verified_at IS NOT NULL AND channel.kind <> 'group'
        AND channel.broken_at IS NULL AND channel.unsubscribed_at IS NULL
        {unless}
    ORDER BY channel.id
    FOR KEY SHARE OF channel
    ON CONFLICT DO NOTHING
"""
OPENED = text(
    TELL.format(
        named="""
            SELECT channel_id FROM monitor_channel
            WHERE monitor_channel.monitor_id = monitor.id
        """,
        unless="",
    )
)
# Where the monitor has none that work: whoever else in the workspace is told of anything.
ANYBODY = text(
    TELL.format(
        named="""
            SELECT fallback_channel_id FROM workspace WHERE workspace.id = monitor.workspace_id
            UNION
            SELECT policy_step_channel.channel_id FROM policy
            JOIN policy_step ON policy_step.policy_id = policy.id
            JOIN policy_step_channel ON policy_step_channel.step_id = policy_step.id
            WHERE policy.workspace_id = monitor.workspace_id
        """,
        unless="""
            AND incident.noticed_at <= CAST(:now AS timestamptz) - CAST(:patience AS interval)
            AND NOT EXISTS (SELECT FROM delivery WHERE delivery.incident_id = incident.id)
        """,
    )
)
RESOLVED = text("""
    INSERT INTO delivery (workspace_id, incident_id, channel_id, alert, created_at, due_at,
        next_attempt_at, turn_at)
    SELECT channel.workspace_id, told.incident_id, channel.id, 'resolved', :now, :now, :now, :now
    FROM channel
    JOIN (
        SELECT DISTINCT incident_id, channel_id FROM delivery
        WHERE incident_id = :incident_id AND alert IN ('opened', 'escalated', 'reminder')
    ) AS told ON told.channel_id = channel.id
    WHERE channel.broken_at IS NULL AND channel.unsubscribed_at IS NULL
    ORDER BY channel.id
    FOR KEY SHARE OF channel
    ON CONFLICT DO NOTHING
""")
POSTPONE = text("UPDATE incident SET next_step_at = :again WHERE id = :incident_id")


Way = Callable[[Session, Sequence[int], datetime], int]
PlainWay = Callable[[Session, int, datetime], int]


def carefully(
    session: Session, incident_ids: Sequence[int], now: datetime, way: Way, plain: PlainWay
) -> int:
    """Go one way for all incidents; if that fails, for each alone; if that fails, the plain way.

    Return how many alerts are new. A lock that somebody holds is the caller's to wait for.
    """
    if not incident_ids:
        return 0
    made = attempted(session, lambda: way(session, incident_ids, now))
    if made is None:
        return sum(_alone(session, each, now, way, plain) for each in incident_ids)
    return made


def _alone(session: Session, incident_id: int, now: datetime, way: Way, plain: PlainWay) -> int:
    made = attempted(session, lambda: way(session, [incident_id], now))
    if made is None:
        made = attempted(session, lambda: plain(session, incident_id, now))
    if made is None:
        session.execute(POSTPONE, {"incident_id": incident_id, "again": now + AGAIN})
        return 0
    return made


def attempted(session: Session, work: Callable[[], int]) -> int | None:
    """Return what some work gives, None if it failed: then it is undone and logged."""
    for _ in range(2):
        try:
            with session.begin_nested():
                return work()
        except ChannelGone:
            logger.warning("a channel was deleted while people were told")
            continue  # another look does not find it any more
        except DBAPIError as error:
            if error.connection_invalidated or isinstance(error.orig, LockNotAvailable):
                raise
            logger.exception("telling of incidents failed")
        except Exception:  # whatever it is, it must not silence the others
            logger.exception("telling of incidents failed")
        return None
    return None


def unless_locked(session: Session, work: Callable[[], int]) -> int | None:
    """Return what some work gives, None if somebody held what it needs: then it is undone."""
    try:
        with session.begin_nested():
            return work()
    except DBAPIError as error:
        if error.connection_invalidated or not isinstance(error.orig, LockNotAvailable):
            raise
        logger.warning("telling waits for a lock")
        return None


def tell_opened(session: Session, incident_id: int, now: datetime) -> int:
    """Tell the monitor's own channels of an open incident. Return how many alerts are new.

    No step is taken by that: soon the usual way is tried again, which tells whoever else is to be
    told.
    """
    values = {"incident_id": incident_id, "now": now}
    connection = session.connection()
    made = connection.execute(OPENED, values).rowcount
    if not made:
        made = connection.execute(ANYBODY, {**values, "patience": PATIENCE}).rowcount
    session.execute(POSTPONE, {"incident_id": incident_id, "again": now + AGAIN})
    return made


def tell_resolved(session: Session, incident_id: int, now: datetime) -> int:
    """Tell whoever was told of an incident that it is over. Return how many alerts are new."""
    values = {"incident_id": incident_id, "now": now}
    return session.connection().execute(RESOLVED, values).rowcount
