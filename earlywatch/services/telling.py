"""Planning what is told of an incident: who, when, through which channels. Sending comes later.

An open incident whose `next_step_at` has passed is a job: the row is the queue. Whoever opens one
plans it in the same transaction; what is due by time alone, every tick does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.domain.escalation import Telling, on_look
from earlywatch.models.incident import Held
from earlywatch.services import (
    cases,
    explaining,
    folding,
    holds,
    plain_telling,
    queueing,
    recipients,
    unfolding,
)
from earlywatch.services.cases import Case
from earlywatch.services.folding import Intent
from earlywatch.services.hearing import deaf_since
from earlywatch.services.plain_telling import AGAIN, attempted, carefully, unless_locked
from earlywatch.services.planned import Planned, held_back, progressed, put_off, write
from earlywatch.services.queueing import Queued
from earlywatch.services.recipients import Recipients
from earlywatch.services.routing import Policies

BATCH = 2_000
LOCKED = timedelta(seconds=5)  # until what somebody else holds is looked at again

# Whoever holds what an alert needs, such as a channel being deleted, is not waited for long.
WAIT_BRIEFLY = text("SET LOCAL lock_timeout = '1s'")
BY_WORKSPACE = text("""
    SELECT array_agg(incident.id ORDER BY incident.id) AS ids
    FROM incident JOIN monitor ON monitor.id = incident.monitor_id
    WHERE incident.id = ANY(CAST(:ids AS bigint[]))
    GROUP BY monitor.workspace_id ORDER BY monitor.workspace_id
""")
POSTPONE = text("""
    UPDATE incident SET next_step_at = :again WHERE id = ANY(CAST(:ids AS bigint[]))
""")


@dataclass(frozen=True)
class Round:
    """What one round of planning did."""

    looked: int  # incidents
    deliveries: int


def tell_due(session: Session, now: datetime, limit: int = BATCH) -> Round:
    """Plan up to `limit` incidents of which something is to be told at `now` (UTC).

    Running twice at once is harmless: each holds its own incidents. Of a workspace in which
    somebody holds what is needed, nothing is told for now.
    """
    session.execute(WAIT_BRIEFLY)
    found = cases.due(session, now, limit)
    made = unless_locked(session, lambda: tell(session, found, now))
    if made is None:
        made = _tell_apart(session, found, now)
    folds = unless_locked(
        session, lambda: attempted(session, lambda: _tell_folds(session, now)) or 0
    )
    return Round(len(found), made + (folds or 0))


def tell(session: Session, incident_ids: Sequence[int], now: datetime) -> int:
    """Plan some incidents, the open ones among them. Return how many deliveries are new."""
    return carefully(session, incident_ids, now, _plan, plain_telling.tell_opened)


def tell_end(session: Session, incident_ids: Sequence[int], now: datetime) -> int:
    """Tell whoever was told of incidents that they have ended. Return how many deliveries."""
    return carefully(session, incident_ids, now, _plan_end, plain_telling.tell_resolved)


def _tell_apart(session: Session, incident_ids: Sequence[int], now: datetime) -> int:
    """Tell of each workspace on its own, so that one does not wait for what another needs."""
    made = 0
    for ids in session.scalars(BY_WORKSPACE, {"ids": list(incident_ids)}).all():
        of_one = unless_locked(session, partial(tell, session, ids, now))
        if of_one is None:
            session.execute(POSTPONE, {"ids": ids, "again": now + LOCKED})
        made += of_one or 0
    return made


def _plan(session: Session, incident_ids: Sequence[int], now: datetime) -> int:
    looked = cases.load(session, incident_ids)
    held = holds.ask(session, looked, now)
    planned = [
        held_back(case, held[case.incident_id]) for case in looked if case.incident_id in held
    ]
    free = [case for case in looked if case.incident_id not in held]
    unsure = _unsure(session, free, now)
    planned += [put_off(case, now + AGAIN) for case in free if case.incident_id in unsure]
    free = [case for case in free if case.incident_id not in unsure]
    made = 0
    if free:
        told, made = _tell(session, free, now)
        planned += told
    write(session, planned)
    return made


def _unsure(session: Session, free: Sequence[Case], now: datetime) -> set[int]:
    """Return what is told no further while we cannot hear whether it is back.

    A first alert never waits for that.
    """
    told = {case.incident_id for case in free if case.is_told and case.cause in folding.SILENT}
    return told if told and deaf_since(session, now) is not None else set()


def _plan_end(session: Session, incident_ids: Sequence[int], now: datetime) -> int:
    ended = folding.on_end(session, cases.load(session, incident_ids, ended=True), now)
    if not ended:
        return 0
    channels = Recipients(session, ended, now)
    told = recipients.told(session, [case.incident_id for case in ended])
    intents = [
        Intent(case, AlertKind.RESOLVED, 0, working)
        for case in ended
        if (working := channels.working(told.get(case.incident_id, ()), case))
    ]
    return _queue(session, intents, channels, now)


def _tell_folds(session: Session, now: datetime) -> int:
    """Tell what has become of incidents that were told of together."""
    news = unfolding.look(session, now)
    if not news:
        return 0
    channels = Recipients(session, [each.case for each in news], now)
    working = [
        replace(each, channel_ids=channels.working(each.channel_ids, each.case)) for each in news
    ]
    return _queue(session, working, channels, now)


def _tell(session: Session, free: Sequence[Case], now: datetime) -> tuple[list[Planned], int]:
    channels = Recipients(session, free, now)
    wanted = Policies(session, {case.workspace_id for case in free})
    firsts = folding.firsts(session, free)
    spoken = {case.incident_id: firsts.get(case.incident_id, case) for case in free}
    known = recipients.told(
        session, [spoken[case.incident_id].incident_id for case in free if case.is_told]
    )
    planned: list[Planned] = []
    intents: list[Intent] = []
    for case in free:
        policy = wanted.find(case)
        telling = on_look(policy.plan, case.progress, now)
        said = replace(spoken[case.incident_id], policy_id=policy.id)
        reached = _reached(said, telling, channels, known.get(said.incident_id, ()))
        planned.append(progressed(replace(case, policy_id=policy.id), telling, reached, now))
        intents += reached
    explaining.explain(session, [case for case in free if not case.is_told])
    folded = folding.fold(session, _begun_anew(session, intents), now)
    for place, each in enumerate(planned):
        if each.case.incident_id in folded.followers:
            each.held, each.next_step_at = Held.FOLDED, None
        elif each.case.incident_id in folded.postponed:
            planned[place] = put_off(each.case, now + folding.POSTPONED)
    return planned, _queue(session, folded.intents, channels, now)


def _begun_anew(session: Session, intents: Sequence[Intent]) -> Sequence[Intent]:
    """Tell of whole folds although the incident that leads now was told of on its own before."""
    places = [
        place
        for place, each in enumerate(intents)
        if each.case.fold_id is not None and each.alert is AlertKind.OPENED
    ]
    if not places:
        return intents
    anew = folding.again(session, [intents[place] for place in places])
    by_place = dict(zip(places, anew, strict=True))
    return [by_place.get(place, each) for place, each in enumerate(intents)]


def _reached(
    case: Case, telling: Telling, channels: Recipients, told_before: Sequence[int]
) -> list[Intent]:
    """Return who is told what; what would reach nobody at all is left out.

    Where nobody who should be told can be, others are: somebody must hear of it.
    """
    told, instead = channels.working(told_before, case), channels.instead(case)
    intents = [
        Intent(
            case,
            AlertKind.ESCALATED if number else AlertKind.OPENED,
            number,
            channels.of_step(case, step) or instead or told,
        )
        for number, step in telling.steps
    ]
    if telling.reminds:
        number = case.progress.reminders + 1
        intents.append(Intent(case, AlertKind.REMINDER, number, told or instead))
    return [each for each in intents if each.channel_ids]


def _queue(session: Session, intents: Sequence[Intent], channels: Recipients, now: datetime) -> int:
    rows = []
    for intent in intents:
        case = intent.case
        for channel_id in intent.channel_ids:
            state, due_at = channels.when(channel_id, urgent=case.urgent)
            rows.append(
                Queued(
                    case.workspace_id,
                    case.incident_id,
                    channel_id,
                    intent.alert,
                    intent.number,
                    case.urgent,
                    max(due_at, intent.not_before or due_at),
                    state,
                )
            )
    return queueing.queue(session, rows, now)
