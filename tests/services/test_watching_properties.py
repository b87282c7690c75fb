"""What holds for a workspace whatever its monitors and its plans were, and how many they are."""

from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from earlywatch.domain.plans import PLANS, PlanName
from earlywatch.models import Incident, Monitor
from earlywatch.services import detection, watching
from tests.builders import make_monitor, make_workspace
from tests.statements import statements

MINUTE = timedelta(minutes=1)
MONTHS = timedelta(days=90)
FREE = PLANS[PlanName.FREE].monitors or 0


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    monitors=st.lists(
        st.tuples(
            st.sampled_from(["up", "new", "late", "failed", "paused", "frozen"]),
            st.booleans(),  # keep
            st.none() | st.integers(0, 50),  # minutes since the last ping
        ),
        min_size=15,
        max_size=40,
    ),
    plans=st.lists(st.sampled_from(PlanName), min_size=1, max_size=4),
)
def test_whatever_the_plan_nothing_is_lost_and_the_chosen_are_watched(
    session: Session,
    now: datetime,
    monitors: list[tuple[str, bool, int | None]],
    plans: list[PlanName],
) -> None:
    workspace = make_workspace(session)
    made = [
        make_monitor(
            session,
            workspace,
            status=status,
            keep=keep,
            last_ping_at=None if minutes is None else now - minutes * MINUTE,
            deadline_at=now + MINUTE if status == "up" else None,
        )
        for status, keep, minutes in monitors
    ]
    paused = {m.id for m in made if m.status == "paused"}

    for number, plan in enumerate(plans):
        at = now + number * MONTHS
        detection.detect(session, at)
        session.expire_all()
        opened = session.scalar(select(func.count(Incident.id)))
        workspace.plan = plan.value
        watching.fit(session, workspace, at)
        detection.detect(session, at)
        session.expire_all()

        limit = PLANS[plan].monitors or len(made)
        watched = {m.id for m in made if m.status not in ("paused", "frozen")}
        kept = {m.id for m in made if m.keep and m.id not in paused}
        assert len(watched) == min(limit, len(made) - len(paused))
        assert kept <= watched if len(kept) <= limit else watched <= kept
        assert {m.id for m in made if m.status == "paused"} == paused
        assert session.scalar(select(func.count(Incident.id))) == opened


def test_five_thousand_monitors_are_fitted_in_a_fixed_number_of_queries(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    row = {
        "workspace_id": workspace.id, "schedule_kind": "cron", "expression": "*/5 * * * *",
        "time_zone": "Europe/Berlin", "grace": MINUTE, "created_at": now, "status": "up",
        "last_ping_at": now, "expected_at": now + MINUTE, "deadline_at": now + MINUTE,
    }  # fmt: skip
    key = func.gen_random_uuid()
    session.execute(
        insert(Monitor).values(ping_key=key), [{**row, "name": f"job {n}"} for n in range(5_000)]
    )

    with statements(session) as down:
        fitted = watching.fit(session, workspace, now)
    workspace.plan = PlanName.BUSINESS.value
    with statements(session) as up:
        thawed = watching.fit(session, workspace, now + MONTHS)

    assert len(fitted.frozen) == len(thawed.thawed) == 5_000 - FREE
    assert len(down) < 10
    assert len(up) < 10
