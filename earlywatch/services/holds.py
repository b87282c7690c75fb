"""Asks in turn for reasons to tell nobody of an incident yet; the first one counts."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.services import dependencies, failures, flapping, maintenance
from earlywatch.services.cases import Case
from earlywatch.services.holding import Hold

# The monitor was changed, and so may have been the answer.
LOOK_AGAIN = text("""
    UPDATE incident SET next_step_at = greatest(CAST(:now AS timestamptz), snoozed_until)
    WHERE monitor_id = :monitor_id AND held IN ('maintenance', 'blocked', 'failures')
        AND resolved_at IS NULL
""")
ASKED = (maintenance.hold, dependencies.hold, failures.hold, flapping.hold)


def ask(session: Session, cases: Sequence[Case], now: datetime) -> dict[int, Hold]:
    """Return by incident why it is held back at `now` (UTC).

    Whoever was told already goes on being told: a hold begins before the first alert. So does
    what is told of together, though its steps may begin anew.
    """
    found: dict[int, Hold] = {}
    untold = [case for case in cases if not case.is_told and case.fold_id is None]
    for hold in ASKED:
        left = [case for case in untold if case.incident_id not in found]
        if left:
            found |= hold(session, left, now)
    return found


def look_again(session: Session, monitor_id: int, now: datetime) -> None:
    """Let the next round ask again about a monitor's incident, because it was edited."""
    session.execute(LOOK_AGAIN, {"monitor_id": monitor_id, "now": now})
