"""Digests: what is not urgent gathers, and goes out as one message."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from earlywatch.channels.registry import Doors
from earlywatch.domain.alert import AlertKind
from earlywatch.domain.digest_words import Gathered, digest
from earlywatch.domain.monitor import Cause
from earlywatch.models import Channel, Delivery, Fold
from earlywatch.services import digests
from earlywatch.services.links import Links
from tests.builders import make_channel, make_delivery, make_incident, make_monitor
from tests.services.sending import attempt_all
from tests.services.test_channel_locks import before

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def channel(session: Session) -> Channel:
    """A channel that wants a digest every hour."""
    return make_channel(session, digest_every=HOUR)


def gather(
    session: Session, channel: Channel, name: str, now: datetime, **columns: Any
) -> Delivery:
    """An alert that waits for the digest of its channel."""
    incident = make_incident(
        session, make_monitor(session, name=name, status="late"), opened_at=now, **columns
    )
    return make_delivery(session, channel, incident, state="gathered", now=now)


def test_what_gathered_goes_out_as_one_message_when_the_oldest_waited_long_enough(
    session: Session, channel: Channel, links: Links, doors: Doors, now: datetime
) -> None:
    gathered = [gather(session, channel, f"job {n}", now + n * SECOND) for n in range(3)]

    assert not digests.send_one(session, now + HOUR - SECOND)
    assert digests.send_one(session, now + HOUR)
    assert not digests.send_one(session, now + HOUR)

    [sent] = session.query(Delivery).filter_by(alert="digest")
    session.expire_all()
    assert {(one.state, one.leader_id) for one in gathered} == {("merged", sent.id)}
    [outcome] = attempt_all(session, links, doors, now + HOUR)
    assert outcome.sent
    assert sent.words is not None
    assert sent.words["subject"] == "Digest: 3 troubles, 3 still last"
    assert [word for word, _ in sent.words["rows"]] == ["job 0", "job 1", "job 2"]


def test_each_channel_has_a_digest_of_its_own(
    session: Session, channel: Channel, now: datetime
) -> None:
    gather(session, channel, "mine", now)
    gather(session, make_channel(session, digest_every=2 * HOUR), "later", now)

    assert digests.send_one(session, now + HOUR)
    assert not digests.send_one(session, now + HOUR)
    assert digests.send_one(session, now + 2 * HOUR)


def test_what_gathered_is_sent_once_the_digest_is_switched_off(
    session: Session, channel: Channel, now: datetime
) -> None:
    gather(session, channel, "mine", now)
    channel.digest_every = None
    session.flush()

    assert digests.send_one(session, now)


def test_what_got_urgent_does_not_wait_for_a_digest(
    session: Session, channel: Channel, now: datetime
) -> None:
    calm = gather(session, channel, "calm", now)
    urgent = gather(session, channel, "urgent", now, urgent=True)
    raised = gather(session, channel, "raised", now)
    assert raised.incident is not None
    raised.incident.monitor.urgent = True
    session.flush()

    assert digests.release_urgent(session, now + SECOND) == 2

    session.expire_all()
    assert [one.state for one in (calm, urgent, raised)] == ["gathered", "pending", "pending"]
    assert urgent.urgent
    assert urgent.due_at == now + SECOND


def test_nothing_is_sent_if_all_was_called_off_a_moment_ago(
    session: Session, channel: Channel, now: datetime
) -> None:
    gathered = gather(session, channel, "mine", now)

    def call_off() -> None:
        query = update(Delivery).where(Delivery.id == gathered.id)
        session.connection().execute(query.values(state="failed"))

    with before(session.connection(), "\n    UPDATE delivery SET state = 'merged'", call_off):
        assert digests.send_one(session, now + HOUR), "others may be due"

    assert not digests.send_one(session, now + HOUR)
    assert session.query(Delivery).filter_by(alert="digest").count() == 0


def test_all_that_are_told_together_are_in_the_digest(
    session: Session, channel: Channel, now: datetime
) -> None:
    values: dict[str, Any] = {
        "key": "k",
        "shared": "s",
        "opened_at": now,
        "joined_at": now,
        "first_id": 0,
    }
    fold = Fold(workspace_id=channel.workspace_id, **values)
    session.add(fold)
    session.flush()
    gather(session, channel, "first", now, fold_id=fold.id)
    make_incident(session, make_monitor(session, name="second"), fold_id=fold.id, opened_at=now)

    digests.send_one(session, now + HOUR)

    [sent] = session.query(Delivery).filter_by(alert=AlertKind.DIGEST)
    assert sent.words is not None
    assert [word for word, _ in sent.words["rows"]] == ["first", "second"]


def test_a_digest_names_twenty_and_counts_the_others(now: datetime) -> None:
    lasting = [
        Gathered(f"job {n}", Cause.MISSED, now - HOUR, None, "Europe/Berlin") for n in range(24)
    ]
    over = Gathered("quick", Cause.FAILED, now - HOUR, now - HOUR + 90 * SECOND, "UTC")

    notice = digest([over, *lasting], "/monitors", now)

    assert notice.subject == "Digest: 25 troubles, 24 still last and 1 is over"
    assert len(notice.rows) == 21
    assert notice.rows[0][0] == "job 0", "what lasts comes first"
    assert notice.rows[-1] == ("And", "5 more")
    [alone] = digest([over], "/monitors", now).rows
    assert alone == ("quick", "failed 04:17:03 UTC, over after 1 min 30 s")
