"""Whatever people do about incidents: whoever is open and not held has been told of, or will be."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.escalation import Plan, Step
from earlywatch.domain.windows import Once, Window
from earlywatch.models import Incident, Monitor
from earlywatch.services import acting, maintenance_edits, monitors, policies
from earlywatch.services.maintenance_edits import MaintenanceValues
from earlywatch.services.policies import PolicyValues
from tests.builders import NOW, make_channel, make_workspace
from tests.services.folds import (
    HOUR,
    MINUTE,
    SECOND,
    back,
    make_late,
    mark_sent,
    open_all,
    open_one,
    pause,
    tick,
    untold,
)
from tests.undone import undone

LATEST = 30  # minutes after which the last step comes
WHO = "anna@example.org"
waits = st.sets(st.sampled_from([0, 1, 5, LATEST]), min_size=1).map(sorted)
events = st.one_of(
    st.tuples(st.just("late"), st.integers(1, 4)),
    st.tuples(st.sampled_from(["back", "pause", "delete"]), st.integers(0, 9)),
    st.tuples(st.sampled_from(["acknowledge", "undo", "snooze"]), st.integers(0, 9)),
    st.tuples(st.sampled_from(["new_policy", "edit_policy"]), waits),
    st.tuples(st.sampled_from(["delete_policy", "window", "send"]), st.just(0)),
    st.tuples(st.just("wait"), st.sampled_from([8, 601, 3_601])),
)


class Story:
    """A workspace that folds, and what happens in it."""

    def __init__(self, session: Session) -> None:
        self.session, self.now = session, NOW
        self.workspace = make_workspace(session)
        self.channels = [make_channel(session, self.workspace) for _ in range(2)]
        self.late: list[Monitor] = []

    def happens(self, what: str, about: Any) -> None:
        """Let something happen; one round of planning follows."""
        self.now += SECOND
        if what == "late":
            make = (self.session, self.workspace, self.channels[:1], "192.0.2.7")
            fresh = [make_late(*make, at=self.now) for _ in range(about)]
            open_all(self.session, fresh, self.now)
            self.late += fresh
        elif what == "wait":
            self.now += timedelta(seconds=about)
        elif what == "send":
            mark_sent(self.session, self.now)
        elif what == "window":
            window = MaintenanceValues("upgrade", Window(Once(self.now, "UTC"), HOUR))
            maintenance_edits.create_window(self.session, self.workspace, window, self.now)
        elif what.endswith("_policy"):
            self._decide(what, about)
        elif self.late:
            self._act(what, about)
        self.session.expire_all()
        tick(self.session, self.now)

    def _decide(self, what: str, waits: Sequence[int] | int) -> None:
        found = policies.list_policies(self.session, self.workspace)
        if what == "delete_policy":
            if found:
                policies.delete_policy(self.session, self.workspace, found[0].id)
            return
        assert not isinstance(waits, int)
        ids = tuple(each.id for each in self.channels)
        steps = tuple(Step(after * MINUTE, after == waits[0], ids) for after in waits)
        values = PolicyValues("on call", Plan(steps, HOUR))
        if what == "edit_policy" and found:
            policies.edit_policy(self.session, self.workspace, found[0].id, values)
        elif what == "new_policy":
            policies.create_policy(self.session, self.workspace, values, self.now)

    def _act(self, what: str, about: int) -> None:
        monitor = self.late[about % len(self.late)]
        incident_id = open_one(self.session, monitor).id
        acts: dict[str, Callable[[], object]] = {
            "acknowledge": lambda: acting.acknowledge(self.session, incident_id, WHO, self.now),
            "undo": lambda: acting.unacknowledge(self.session, incident_id, WHO, self.now),
            "snooze": lambda: acting.snooze(
                self.session, incident_id, self.now + HOUR, WHO, self.now
            ),
            "back": lambda: back(self.session, monitor, self.now),
            "pause": lambda: pause(self.session, monitor, self.now),
            "delete": lambda: monitors.delete_monitor(
                self.session, self.workspace, monitor.id, self.now
            ),
        }
        acts[what]()
        if what in ("back", "pause", "delete"):
            self.late.remove(monitor)

    def forgotten(self) -> list[Incident]:
        """Who should have been told of, and never will be or much too late."""
        query = select(Incident).where(Incident.resolved_at.is_(None))
        lasting = self.session.scalars(query.execution_options(populate_existing=True)).all()
        leads = {each.fold_id: each for each in lasting if each.fold_id and each.held != "folded"}
        rest = {each.id for each in untold(self.session)}
        return [
            each
            for each in lasting
            if each.id in rest
            and each.acknowledged_at is None
            and not self._comes(leads.get(each.fold_id or 0, each))
        ]

    def _comes(self, incident: Incident) -> bool:
        latest = self.now + (HOUR if incident.held else LATEST * MINUTE)
        latest = max(latest, incident.snoozed_until or latest)
        return incident.next_step_at is not None and incident.next_step_at <= latest


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.booleans(), st.lists(events, min_size=4, max_size=12))
def test_nobody_is_forgotten(app: Flask, held: bool, events: list[tuple[str, Any]]) -> None:
    with undone(app) as session:
        story = Story(session)
        begin = [("window", 0), ("late", 1)] if held else [("late", 1), ("send", 0), ("late", 3)]
        for what, about in [*begin, *events]:
            story.happens(what, about)
            assert not story.forgotten()
