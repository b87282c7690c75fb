"""Whatever falls silent and comes back in whatever order: nobody's trouble is left untold."""

from datetime import timedelta

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.models import Fold, Incident, Monitor
from earlywatch.services import monitors
from tests.builders import NOW, make_channel, make_workspace
from tests.services.folds import (
    SECOND,
    back,
    deliveries,
    make_late,
    mark_sent,
    open_all,
    pause,
    tick,
    untold,
)
from tests.undone import undone

jobs = st.tuples(
    st.sampled_from([None, "192.0.2.7", "192.0.2.8", "2001:db8::7"]),
    st.sets(st.sampled_from(["db", "web"])).map(sorted),
    st.booleans(),  # urgent
    st.booleans(),  # tells another channel
)
events = st.one_of(
    st.tuples(st.just("late"), st.lists(jobs, min_size=1, max_size=6)),
    st.tuples(st.sampled_from(["back", "pause", "delete"]), st.integers(0, 9)),
    st.tuples(st.sampled_from(["send", "wait"]), st.sampled_from([1, 8, 61, 601])),
)


def has_open_incident(session: Session, monitor: Monitor) -> bool:
    query = select(Incident).filter_by(monitor_id=monitor.id, resolved_at=None)
    return session.scalar(query) is not None


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(events, max_size=9))
def test_every_open_incident_is_told_of(app: Flask, story: list[tuple[str, object]]) -> None:
    with undone(app) as session:
        workspace = make_workspace(session)
        one, other = make_channel(session, workspace), make_channel(session, workspace)
        known: list[Monitor] = []
        now = NOW
        for what, about in story:
            now += SECOND
            if what == "late":
                assert isinstance(about, list)
                fresh = [
                    make_late(
                        session,
                        workspace,
                        [one, other] if both else [one],
                        address,
                        at=now,
                        tags=tags,
                        urgent=urgent,
                    )
                    for address, tags, urgent, both in about
                ]
                open_all(session, fresh, now)
                known += fresh
            elif what == "send":
                mark_sent(session, now)
            elif what == "wait":
                assert isinstance(about, int)
                now += timedelta(seconds=about)
            elif known:
                assert isinstance(about, int)
                monitor = known.pop(about % len(known))
                if what == "delete":
                    monitors.delete_monitor(session, workspace, monitor.id, now)
                else:
                    (back if what == "back" else pause)(session, monitor, now)
            tick(session, now)
            assert not untold(session)
        all_of_it_ends(session, known)


def all_of_it_ends(session: Session, known: list[Monitor]) -> None:
    """What people were told of as trouble, they are told the end of, once."""
    mark_sent(session, NOW)
    for monitor in known:
        if has_open_incident(session, monitor):
            back(session, monitor, NOW + timedelta(days=1))
    tick(session, NOW + timedelta(days=1))

    assert not session.scalars(select(Fold).where(Fold.closed_at.is_(None))).all()
    waiting = select(Incident).where(
        Incident.resolved_at.is_not(None), Incident.next_step_at.is_not(None)
    )
    assert not session.scalars(waiting).all()
    ended = {each.incident_id for each in deliveries(session) if each.alert == "resolved"}
    for monitor in known:
        [incident] = session.scalars(select(Incident).filter_by(monitor_id=monitor.id))
        leads = incident.fold_id and session.get_one(Fold, incident.fold_id).first_id
        assert incident.id in ended or leads in ended
