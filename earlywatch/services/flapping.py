"""Monitors that come and go: people are told so once, and then only of what lasts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.domain.escalation import on_look
from earlywatch.domain.flapping import FLAPS, STEADY_AFTER, WITHIN, notice
from earlywatch.models import Channel
from earlywatch.models.incident import Held
from earlywatch.services import messages
from earlywatch.services.cases import Case
from earlywatch.services.composing import write_notice
from earlywatch.services.holding import Hold
from earlywatch.services.recipients import Recipients
from earlywatch.services.routing import Policies

# What nobody was told of does not count, but for the one that lasts and may be the last straw.
COUNT = text("""
    SELECT asked.id, recent.incidents FROM unnest(CAST(:monitor_ids AS bigint[])) AS asked (id)
    CROSS JOIN LATERAL (
        SELECT count(*) AS incidents FROM incident
        WHERE monitor_id = asked.id AND opened_at > :since
            AND (step > 0 OR held = 'flapping' OR resolved_at IS NULL)
    ) AS recent
    WHERE recent.incidents >= :flaps
""")
# Whoever holds the monitor may wait for an incident of this transaction. Then the next incident
# says it.
BEGIN = text("""
    UPDATE monitor SET flapping_at = :now WHERE id IN (
        SELECT id FROM monitor
        WHERE id = ANY(CAST(:monitor_ids AS bigint[])) AND flapping_at IS NULL
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    )
    RETURNING id
""")
END = text("""
    UPDATE monitor SET flapping_at = NULL WHERE id IN (
        SELECT id FROM monitor WHERE id = ANY(CAST(:monitor_ids AS bigint[]))
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    )
""")


def hold(session: Session, cases: Sequence[Case], now: datetime) -> dict[int, Hold]:
    """Hold what is in trouble once more, until it has lasted."""
    counts = _count(session, [case.monitor_id for case in cases], now)
    calm = [c.monitor_id for c in cases if c.flapping_at and c.monitor_id not in counts]
    if calm:
        session.execute(END, {"monitor_ids": calm})
    flapping = [case for case in cases if case.monitor_id in counts]
    new = [case for case in flapping if case.flapping_at is None]
    if new:
        _tell(session, new, counts, now)
    return {
        case.incident_id: Hold(Held.FLAPPING, case.opened_at + STEADY_AFTER)
        for case in flapping
        if case.opened_at + STEADY_AFTER > now
    }


def flapping(session: Session, monitor_ids: Collection[int], now: datetime) -> set[int]:
    """Return which of some monitors come and go at `now` (UTC)."""
    return set(_count(session, monitor_ids, now)) if monitor_ids else set()


def _count(session: Session, monitor_ids: Collection[int], now: datetime) -> Mapping[int, int]:
    values = {"monitor_ids": list(monitor_ids), "since": now - WITHIN, "flaps": FLAPS}
    return {row.id: row.incidents for row in session.execute(COUNT, values)}


def _tell(
    session: Session, cases: Sequence[Case], counts: Mapping[int, int], now: datetime
) -> None:
    """Say once that they come and go, to those who would be told of the trouble."""
    values = {"monitor_ids": [case.monitor_id for case in cases], "now": now}
    begun = set(session.scalars(BEGIN, values))
    told = [case for case in cases if case.monitor_id in begun]
    if not told:
        return
    channels = Recipients(session, told, now)
    policies = Policies(session, {case.workspace_id for case in told})
    for case in told:
        count, url = counts[case.monitor_id], f"/monitors/{case.monitor_id}"
        words = write_notice(notice(case.monitor_name, count, url))
        for channel_id in _who(case, channels, policies, now):
            channel = session.get_one(Channel, channel_id)
            _, due_at = channels.when(channel_id, urgent=case.urgent)
            messages.queue(session, channel, AlertKind.NOTICE, now, due_at=due_at, words=words)


def _who(case: Case, channels: Recipients, policies: Policies, now: datetime) -> Sequence[int]:
    plan = policies.find(case).plan
    fresh = replace(case.progress, since=None, step=0, acknowledged=False)
    steps = [step for _, step in on_look(plan, fresh, now).steps] or list(plan.steps[:1])
    working = [id_ for step in steps for id_ in channels.of_step(case, step)]
    return list(dict.fromkeys(working)) or channels.instead(case)
