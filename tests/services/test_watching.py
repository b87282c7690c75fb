"""Bringing a workspace within its plan: what is frozen, what thaws, and what the owner chooses."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from earlywatch.domain.plans import PLANS, PlanName
from earlywatch.errors import NotFound
from earlywatch.models import Delivery, Incident, Monitor, Workspace
from earlywatch.services import monitors, watching
from earlywatch.services.watching import TooManyChosen
from tests.builders import (
    make_channel,
    make_delivery,
    make_incident,
    make_monitor,
    make_workspace,
)

MINUTE = timedelta(minutes=1)
MONTHS = timedelta(days=90)
FREE = PLANS[PlanName.FREE].monitors or 0


def make_monitors(
    session: Session, workspace: Workspace, count: int, now: datetime, **columns: object
) -> list[Monitor]:
    """Up monitors whose last pings are a minute apart, the newest first."""
    return [
        make_monitor(
            session,
            workspace,
            f"job {number}",
            **{  # type: ignore[arg-type]
                "status": "up",
                "last_ping_at": now - number * MINUTE,
                "expected_at": now + MINUTE,
                "deadline_at": now + MINUTE,
                **columns,
            },
        )
        for number in range(count)
    ]


def statuses(session: Session, workspace: Workspace) -> dict[str, int]:
    query = select(Monitor.status, func.count()).where(Monitor.workspace_id == workspace.id)
    return dict(session.execute(query.group_by(Monitor.status)).all())


def shrink(workspace: Workspace, plan: PlanName = PlanName.FREE) -> None:
    workspace.plan = plan.value


def test_on_a_smaller_plan_those_with_the_newest_pings_stay_watched(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    made = make_monitors(session, workspace, FREE + 2, now)
    silent = make_monitor(session, workspace, "never heard of")

    fitted = watching.fit(session, workspace, now)

    assert {m.name for m in fitted.frozen} == {"job 20", "job 21", "never heard of"}
    assert fitted.thawed == []
    assert {m.status for m in made[:FREE]} == {"up"}
    assert {(m.status, m.frozen_at, m.deadline_at) for m in fitted.frozen} == {
        ("frozen", now, None)
    }
    assert watching.count_watched(session, workspace.id) == FREE
    assert watching.count_frozen(session, workspace.id) == 3
    assert silent in fitted.frozen


def test_a_monitor_that_its_owner_paused_is_neither_counted_nor_frozen(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    make_monitors(session, workspace, FREE, now)
    paused = make_monitor(session, workspace, "paused", status="paused", keep=True)

    fitted = watching.fit(session, workspace, now)

    assert (fitted.frozen, fitted.thawed) == ([], [])
    assert paused.status == "paused"
    assert watching.count_watched(session, workspace.id) == FREE


def test_a_larger_plan_thaws_and_counts_from_now(session: Session, now: datetime) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    make_monitors(session, workspace, FREE + 2, now)
    watching.fit(session, workspace, now)

    shrink(workspace, PlanName.TEAM)
    fitted = watching.fit(session, workspace, now + MONTHS)

    assert [m.name for m in fitted.thawed] == ["job 20", "job 21"]
    assert {(m.status, m.frozen_at) for m in fitted.thawed} == {("up", None)}
    assert all(m.deadline_at and m.deadline_at > now + MONTHS for m in fitted.thawed)


def test_a_monitor_that_never_had_a_ping_thaws_to_wait_for_its_first(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)
    monitor = make_monitor(session, workspace, status="frozen", frozen_at=now)

    watching.fit(session, workspace, now)

    assert (monitor.status, monitor.deadline_at) == ("new", None)


def test_fitting_again_changes_nothing_though_the_frozen_ping_on(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    make_monitors(session, workspace, FREE + 2, now)
    for monitor in watching.fit(session, workspace, now).frozen:
        monitor.last_ping_at = now + MINUTE

    fitted = watching.fit(session, workspace, now + MINUTE)

    assert (fitted.frozen, fitted.thawed) == ([], [])


def test_a_free_place_goes_to_the_frozen_one_heard_of_last(session: Session, now: datetime) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    made = make_monitors(session, workspace, FREE + 2, now)
    watching.fit(session, workspace, now)

    monitors.pause_monitor(session, workspace, made[0].id, now)
    fitted = watching.fit(session, workspace, now)

    assert fitted.thawed == [made[FREE]]
    assert made[0].status == "paused"


def test_freezing_ends_an_incident_silently_and_says_why(session: Session, now: datetime) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    channel = make_channel(session, workspace)
    make_monitors(session, workspace, FREE, now)
    late = make_monitor(session, workspace, channels=[channel], status="late")
    incident = make_incident(session, late, opened_at=now - MINUTE)
    delivery = make_delivery(session, channel, incident)

    watching.fit(session, workspace, now)
    session.refresh(incident)
    session.refresh(delivery)

    assert incident.resolved_at == now
    assert (delivery.state, delivery.answer) == (
        "failed",
        "Not sent: the monitor was frozen first.",
    )
    assert session.scalars(select(Delivery)).all() == [delivery]


def test_freezing_settles_a_deadline_that_passed_unnoticed(session: Session, now: datetime) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    make_monitors(session, workspace, FREE, now)
    passed = now - MINUTE
    overdue = make_monitor(
        session, workspace, status="up", expected_at=passed, deadline_at=passed, grace=timedelta(0)
    )

    watching.fit(session, workspace, now)

    incident = session.scalars(select(Incident).where(Incident.monitor_id == overdue.id)).one()
    assert overdue.status == "frozen"
    assert (incident.opened_at, incident.resolved_at) == (passed, now)


def test_the_chosen_ones_stay_watched_and_the_rest_of_the_places_are_filled(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    made = make_monitors(session, workspace, FREE + 5, now)
    watching.fit(session, workspace, now)

    fitted = watching.choose(session, workspace, [m.id for m in made[-3:]], now)

    assert fitted.thawed == made[-3:]
    assert fitted.frozen == made[FREE - 3 : FREE]
    assert statuses(session, workspace) == {"up": FREE, "frozen": 5}


def test_what_is_chosen_takes_the_place_of_what_is_not(session: Session, now: datetime) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    made = make_monitors(session, workspace, FREE + 1, now)
    watching.fit(session, workspace, now)

    watching.choose(session, workspace, [m.id for m in made[1:]], now)

    assert (made[0].status, made[-1].status) == ("frozen", "up")
    assert [m.keep for m in made] == [False] + [True] * FREE


def test_choosing_more_than_the_plan_allows_is_refused_with_the_numbers(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    made = make_monitors(session, workspace, FREE + 3, now)

    with pytest.raises(TooManyChosen, match=r"chose 22 .* Free watches 20\. Untick 2 of them\.$"):
        watching.choose(session, workspace, [m.id for m in made[:22]], now)

    assert statuses(session, workspace) == {"up": FREE + 3}


def test_a_monitor_of_another_workspace_cannot_be_chosen(session: Session, now: datetime) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    foreign = make_monitor(session)

    with pytest.raises(NotFound):
        watching.choose(session, workspace, [foreign.id], now)


def test_a_choice_for_a_smaller_plan_waits_until_it_comes(session: Session, now: datetime) -> None:
    workspace = make_workspace(session, plan=PlanName.TEAM)
    made = make_monitors(session, workspace, FREE + 1, now)
    oldest = made[-1]

    watching.remember_choice(session, workspace, [oldest.id], PLANS[PlanName.FREE])
    before = watching.fit(session, workspace, now)
    shrink(workspace)
    after = watching.fit(session, workspace, now)

    assert before.frozen == []
    assert after.frozen == [made[FREE - 1]]


def test_what_would_be_frozen_is_told_by_name_and_changes_nothing(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session, plan=PlanName.TEAM)
    make_monitors(session, workspace, FREE + 2, now)
    made = {m.name: m for m in session.scalars(select(Monitor))}

    default = watching.would_freeze(session, workspace, FREE)
    chosen = watching.would_freeze(session, workspace, FREE, keep_ids=[made["job 21"].id])

    assert [m.name for m in default] == ["job 20", "job 21"]
    assert [m.name for m in chosen] == ["job 19", "job 20"]
    assert watching.would_freeze(session, workspace, None) == []
    assert statuses(session, workspace) == {"up": FREE + 2}


def test_what_is_frozen_already_is_not_told_again(session: Session, now: datetime) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    make_monitors(session, workspace, FREE, now)
    make_monitor(session, workspace, status="frozen")

    assert watching.would_freeze(session, workspace, FREE) == []


def test_a_choice_offers_all_but_the_paused_by_name(session: Session, now: datetime) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    make_monitor(session, workspace, "Zebra", last_ping_at=now)
    make_monitor(session, workspace, "ant", status="frozen", keep=True)
    make_monitor(session, workspace, "bear", status="paused")

    offered = watching.choice(session, workspace, 1)

    assert [m.name for m in offered.monitors] == ["ant", "Zebra"]
    assert offered.chosen == {offered.monitors[0].id}


def test_one_schedule_that_cannot_be_read_leaves_the_others_free_to_thaw(
    session: Session, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    workspace = make_workspace(session)
    broken = make_monitor(session, workspace, status="frozen", keep=True, last_ping_at=now)
    broken.schedule_kind, broken.period, broken.expression = "cron", None, "0 0 31 2 *"
    other = make_monitor(session, workspace, status="frozen", last_ping_at=now)

    fitted = watching.fit(session, workspace, now)

    assert fitted.thawed == [other]
    assert (broken.status, other.status) == ("frozen", "up")
    assert "monitor cannot be thawed" in caplog.text


def test_other_workspaces_are_left_alone(session: Session, now: datetime) -> None:
    workspace, other = make_workspace(session, plan=PlanName.FREE), make_workspace(session)
    make_monitors(session, workspace, FREE + 1, now)
    theirs = [*make_monitors(session, other, 1, now), make_monitor(session, other, status="frozen")]

    watching.fit(session, workspace, now)

    assert [m.status for m in theirs] == ["up", "frozen"]
