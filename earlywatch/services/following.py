"""Incidents that follow a policy when it is changed or deleted: each goes on where it is."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.domain.escalation import next_look
from earlywatch.services import cases, folding, recipients
from earlywatch.services.cases import Case
from earlywatch.services.routing import Policies

LASTING = text("SELECT id FROM incident WHERE policy_id = :policy_id AND resolved_at IS NULL")
GO_ON = text("""
    UPDATE incident SET policy_id = going.policy_id,
        next_step_at = CASE WHEN going.moves THEN going.next_step_at ELSE incident.next_step_at END
    FROM unnest(
        CAST(:ids AS bigint[]), CAST(:policy_ids AS bigint[]),
        CAST(:next_step_ats AS timestamptz[]), CAST(:moves AS boolean[])
    ) AS going (id, policy_id, next_step_at, moves)
    WHERE incident.id = going.id
""")


def lasting(session: Session, policy_id: int) -> Sequence[Case]:
    """Hold and return the open incidents that follow a policy, before anything else is locked."""
    ids = session.scalars(LASTING, {"policy_id": policy_id}).all()
    return cases.load(session, ids) if ids else ()


def go_on(session: Session, found: Sequence[Case]) -> None:
    """Let incidents go on as their policy says now, or the next one that fits if it is gone.

    What was told counts: the step that comes next is the one after the last that was taken.
    """
    if not found:
        return
    wanted = Policies(session, {case.workspace_id for case in found})
    firsts = folding.firsts(session, found)
    leads = {case.incident_id: firsts.get(case.incident_id, case).incident_id for case in found}
    told_at = recipients.told_at(session, leads.values())
    routes = [wanted.find(case) for case in found]
    values = {
        "ids": [case.incident_id for case in found],
        # Of those whose steps have not begun, another one may be found by then.
        "policy_ids": [
            route.id if case.progress.since else None
            for case, route in zip(found, routes, strict=True)
        ],
        "next_step_ats": [
            next_look(
                route.plan,
                case.progress,
                told_at.get(leads[case.incident_id]) or case.progress.since or case.opened_at,
            )
            for case, route in zip(found, routes, strict=True)
        ],
        "moves": [_moves(case) for case in found],
    }
    session.execute(GO_ON, values)


def _moves(case: Case) -> bool:
    """Whether its steps go on by time, and nothing else decides when to look at it."""
    return case.progress.since is not None and not case.progress.snoozed and case.held is None
