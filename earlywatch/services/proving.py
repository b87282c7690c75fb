"""Channels that somebody reads: when that was last shown, and who hears if it was long ago."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from earlywatch.channels.group import NAME as GROUP
from earlywatch.domain.alert import AlertKind, Notice
from earlywatch.domain.words import date_words
from earlywatch.models import Channel, Workspace
from earlywatch.services import messages, sms_cap
from earlywatch.services.channel_hours import due_at
from earlywatch.services.composing import write_notice

UNPROVEN_AFTER = timedelta(days=30)
BATCH = 500
MOST_NAMED = 20
CALL = "voice"  # the kind
PROVE = text("UPDATE channel SET proven_at = greatest(proven_at, :now) WHERE id = :id")
# Through which alerts may go of what is watched: the channel itself, or a group that it is in.
UNPROVEN = """
    SELECT channel.id FROM channel JOIN workspace ON workspace.id = channel.workspace_id
    WHERE channel.kind <> 'group' AND channel.verified_at <= :before
        AND channel.broken_at IS NULL AND channel.unsubscribed_at IS NULL
        AND (channel.proven_at IS NULL OR channel.proven_at <= :before)
        AND EXISTS (
            SELECT FROM monitor WHERE monitor.workspace_id = channel.workspace_id
                AND monitor.status NOT IN ('paused', 'frozen')
        )
        AND EXISTS (
            SELECT FROM (
                SELECT channel.id UNION ALL
                SELECT group_id FROM channel_member WHERE channel_id = channel.id
            ) AS place (id)
            WHERE place.id = workspace.fallback_channel_id
                OR EXISTS (SELECT FROM monitor_channel WHERE channel_id = place.id)
                OR EXISTS (SELECT FROM policy_step_channel WHERE channel_id = place.id)
        )
"""
OF_WORKSPACE = text(f"{UNPROVEN} AND channel.workspace_id = :workspace_id")
UNTOLD = text(f"""{UNPROVEN}
    AND (channel.unproven_told_at IS NULL OR channel.unproven_told_at <= :before)
    ORDER BY channel.workspace_id, channel.id LIMIT :limit
    FOR NO KEY UPDATE OF channel SKIP LOCKED
""")


def prove(session: Session, channel_id: int, now: datetime) -> None:
    """Remember that somebody answered at `now` (UTC) what was sent to the channel."""
    session.execute(PROVE, {"id": channel_id, "now": now})


def list_unproven(session: Session, workspace: Workspace, now: datetime) -> Sequence[Channel]:
    """Return by name the channels in use of which nobody knows whether they are still read."""
    values = {"workspace_id": workspace.id, "before": now - UNPROVEN_AFTER}
    ids = session.scalars(OF_WORKSPACE, values).all()
    if not ids:
        return []
    query = select(Channel).where(Channel.id.in_(ids))
    return session.scalars(query.order_by(Channel.name, Channel.id)).all()


def tell_unproven(session: Session, now: datetime, limit: int = BATCH) -> int:
    """Tell of up to `limit` channels that nobody has answered on for long; return how many.

    Each is told of once in so long, through another channel if there is one that works; nobody is
    called for it. Running twice at once is harmless: each holds its own channels.
    """
    values = {"before": now - UNPROVEN_AFTER, "limit": limit}
    ids = session.scalars(UNTOLD, values).all()
    if not ids:
        return 0
    query = select(Channel).where(Channel.id.in_(ids)).order_by(Channel.id)
    due = session.scalars(query.execution_options(populate_existing=True)).all()
    working = _working(session, {channel.workspace_id for channel in due})
    told: dict[Channel, list[Channel]] = defaultdict(list)
    for channel in due:
        channel.unproven_told_at = now
        if teller := _teller(channel, working[channel.workspace_id]):
            told[teller].append(channel)
    for teller, silent in told.items():
        workspace = session.get_one(Workspace, teller.workspace_id)
        words = write_notice(_notice(silent, workspace.time_zone))
        due_moment = due_at(teller, now, urgent=False)
        messages.queue(session, teller, AlertKind.NOTICE, now, due_at=due_moment, words=words)
    return len(due)


def _teller(channel: Channel, working: Iterable[Channel]) -> Channel | None:
    """Return another channel; itself if there is none, and None if that would be a call.

    Rather one that costs nothing, and among these the one that was answered on last.
    """

    def worth(other: Channel) -> tuple[bool, bool, datetime, int]:
        is_free = other.kind not in sms_cap.COUNTED
        return other.id != channel.id, is_free, _known_at(other), -other.id

    return max((each for each in working if each.kind != CALL), key=worth, default=None)


def _known_at(channel: Channel) -> datetime:
    """Return when somebody last answered; before the first time, when it was confirmed."""
    assert channel.verified_at is not None, "only channels that work are compared"
    return max(channel.verified_at, channel.proven_at or channel.verified_at)


def _working(session: Session, workspace_ids: set[int]) -> Mapping[int, Sequence[Channel]]:
    query = select(Channel).where(
        Channel.workspace_id.in_(workspace_ids),
        Channel.kind != GROUP,
        Channel.verified_at.is_not(None),
        Channel.broken_at.is_(None),
        Channel.unsubscribed_at.is_(None),
    )
    found: dict[int, list[Channel]] = defaultdict(list)
    for channel in session.scalars(query):
        found[channel.workspace_id].append(channel)
    return found


def _notice(silent: Sequence[Channel], zone: str) -> Notice:
    shown = silent[:MOST_NAMED]
    rows = [(channel.name, _proof_words(channel, zone)) for channel in shown]
    if len(silent) > MOST_NAMED:
        rows.append(("And", f"{len(silent) - MOST_NAMED} more"))
    one = len(silent) == 1
    what = f"The channel {silent[0].name} has" if one else f"{len(silent)} channels have"
    return Notice(
        subject=f"{what} not been proven for {UNPROVEN_AFTER.days} days",
        opening="Alerts are sent there, but nobody has shown lately that they are read. Start a"
        " fire drill, and let whoever reads it press “Got it”.",
        rows=tuple(rows),
        url="/drills",
        url_words="Open the fire drill",
    )


def _proof_words(channel: Channel, zone: str) -> str:
    if channel.proven_at is None:
        return "never proven"
    return f"last proven on {date_words(channel.proven_at, zone)}"
