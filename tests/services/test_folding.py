"""Many monitors that fall silent for the same cause become one alert, and one end."""

from datetime import datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import Cause
from earlywatch.models import Channel, Fold, Workspace
from earlywatch.services import acting
from earlywatch.services.links import Links
from tests.builders import make_channel, make_incident, make_workspace
from tests.services.folds import (
    HOUR,
    MINUTE,
    SECOND,
    deliveries,
    make_late,
    mark_sent,
    open_all,
    open_one,
    tick,
    told,
    untold,
)
from tests.services.sending import compose
from tests.services.tellings import make_policy

HOST = "192.0.2.7"


@pytest.fixture
def workspace(session: Session) -> Workspace:
    return make_workspace(session)


@pytest.fixture
def channel(session: Session, workspace: Workspace) -> Channel:
    return make_channel(session, workspace)


def folds(session: Session) -> list[Fold]:
    query = select(Fold).order_by(Fold.id).execution_options(populate_existing=True)
    return list(session.scalars(query))


def test_three_of_one_host_become_one_alert_that_lists_them(
    session: Session, workspace: Workspace, channel: Channel, now: datetime, links: Links
) -> None:
    late = [make_late(session, workspace, [channel], HOST, name=f"job {n}") for n in range(3)]

    first, *others = open_all(session, late)

    [delivery] = deliveries(session)
    assert delivery.incident_id == first.id
    alert = compose(session, delivery.id, links, now).alert
    assert [each.monitor_name for each in alert.folded] == ["job 0", "job 1", "job 2"]
    assert alert.shared == "the host 192.0.2.7"
    assert [(each.held, each.next_step_at, each.step) for each in others] == [
        ("folded", None, 1)
    ] * 2


@pytest.mark.parametrize(
    ("tags", "addresses", "shared"),
    [
        ([["db"], ["db", "x"], ["y", "db"]], [None] * 3, "the tag db"),
        ([[]] * 3, ["192.0.2.1", "192.0.2.2", "192.0.2.3"], "the network 192.0.2.0/24"),
        ([[]] * 3, ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:3"], "the host 2001:db8::/64"),
        ([["db"]] * 3, [HOST] * 3, "the host 192.0.2.7"),
    ],
)
def test_what_is_shared_is_said(
    session: Session,
    workspace: Workspace,
    channel: Channel,
    tags: list[list[str]],
    addresses: list[str | None],
    shared: str,
) -> None:
    late = [
        make_late(session, workspace, [channel], address, tags=own)
        for own, address in zip(tags, addresses, strict=True)
    ]

    open_all(session, late)

    [fold] = folds(session)
    assert fold.shared == shared


def test_two_are_told_each_on_its_own(
    session: Session, workspace: Workspace, channel: Channel
) -> None:
    open_all(session, [make_late(session, workspace, [channel], HOST) for _ in range(2)])

    assert len(deliveries(session)) == 2
    assert not folds(session)


def test_a_workspace_that_does_not_want_it_gets_one_alert_each(
    session: Session, workspace: Workspace, channel: Channel
) -> None:
    workspace.fold_from = None
    session.flush()

    open_all(session, [make_late(session, workspace, [channel], HOST) for _ in range(5)])

    assert len(deliveries(session)) == 5


def test_failures_that_jobs_report_are_told_each_on_its_own(
    session: Session, workspace: Workspace, channel: Channel
) -> None:
    late = [make_late(session, workspace, [channel], HOST, status="failed") for _ in range(4)]

    open_all(session, late, cause=Cause.FAILED)

    assert len(deliveries(session)) == 4


def test_who_tells_others_is_told_apart(
    session: Session, workspace: Workspace, channel: Channel
) -> None:
    other = make_channel(session, workspace)
    late = [make_late(session, workspace, [channel], HOST) for _ in range(3)]
    theirs = [make_late(session, workspace, [other], HOST) for _ in range(2)]
    urgent = make_late(session, workspace, [channel], HOST, urgent=True)

    open_all(session, [*late, *theirs, urgent])

    assert len(folds(session)) == 1
    assert len(deliveries(session)) == 4
    assert not untold(session)


def test_the_third_within_a_minute_takes_the_two_before_along(
    session: Session, workspace: Workspace, channel: Channel, now: datetime
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(3)]
    for n, monitor in enumerate(late):
        open_all(session, [monitor], now + n * 20 * SECOND)

    one, two, three = (open_one(session, monitor) for monitor in late)

    assert told(session) == [(each.id, "opened", 0) for each in (one, two, three)]
    assert one.fold_id == two.fold_id == three.fold_id is not None
    assert [one.held, two.held, three.held] == ["folded", "folded", None]


def test_one_whose_step_is_due_when_others_take_it_along_follows(
    session: Session, workspace: Workspace, channel: Channel, now: datetime
) -> None:
    boss = make_channel(session, workspace)
    policy = make_policy(session, workspace, (0, [channel]), (1, [boss]), repeat_every=HOUR)
    policy.steps[1].after = 30 * SECOND
    late = [make_late(session, workspace, [channel], HOST) for _ in range(3)]
    open_all(session, late[:2], now)
    make_incident(session, late[2], opened_at=now, next_step_at=now + 30 * SECOND)

    tick(session, now + 30 * SECOND)

    found = [open_one(session, monitor) for monitor in late]
    assert [each.held for each in found] == ["folded", "folded", None]
    assert [each.next_step_at for each in found] == [None, None, now + MINUTE]
    assert [each.step for each in found] == [2, 2, 1]  # what was due is told all the same


def test_a_minute_later_it_is_another_trouble(
    session: Session, workspace: Workspace, channel: Channel, now: datetime
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(3)]
    open_all(session, late[:2], now)
    open_all(session, late[2:], now + 61 * SECOND)

    assert not folds(session)
    assert len(deliveries(session)) == 3


def test_later_ones_are_told_of_in_one_more_alert(
    session: Session, workspace: Workspace, channel: Channel, now: datetime
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(6)]
    first = open_all(session, late[:3], now)[0]
    mark_sent(session, now)

    open_all(session, late[3:4], now + 5 * MINUTE)
    open_all(session, late[4:], now + 5 * MINUTE + 8 * SECOND)

    assert told(session) == [(first.id, "opened", 0), (first.id, "opened", 1)]
    assert deliveries(session)[1].next_attempt_at == now + 5 * MINUTE + 10 * SECOND
    assert {open_one(session, each).fold_id for each in late} == {folds(session)[0].id}


def test_what_nobody_has_sent_yet_tells_of_later_ones_too(
    session: Session, workspace: Workspace, channel: Channel, now: datetime
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(4)]
    open_all(session, late[:3], now)

    open_all(session, late[3:], now + 5 * MINUTE)

    assert len(deliveries(session)) == 1
    assert not untold(session)


def test_ten_minutes_after_the_last_one_nothing_joins_any_more(
    session: Session, workspace: Workspace, channel: Channel, now: datetime
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(4)]
    open_all(session, late[:3], now)

    [alone] = open_all(session, late[3:], now + 10 * MINUTE + SECOND)

    assert alone.fold_id is None
    assert told(session)[-1] == (alone.id, "opened", 0)


def test_what_somebody_takes_care_of_is_not_added_to(
    session: Session, workspace: Workspace, channel: Channel, now: datetime
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(4)]
    first = open_all(session, late[:3], now)[0]
    acting.acknowledge(session, first.id, "anna@example.org", now + SECOND)

    [alone] = open_all(session, late[3:], now + MINUTE)

    assert told(session)[-1] == (alone.id, "opened", 0)


def test_a_monitor_that_never_pinged_and_has_no_tag_shares_nothing(
    session: Session, workspace: Workspace, channel: Channel
) -> None:
    open_all(session, [make_late(session, workspace, [channel]) for _ in range(3)])

    assert len(deliveries(session)) == 3


def test_another_workspace_is_another_matter(session: Session, now: datetime) -> None:
    for _ in range(3):
        workspace = make_workspace(session)
        channel = make_channel(session, workspace)
        open_all(session, [make_late(session, workspace, [channel], HOST)], now)

    assert len(deliveries(session)) == 3


def test_while_another_process_folds_the_same_the_next_round_does(
    session: Session, workspace: Workspace, channel: Channel, now: datetime, database_url: str
) -> None:
    late = [make_late(session, workspace, [channel], HOST) for _ in range(3)]
    locked = {"id": workspace.id}
    other = session.get_bind().engine.connect()
    other.execute(text("SELECT pg_advisory_lock(1179601988, CAST(:id AS int))"), locked)

    open_all(session, late, now)
    waiting = told(session)
    other.execute(text("SELECT pg_advisory_unlock(1179601988, CAST(:id AS int))"), locked)
    other.close()
    tick(session, now + SECOND)

    assert waiting == []
    assert len(deliveries(session)) == 1
    assert open_one(session, late[0]).told_since == now + SECOND
