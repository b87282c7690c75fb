"""Whose turn it is: workspaces take turns, urgent ones go before, nothing starves."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.models import Channel, Delivery
from earlywatch.services.queueing import APART, HEAD_START, Queued, queue
from tests.builders import NOW, make_channel, make_incident, make_monitor, make_workspace


def storm(session: Session, channel: Channel, count: int, *, urgent: bool = False) -> list[Queued]:
    """Alerts of so many incidents of the channel's workspace, due at NOW."""
    workspace_id = channel.workspace_id
    incidents = [
        make_incident(session, make_monitor(session, None, workspace_id=workspace_id))
        for _ in range(count)
    ]
    return [
        Queued(workspace_id, incident.id, channel.id, AlertKind.OPENED, 0, urgent, NOW)
        for incident in incidents
    ]


def turns(session: Session) -> list[tuple[int | None, timedelta]]:
    query = select(Delivery).order_by(Delivery.turn_at, Delivery.id)
    return [(each.workspace_id, each.turn_at - NOW) for each in session.scalars(query)]


def test_the_alerts_of_one_workspace_stand_behind_each_other(session: Session) -> None:
    channel = make_channel(session)

    queue(session, storm(session, channel, 2), NOW)
    queue(session, storm(session, channel, 1), NOW)

    mine = channel.workspace_id
    assert turns(session) == [(mine, timedelta(0)), (mine, APART), (mine, 2 * APART)]


def test_a_single_alert_goes_before_the_many_of_another(session: Session) -> None:
    many, one = make_channel(session), make_channel(session)

    queue(session, storm(session, many, 20), NOW)
    queue(session, storm(session, one, 1), NOW)

    order = [workspace_id for workspace_id, _ in turns(session)]
    assert order.index(one.workspace_id) == 1


def test_urgent_alerts_go_before_the_others(session: Session) -> None:
    channel = make_channel(session)

    queue(session, storm(session, channel, 3), NOW)
    queue(session, storm(session, channel, 1, urgent=True), NOW)

    assert turns(session)[0] == (channel.workspace_id, -HEAD_START)


def test_what_is_queued_twice_stands_there_once(session: Session) -> None:
    rows = storm(session, make_channel(session, make_workspace(session)), 1)

    assert queue(session, rows, NOW) == 1
    assert queue(session, rows, NOW) == 0
