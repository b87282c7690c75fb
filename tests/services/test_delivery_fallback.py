"""What did not arrive is told elsewhere: once, and in time."""

from datetime import datetime, timedelta

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy.orm import Session

from earlywatch.channels.registry import Doors
from earlywatch.domain.alert import AlertKind
from earlywatch.models import BillingMail, Channel, Delivery, Workspace
from earlywatch.services import fallbacks
from earlywatch.services.links import Links
from tests.builders import (
    make_account,
    make_channel,
    make_delivery,
    make_incident,
    make_monitor,
    make_workspace,
)
from tests.services.sending import attempt_all

SECOND = timedelta(seconds=1)
FIVE = timedelta(minutes=5)


@pytest.fixture
def workspace(session: Session) -> Workspace:
    """A workspace with a channel to fall back to."""
    workspace = make_workspace(session, make_account(session, "owner@example.org"))
    fallback = make_channel(session, workspace, name="fallback")
    workspace.fallback_channel_id = fallback.id
    session.flush()
    return workspace


def alert(session: Session, workspace: Workspace, now: datetime, **columns: object) -> Delivery:
    """An alert of an open incident, as the planner queues it."""
    monitor = make_monitor(session, workspace, status="late")
    channel = columns.pop("channel", None) or make_channel(session, workspace)
    kind = columns.pop("kind", AlertKind.OPENED)
    incident = make_incident(session, monitor, opened_at=now)
    values = {"workspace_id": workspace.id, "due_at": now, **columns}
    return make_delivery(session, channel, incident, kind, now=now, **values)  # type: ignore[arg-type]


def told_instead(session: Session, delivery: Delivery) -> list[Delivery]:
    """The deliveries that say what this one could not."""
    return session.query(Delivery).filter_by(fallback_for_id=delivery.id).all()


def test_what_did_not_arrive_in_time_is_told_elsewhere_once(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    late = alert(session, workspace, now, urgent=True)

    assert fallbacks.fall_back(session, now + FIVE - SECOND) == 0
    assert fallbacks.fall_back(session, now + FIVE) == 1
    assert fallbacks.fall_back(session, now + 2 * FIVE) == 0

    [instead] = told_instead(session, late)
    assert instead.channel_id == workspace.fallback_channel_id
    assert (instead.alert, instead.incident_id, instead.urgent) == (
        "opened",
        late.incident_id,
        True,
    )
    assert instead.due_at == now + FIVE
    assert fallbacks.fall_back(session, now + 9 * FIVE) == 0, "a fallback has no fallback"


def test_what_arrived_is_not_told_elsewhere(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    alert(session, workspace, now, state="sent", sent_at=now)
    alert(session, workspace, now, state="merged")
    alert(session, workspace, now, state="gathered")

    assert fallbacks.fall_back(session, now + FIVE) == 0


@pytest.mark.parametrize("kind", [AlertKind.RESOLVED, AlertKind.TEST])
def test_ends_and_tests_are_not_told_elsewhere(
    session: Session, workspace: Workspace, now: datetime, kind: AlertKind
) -> None:
    if kind is AlertKind.TEST:
        channel = make_channel(session, workspace)
        make_delivery(session, channel, workspace_id=workspace.id, due_at=now)
    else:
        alert(session, workspace, now, kind=kind)

    assert fallbacks.fall_back(session, now + FIVE) == 0


def test_what_waits_for_the_end_of_quiet_hours_is_not_late(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    alert(session, workspace, now, due_at=now + FIVE, next_attempt_at=now + FIVE)

    assert fallbacks.fall_back(session, now + 2 * FIVE - SECOND) == 0
    assert fallbacks.fall_back(session, now + 2 * FIVE) == 1


def test_a_refusal_for_good_is_told_elsewhere_at_once_and_the_owner_hears_of_it(
    session: Session,
    workspace: Workspace,
    links: Links,
    doors: Doors,
    now: datetime,
    httpserver: HTTPServer,
) -> None:
    httpserver.expect_request("/hook").respond_with_data("gone", status=410)
    config = {"webhook_url": httpserver.url_for("/hook")}
    channel = make_channel(session, workspace, kind="slack", config=config, name="team chat")
    first = alert(session, workspace, now, channel=channel)
    second = alert(session, workspace, now, channel=channel)

    outcomes = attempt_all(session, links, doors, now)

    session.refresh(channel)
    assert channel.broken_at == now
    assert [outcome.sent for outcome in outcomes].count(True) == 2, "the fallback and a notice"
    [instead] = told_instead(session, first)
    assert instead.state == "sent"
    [notice] = session.query(Delivery).filter_by(alert="notice")
    assert (notice.channel_id, notice.state) == (workspace.fallback_channel_id, "sent")
    assert "team chat" in (notice.words or {})["subject"]
    [mail] = session.query(BillingMail)
    assert (mail.address, mail.kind) == ("owner@example.org", "channel_broken")
    session.refresh(second)
    assert second.state == "pending", "it waits for the channel to work again"


def test_the_owner_is_told_through_any_other_channel_where_there_is_no_fallback(
    session: Session, links: Links, doors: Doors, now: datetime, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("gone", status=410)
    config = {"webhook_url": httpserver.url_for("/hook")}
    workspace = make_workspace(session)
    make_channel(session, workspace, verified=False)
    other = make_channel(session, workspace)
    broken = make_channel(session, workspace, kind="slack", config=config)
    make_delivery(session, broken)

    attempt_all(session, links, doors, now)

    [notice] = session.query(Delivery).filter_by(alert="notice")
    assert notice.channel_id == other.id


def test_a_workspace_with_one_channel_hears_by_mail_alone(
    session: Session, links: Links, doors: Doors, now: datetime, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("gone", status=410)
    config = {"webhook_url": httpserver.url_for("/hook")}
    make_delivery(session, make_channel(session, kind="slack", config=config))

    attempt_all(session, links, doors, now)

    assert session.query(Delivery).filter_by(alert="notice").count() == 0
    [mail] = session.query(BillingMail)
    assert mail.letter["buttons"] == [["channels", "Open the channels"]]


def test_nobody_is_told_twice_of_the_same_by_two_channels_that_failed(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    first = alert(session, workspace, now)
    channel = make_channel(session, workspace)
    incident_id = first.incident_id
    columns = {"workspace_id": workspace.id, "due_at": now, "incident_id": incident_id}
    make_delivery(session, channel, first.incident, AlertKind.OPENED, now=now, **columns)

    assert fallbacks.fall_back(session, now + FIVE) == 2

    instead = session.query(Delivery).filter_by(channel_id=workspace.fallback_channel_id)
    assert instead.count() == 1


def test_what_was_called_off_is_not_told_elsewhere(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    called_off = alert(session, workspace, now, state="failed")
    assert called_off.incident is not None
    called_off.incident.resolved_at = now
    session.flush()

    assert fallbacks.fall_back(session, now + FIVE) == 0
    assert fallbacks.forget(session, now + FIVE) == 1


def test_what_seemed_to_be_sent_and_was_not_is_told_elsewhere(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    reported = alert(session, workspace, now, state="failed", sent_at=now)
    assert reported.incident is not None
    reported.incident.resolved_at = now
    session.flush()

    assert fallbacks.fall_back(session, now + SECOND) == 1


@pytest.mark.parametrize("state", ["broken_at", "unsubscribed_at"])
def test_a_fallback_that_does_not_work_is_waited_for(
    session: Session, workspace: Workspace, now: datetime, state: str
) -> None:
    late = alert(session, workspace, now)
    fallback = session.get_one(Channel, workspace.fallback_channel_id)
    setattr(fallback, state, now)
    session.flush()

    assert fallbacks.fall_back(session, now + FIVE) == 0

    setattr(fallback, state, None)
    session.flush()
    assert fallbacks.fall_back(session, now + 2 * FIVE) == 1
    assert told_instead(session, late)


def test_what_failed_a_moment_ago_is_not_forgotten(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    alert(session, workspace, now, state="failed")
    make_delivery(session, workspace_id=workspace.id, due_at=now, state="failed")

    assert fallbacks.forget(session, now) == 1, "the test message alone"
    assert fallbacks.fall_back(session, now) == 1


@pytest.mark.parametrize("column", ["acknowledged_at", "snoozed_until"])
def test_what_somebody_takes_care_of_is_not_told_elsewhere(
    session: Session, workspace: Workspace, now: datetime, column: str
) -> None:
    late = alert(session, workspace, now)
    setattr(late.incident, column, now + FIVE + SECOND)
    session.flush()

    assert fallbacks.fall_back(session, now + FIVE) == 0

    setattr(late.incident, column, None)
    session.flush()
    assert fallbacks.fall_back(session, now + 2 * FIVE) == 1
