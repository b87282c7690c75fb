"""What planning makes of an incident: how far the telling is, and when it goes on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.domain.escalation import Telling
from earlywatch.models.incident import Held
from earlywatch.services.cases import Case
from earlywatch.services.folding import Intent
from earlywatch.services.holding import Hold
from earlywatch.services.plain_telling import AGAIN

UPDATE = text("""
    UPDATE incident SET next_step_at = planned.next_step_at, told_since = planned.told_since,
        step = planned.step, reminders = planned.reminders, held = planned.held,
        blocked_by_id = planned.blocked_by_id, policy_id = planned.policy_id,
        snoozed_until = CASE WHEN planned.put_off THEN snoozed_until END,
        snoozed_by = CASE WHEN planned.put_off THEN snoozed_by END
    FROM unnest(
        CAST(:ids AS bigint[]), CAST(:next_step_ats AS timestamptz[]),
        CAST(:told_since AS timestamptz[]), CAST(:steps AS integer[]),
        CAST(:reminders AS integer[]), CAST(:held AS text[]),
        CAST(:blocked_by_ids AS bigint[]), CAST(:policy_ids AS bigint[]),
        CAST(:put_off AS boolean[])
    ) AS planned (id, next_step_at, told_since, step, reminders, held, blocked_by_id, policy_id,
        put_off)
    WHERE incident.id = planned.id
""")


@dataclass(slots=True)
class Planned:
    """What becomes of an incident. All moments are UTC."""

    case: Case
    next_step_at: datetime | None
    told_since: datetime | None
    step: int
    reminders: int
    held: Held | None = None
    blocked_by_id: int | None = None
    put_off: bool = False  # the reminder after a snooze, too


def held_back(case: Case, hold: Hold) -> Planned:
    """Let nobody be told for now; nobody was before, so that the steps count from the end of it."""
    return Planned(case, hold.until, None, 0, 0, hold.held, hold.by_id)


def put_off(case: Case, until: datetime) -> Planned:
    """Let an incident be planned then (UTC), as if nobody had looked at it."""
    so_far = case.progress
    if not case.is_told:  # another policy may fit by then
        case = replace(case, policy_id=None)
    return Planned(case, until, so_far.since, so_far.step, so_far.reminders, put_off=True)


def progressed(case: Case, telling: Telling, reached: Sequence[Intent], now: datetime) -> Planned:
    """Go on as far as somebody was `reached`; what reached nobody is tried again in a moment."""
    if not reached and (telling.steps or telling.reminds):
        return put_off(case, now + AGAIN)
    so_far = case.progress
    reminders = [each for each in reached if each.alert is AlertKind.REMINDER]
    taken = [each.number + 1 for each in reached if each.alert is not AlertKind.REMINDER]
    step = max(so_far.step, *taken, 0)
    complete = not telling.steps or step > telling.steps[-1][0]
    begins = None if so_far.acknowledged else now
    return Planned(
        case,
        telling.next_at if complete else now + AGAIN,
        so_far.since or begins,
        step,
        so_far.reminders + len(reminders),
    )


def write(session: Session, planned: Sequence[Planned]) -> None:
    """Write down what becomes of incidents, which must be held."""
    values = {
        "ids": [each.case.incident_id for each in planned],
        "next_step_ats": [each.next_step_at for each in planned],
        "told_since": [each.told_since for each in planned],
        "steps": [each.step for each in planned],
        "reminders": [each.reminders for each in planned],
        "held": [each.held.value if each.held else None for each in planned],
        "blocked_by_ids": [each.blocked_by_id for each in planned],
        "policy_ids": [each.case.policy_id for each in planned],
        "put_off": [each.put_off for each in planned],
    }
    session.execute(UPDATE, values)
