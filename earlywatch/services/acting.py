"""What people do about an incident: acknowledge it, or be left in peace for a while.

Incidents that are told of together are acted on together.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from earlywatch.errors import EarlywatchError, NotFound
from earlywatch.models import Incident, IncidentAct, Monitor
from earlywatch.models.incident import Held
from earlywatch.models.incident_act import Deed
from earlywatch.services import aside, incidents

NOTHING = timedelta(0)


class IsOver(EarlywatchError):
    """The incident has ended: there is nothing to acknowledge any more."""


def acknowledge(session: Session, incident_id: int, by: str, now: datetime) -> Incident:
    """End steps and reminders of an incident at `now` (UTC): `by` takes care of it.

    Whoever acknowledged first stays named. Raises NotFound and IsOver.
    """
    asked, open_ones = _lock_open(session, incident_id)
    for incident in open_ones:
        if incident.acknowledged_at is None:
            _end_rest(incident, now)
            incident.acknowledged_at, incident.acknowledged_by = now, by
            _note(session, incident, Deed.ACKNOWLEDGED, by, now)
        incident.next_step_at = None
    _tell_pages(session, asked)
    return asked


def unacknowledge(session: Session, incident_id: int, by: str, now: datetime) -> Incident:
    """Let steps and reminders go on from where they were, whatever stopped them.

    Raises NotFound and IsOver.
    """
    asked, open_ones = _lock_open(session, incident_id)
    for incident in open_ones:
        if incident.acknowledged_at is None and incident.snoozed_until is None:
            continue
        _end_rest(incident, now)
        _look_again(incident, now)
        aside.put_back(session, incident.id, now)
        _note(session, incident, Deed.UNDONE, by, now)
    _tell_pages(session, asked)
    return asked


def snooze(session: Session, incident_id: int, until: datetime, by: str, now: datetime) -> Incident:
    """Tell nobody of an incident until a moment (UTC); then a reminder goes out.

    Steps wait for as long. Raises NotFound and IsOver.
    """
    until = max(until, now)
    asked, open_ones = _lock_open(session, incident_id)
    for incident in open_ones:
        _end_rest(incident, now)
        incident.snoozed_until, incident.snoozed_by = until, by
        _move_steps(incident, until - now)
        _look_again(incident, until)
        _note(session, incident, Deed.SNOOZED, by, now, until)
    _tell_pages(session, asked)
    return asked


def snooze_until_back(session: Session, incident_id: int, by: str, now: datetime) -> Incident:
    """Tell nobody of an incident before it is over: it is acknowledged, in effect.

    Raises NotFound and IsOver.
    """
    asked, open_ones = _lock_open(session, incident_id)
    for incident in open_ones:
        if incident.acknowledged_at is None:
            _end_rest(incident, now)
            incident.acknowledged_at, incident.acknowledged_by = now, by
        incident.snoozed_by = by
        incident.next_step_at = None
        _note(session, incident, Deed.SNOOZED, by, now)
    _tell_pages(session, asked)
    return asked


def _lock_open(session: Session, incident_id: int) -> tuple[Incident, Sequence[Incident]]:
    """Hold the open ones among an incident and those told of together with it, by id."""
    of_asked = select(Incident.fold_id).where(Incident.id == incident_id)
    fold_id = of_asked.correlate(None).scalar_subquery()
    query = (
        select(Incident)
        .where(
            or_(Incident.id == incident_id, Incident.fold_id == fold_id),
            Incident.resolved_at.is_(None),
        )
        .order_by(Incident.id)
        .with_for_update()
    )
    found = session.scalars(query.execution_options(populate_existing=True)).all()
    asked = session.get(Incident, incident_id)
    if asked is None:
        raise NotFound("There is no such incident.")
    if not found:
        raise IsOver("This incident is over: nobody is told of it any more.")
    return asked, found


def _end_rest(incident: Incident, now: datetime) -> None:
    """Wake an incident: the steps go on as if the time of rest had not been."""
    if incident.acknowledged_at is not None:
        _move_steps(incident, now - incident.acknowledged_at)
    elif incident.snoozed_until is not None:
        _move_steps(incident, min(now - incident.snoozed_until, NOTHING))
    incident.acknowledged_at = incident.acknowledged_by = None
    incident.snoozed_until = incident.snoozed_by = None


def _move_steps(incident: Incident, length: timedelta) -> None:
    if incident.told_since is not None:
        incident.told_since += length


def _look_again(incident: Incident, at: datetime) -> None:
    """Let the telling go on then (UTC); of one that another tells of, that one decides."""
    if incident.held != Held.FOLDED:
        incident.next_step_at = at


def _note(
    session: Session,
    incident: Incident,
    deed: Deed,
    by: str,
    at: datetime,
    until: datetime | None = None,
) -> None:
    session.add(IncidentAct(incident_id=incident.id, deed=deed.value, at=at, by=by, until=until))


def _tell_pages(session: Session, incident: Incident) -> None:
    session.flush()  # whoever plans reads the rows themselves
    monitor = session.get_one(Monitor, incident.monitor_id)
    incidents.notify(session, monitor.workspace_id)
