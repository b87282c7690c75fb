"""What a ping calls its monitor: a key, an old key, or a name that may not be there yet."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind
from earlywatch.domain.plans import PLANS, PlanName
from earlywatch.domain.schedule import Cron
from earlywatch.models import Monitor, Workspace
from earlywatch.services.incoming import ByName, NotCreated, Outcome, Wish
from earlywatch.services.monitors import channels_of
from earlywatch.services.pings import record
from tests.builders import make_channel, make_monitor, make_workspace
from tests.services.pinging import DAILY, incidents, ping, stored

SUCCESS, FAIL, LOG = PingKind.SUCCESS, PingKind.FAIL, PingKind.LOG
SECOND = timedelta(seconds=1)
OLD_KEY = "o" * 22


def by_name(workspace: Workspace, slug: str = "backup") -> ByName:
    return ByName(workspace.ping_key, slug)


def named(session: Session, workspace: Workspace) -> list[Monitor]:
    return list(
        session.scalars(select(Monitor).filter_by(workspace_id=workspace.id, slug="backup"))
    )


def test_a_monitor_is_found_by_its_name(session: Session, now: datetime) -> None:
    monitor = make_monitor(session, slug="backup")
    make_monitor(session, slug="backup")  # of another workspace
    workspace = session.get_one(Workspace, monitor.workspace_id)

    assert record(session, [ping(by_name(workspace), SUCCESS, now)], now) == [Outcome.RECORDED]

    [kept] = stored(session, monitor)
    assert not kept.old_key


def test_names_that_nobody_has_are_unknown(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    make_monitor(session, workspace, slug="backup")
    names = [by_name(workspace, "other"), ByName("x" * 22, "backup")]

    assert record(session, [ping(name, SUCCESS, now) for name in names], now) == [
        Outcome.UNKNOWN,
        Outcome.UNKNOWN,
    ]


def test_a_name_that_several_have_is_ambiguous(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    monitors = [make_monitor(session, workspace, slug="backup") for _ in range(3)]
    single = make_monitor(session, workspace, slug="single")
    batch = [
        ping(by_name(workspace), SUCCESS, now, wish=DAILY),
        ping(by_name(workspace, "single"), SUCCESS, now),
        ping(monitors[0], SUCCESS, now),
    ]

    outcomes = record(session, batch, now)

    assert outcomes == [Outcome.AMBIGUOUS, Outcome.RECORDED, Outcome.RECORDED]
    assert [len(stored(session, each)) for each in (*monitors, single)] == [1, 0, 0, 1]


def test_all_names_of_one_monitor_are_applied_in_their_order(
    session: Session, now: datetime
) -> None:
    old = uuid4()
    monitor = make_monitor(session, slug="backup", old_ping_key=old, old_key_until=now + 9 * SECOND)
    workspace = session.get_one(Workspace, monitor.workspace_id)
    told: list[tuple[Monitor | UUID | ByName, PingKind]]
    told = [(old, FAIL), (by_name(workspace), SUCCESS), (monitor, FAIL), (old, SUCCESS)]
    batch = [ping(whom, kind, now + n * SECOND) for n, (whom, kind) in enumerate(told)]

    assert record(session, batch, now) == [Outcome.RECORDED] * 4

    kept = [(each.kind, each.old_key) for each in stored(session, monitor)]
    assert kept == [("fail", True), ("success", False), ("fail", False), ("success", True)]
    assert [each.opened_at for each in incidents(session, monitor)] == [now, now + 2 * SECOND]
    session.refresh(monitor)
    assert (monitor.status, monitor.last_ping_at) == ("up", now + 3 * SECOND)


@pytest.mark.parametrize(
    ("until", "outcome"),
    [(SECOND, Outcome.RECORDED), (0 * SECOND, Outcome.UNKNOWN), (None, Outcome.UNKNOWN)],
)
def test_an_old_key_works_until_its_end(
    session: Session, now: datetime, until: timedelta | None, outcome: Outcome
) -> None:
    old, end = uuid4(), None if until is None else now + until
    monitor = make_monitor(session, slug="backup", old_ping_key=old, old_key_until=end)
    workspace = session.get_one(Workspace, monitor.workspace_id)
    workspace.old_ping_key, workspace.old_key_until = OLD_KEY, end
    session.flush()
    names: list[UUID | ByName] = [old, ByName(OLD_KEY, "backup")]

    assert record(session, [ping(name, LOG, now) for name in names], now) == [outcome] * 2

    assert [kept.old_key for kept in stored(session, monitor)] == (
        [True, True] if outcome is Outcome.RECORDED else []
    )


def test_a_ping_makes_the_monitor_it_wishes_for(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    channel = make_channel(session, workspace)
    wish = Wish(Cron("30 3 * * *", "Europe/Berlin"), timedelta(minutes=5), "Europe/Berlin")
    batch = [ping(by_name(workspace), kind, now, wish=wish) for kind in (SUCCESS, LOG)]

    assert record(session, batch, now) == [Outcome.CREATED, Outcome.RECORDED]

    [made] = named(session, workspace)
    assert (made.name, made.slug, made.status) == ("backup", "backup", "up")
    assert (made.schedule, made.grace) == (wish.schedule, wish.grace)
    assert made.expected_at == datetime.fromisoformat("2026-11-21T02:30:00Z")
    assert channels_of(session, made) == [channel]
    assert [kept.kind for kept in stored(session, made)] == ["success", "log"]
    assert record(session, batch, now) == [Outcome.RECORDED] * 2


def test_a_failure_can_make_its_monitor(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)

    told = record(session, [ping(by_name(workspace), FAIL, now, wish=DAILY)], now)

    [made] = named(session, workspace)
    assert (told, made.status) == ([Outcome.CREATED], "failed")
    assert len(incidents(session, made)) == 1


def test_a_preview_of_a_link_makes_no_monitor(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    bot = ping(by_name(workspace), SUCCESS, now, wish=DAILY, preview=True)

    assert record(session, [bot], now) == [Outcome.UNKNOWN]
    assert named(session, workspace) == []


def test_where_it_is_switched_off_no_ping_makes_a_monitor(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    workspace.create_by_ping = False
    session.flush()
    wishing, plain = (ping(by_name(workspace), SUCCESS, now, wish=wish) for wish in (DAILY, None))

    [refused, unknown] = record(session, [wishing, plain], now)

    assert isinstance(refused, NotCreated)
    assert refused.words == "No monitor has this name, and in this workspace pings make none."
    assert unknown is Outcome.UNKNOWN
    assert named(session, workspace) == []


def test_an_old_key_of_the_workspace_makes_monitors_until_its_end(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)
    workspace.old_ping_key, workspace.old_key_until = OLD_KEY, now + SECOND
    session.flush()
    late, early = (
        ping(ByName(OLD_KEY, "backup"), SUCCESS, at, wish=DAILY) for at in (now + SECOND, now)
    )

    assert record(session, [late, early], now) == [Outcome.UNKNOWN, Outcome.CREATED]


def test_a_full_plan_refuses_one_monitor_and_no_other_ping(session: Session, now: datetime) -> None:
    full = make_workspace(session, plan=PlanName.FREE)
    count = PLANS[PlanName.FREE].monitors
    assert count is not None
    there = [make_monitor(session, full) for _ in range(count - 1)]
    free = make_workspace(session)
    names = [by_name(full, "first"), by_name(full, "second"), by_name(free)]
    wishes = [ping(name, SUCCESS, now, wish=DAILY) for name in names]

    outcomes = record(session, [ping(there[0], SUCCESS, now), *wishes], now)

    made, refused, other = outcomes[1:]
    assert (outcomes[0], made, other) == (Outcome.RECORDED, Outcome.CREATED, Outcome.CREATED)
    assert isinstance(refused, NotCreated)
    assert refused.words.startswith("Your plan, Free, watches ")


def test_a_wish_for_what_is_there_changes_nothing(session: Session, now: datetime) -> None:
    monitor = make_monitor(session, slug="backup")
    workspace = session.get_one(Workspace, monitor.workspace_id)
    before = monitor.schedule

    told = record(session, [ping(by_name(workspace), SUCCESS, now, wish=DAILY)], now)

    session.refresh(monitor)
    assert (told, monitor.schedule) == ([Outcome.RECORDED], before)
