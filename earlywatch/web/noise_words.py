"""What the pages say of alerts that are held back, and of monitors that recover."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from earlywatch.domain.duration import format_duration
from earlywatch.domain.failures import Patience
from earlywatch.domain.flapping import STEADY_AFTER
from earlywatch.models import Incident, Monitor
from earlywatch.models.incident import Held
from earlywatch.services import dependencies, flapping
from earlywatch.services.monitor_lists import Row

STEADY = format_duration(STEADY_AFTER)


def row_notes(session: Session, rows: Iterable[Row], now: datetime) -> Mapping[int, str]:
    """Return by monitor what its line in the list says besides; nothing of most."""
    rows = list(rows)
    blockers = dependencies.names(
        session, {row.incident.blocked_by_id for row in rows if row.incident}
    )
    spells = [row.monitor.id for row in rows if row.monitor.flapping_at is not None]
    restless = flapping.flapping(session, spells, now)
    found = {}
    for row in rows:
        notes = [_held(row.incident, row.monitor, blockers), recovering_words(row.monitor)]
        if row.monitor.id in restless and not notes[0]:
            notes.append("Comes and goes")
        if any(notes):
            found[row.monitor.id] = ". ".join(filter(None, notes))
    return found


def held_words(incident: Incident, monitor: Monitor) -> str:
    """Say why nobody is told of an open incident for now; empty if that is not so."""
    if incident.held == Held.FAILURES:
        needed = patience_of(monitor).words()
        return f"Nobody is told before {needed}. A success that does not come counts as one."
    if incident.held == Held.FLAPPING:
        return f"It comes and goes. Nobody is told again unless it stays in trouble for {STEADY}."
    if incident.held == Held.FOLDED:
        return "It is told together with others that fell silent for the same cause."
    return ""


def recovering_words(monitor: Monitor) -> str:
    """Say how far it is on its way back: "1 of 3 successes"; empty if it is not."""
    if not monitor.recovering:
        return ""
    return f"{monitor.recovering} of {monitor.successes_needed} successes"


def patience_of(monitor: Monitor) -> Patience:
    """Return how many failures it takes before people are told."""
    return Patience(monitor.failures_needed, monitor.failures_of)


def _held(incident: Incident | None, monitor: Monitor, blockers: Mapping[int, str]) -> str:
    if incident is None or incident.held is None:
        return ""
    if incident.held == Held.BLOCKED:
        blocker = blockers.get(incident.blocked_by_id or 0)
        return f"Blocked by {blocker}" if blocker else "Blocked"
    if incident.held == Held.FAILURES:
        return f"Not told before {patience_of(monitor).words()}"
    if incident.held == Held.FLAPPING:
        return "Comes and goes: not told unless it lasts"
    return "Told together with others" if incident.held == Held.FOLDED else ""
