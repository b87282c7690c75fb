"""A digest that does not arrive: what is in it is told elsewhere."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.models import Channel, Delivery, Workspace
from earlywatch.services import deliveries, digests, fallbacks
from earlywatch.services.links import Links
from earlywatch.services.outbox import Outcome
from tests.builders import make_channel, make_delivery, make_incident, make_monitor, make_workspace
from tests.services.sending import claimed

FIVE = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
GONE = Outcome(sent=False, answer="550 no such user", permanent=True)


@pytest.fixture
def workspace(session: Session) -> Workspace:
    """A workspace with a channel to fall back to."""
    workspace = make_workspace(session)
    workspace.fallback_channel_id = make_channel(session, workspace).id
    session.flush()
    return workspace


@pytest.fixture
def gathered(session: Session, workspace: Workspace, now: datetime) -> Delivery:
    """An alert in a digest that is due at `now`."""
    channel = make_channel(session, workspace, digest_every=HOUR)
    monitor = make_monitor(session, workspace, status="late")
    incident = make_incident(session, monitor, opened_at=now - HOUR)
    values: dict[str, Any] = {"due_at": now - HOUR, "state": "gathered"}
    alert = make_delivery(
        session, channel, incident, now=now - HOUR, workspace_id=workspace.id, **values
    )
    assert digests.send_one(session, now)
    session.refresh(alert)
    return alert


def told_instead(session: Session, workspace: Workspace) -> list[tuple[str, int | None]]:
    """What the fallback channel was told, and instead of what."""
    query = session.query(Delivery).filter_by(channel_id=workspace.fallback_channel_id)
    found = query.filter(Delivery.alert != AlertKind.NOTICE).order_by(Delivery.id)
    return [(each.alert, each.fallback_for_id) for each in found]


def test_what_is_in_a_digest_that_was_refused_for_good_is_told_elsewhere_at_once(
    session: Session, links: Links, now: datetime, workspace: Workspace, gathered: Delivery
) -> None:
    outgoing = claimed(session, links, now)
    assert outgoing.alert.kind is AlertKind.DIGEST

    deliveries.record(session, outgoing, GONE, now)

    assert told_instead(session, workspace) == [("opened", gathered.id)]
    assert fallbacks.forget(session, now) == 1, "the digest"
    assert fallbacks.fall_back(session, now + 2 * FIVE) == 0


def test_what_is_in_a_digest_that_is_late_is_told_elsewhere_once(
    session: Session, now: datetime, workspace: Workspace, gathered: Delivery
) -> None:
    assert fallbacks.fall_back(session, now + FIVE - SECOND) == 0
    assert fallbacks.fall_back(session, now + FIVE) == 1
    assert fallbacks.fall_back(session, now + 2 * FIVE) == 0

    assert told_instead(session, workspace) == [("opened", gathered.id)]


def test_a_digest_that_failed_is_not_forgotten_before_what_is_in_it_was_told(
    session: Session, now: datetime, workspace: Workspace, gathered: Delivery
) -> None:
    digest = session.get_one(Delivery, gathered.leader_id)
    digest.state = "failed"
    session.flush()

    assert fallbacks.forget(session, now) == 0
    assert fallbacks.fall_back(session, now) == 1
    assert fallbacks.forget(session, now) == 1


@pytest.mark.parametrize("state", ["pending", "failed"])
def test_what_was_acknowledged_meanwhile_is_not_told_elsewhere(
    session: Session, now: datetime, workspace: Workspace, gathered: Delivery, state: str
) -> None:
    session.get_one(Delivery, gathered.leader_id).state = state
    assert gathered.incident is not None
    gathered.incident.acknowledged_at = now
    session.flush()

    assert fallbacks.fall_back(session, now + FIVE) == 0
    assert fallbacks.forget(session, now) == (state == "failed")


def test_a_digest_that_arrived_needs_no_fallback(
    session: Session, links: Links, now: datetime, workspace: Workspace, gathered: Delivery
) -> None:
    assert gathered.leader_id is not None
    deliveries.record(session, claimed(session, links, now), Outcome(sent=True, answer="250"), now)

    assert fallbacks.fall_back(session, now + FIVE) == 0


def test_ends_in_a_digest_are_not_told_elsewhere(
    session: Session, now: datetime, workspace: Workspace, gathered: Delivery
) -> None:
    channel = session.get_one(Channel, gathered.channel_id)
    values: dict[str, Any] = {
        "workspace_id": workspace.id,
        "state": "merged",
        "leader_id": gathered.leader_id,
    }
    make_delivery(session, channel, gathered.incident, AlertKind.RESOLVED, now=now, **values)

    assert fallbacks.fall_back(session, now + FIVE) == 1
