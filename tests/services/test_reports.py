"""What the other side says of a message before we know that we sent it, or says twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine, delete, select, text
from sqlalchemy.orm import Session

from earlywatch.db import db
from earlywatch.models import Account, Attempt, Delivery, Workspace
from earlywatch.services import fallbacks, reports, turns
from earlywatch.services.outbox import Claim, Outcome
from earlywatch.services.reports import Report
from tests.builders import (
    NOW,
    make_account,
    make_channel,
    make_delivery,
    make_incident,
    make_monitor,
    make_workspace,
)
from tests.waiting import wait_until

SECOND = timedelta(seconds=1)
LOST = Report("Twilio reports: the message failed (error 30008).", failed=True)
TAKEN = Outcome(sent=True, answer="201 queued", provider_id="SM1")
WAITERS = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


def make_sms(session: Session, workspace: Workspace) -> Delivery:
    """An alert for a phone, in a workspace with a channel to fall back to."""
    phone = make_channel(session, workspace, "sms", name="phone")
    workspace.fallback_channel_id = make_channel(session, workspace, name="mail").id
    incident = make_incident(session, make_monitor(session, workspace, status="late"))
    return make_delivery(session, phone, incident, workspace_id=workspace.id, due_at=NOW)


@pytest.fixture
def sms(session: Session) -> Delivery:
    return make_sms(session, make_workspace(session))


def claimed(session: Session, now: datetime) -> Claim:
    claim = turns.claim(session, now, ())
    assert claim is not None
    return claim


def test_what_is_lost_before_it_is_known_to_be_sent_is_told_elsewhere(
    session: Session, sms: Delivery
) -> None:
    claim = claimed(session, NOW)

    assert reports.take(session, sms.id, LOST, NOW + SECOND)
    turns.record(session, claim, TAKEN, NOW + SECOND, 0.0)

    session.refresh(sms)
    assert (sms.state, sms.answer, sms.provider_id) == ("failed", LOST.words, "SM1")
    assert [(each.number, each.sent) for each in sms.log] == [(0, False), (1, True)]
    assert fallbacks.fall_back(session, NOW + 2 * SECOND) == 1


def test_what_an_earlier_attempt_lost_does_not_undo_a_later_one(
    session: Session, sms: Delivery
) -> None:
    turns.record(session, claimed(session, NOW), Outcome(sent=False, answer="504"), NOW, 0.0)
    reports.take(session, sms.id, LOST, NOW + SECOND)
    session.refresh(sms)
    later = sms.next_attempt_at

    turns.record(session, claimed(session, later), TAKEN, later, 0.0)

    session.refresh(sms)
    assert (sms.state, sms.answer) == ("sent", "201 queued")


def test_the_same_may_be_said_of_a_later_attempt(session: Session, sms: Delivery) -> None:
    turns.record(session, claimed(session, NOW), Outcome(sent=False, answer="504"), NOW, 0.0)
    assert reports.take(session, sms.id, LOST, NOW + SECOND)
    assert not reports.take(session, sms.id, LOST, NOW + SECOND)
    session.refresh(sms)
    later = sms.next_attempt_at
    turns.record(session, claimed(session, later), TAKEN, later, 0.0)

    assert reports.take(session, sms.id, LOST, later + SECOND)
    assert not reports.take(session, sms.id, LOST, later + SECOND)

    session.refresh(sms)
    assert sms.state == "failed"


def test_what_arrived_before_it_is_known_to_be_sent_stays_sent(
    session: Session, sms: Delivery
) -> None:
    claim = claimed(session, NOW)

    reports.take(session, sms.id, Report("Twilio reports: the message was delivered."), NOW)
    turns.record(session, claim, TAKEN, NOW + SECOND, 0.0)

    session.refresh(sms)
    assert sms.state == "sent"


@pytest.fixture
def engine(app: Flask) -> Iterator[Engine]:
    """Rows that stay until the end, so that two sessions see them."""
    with app.app_context():
        yield db.engine
        with Session(db.engine) as session:
            session.execute(delete(Workspace))
            session.execute(delete(Account))
            session.commit()


def test_a_report_that_is_being_written_while_the_sending_is_recorded_counts(
    engine: Engine,
) -> None:
    def record() -> None:
        with Session(engine) as session:
            turns.record(session, claim, TAKEN, NOW + SECOND, 0.0)
            session.commit()

    def is_waiting() -> bool:
        with Session(engine) as session:
            return bool(session.scalar(WAITERS))

    with Session(engine) as session:
        workspace = make_workspace(session, make_account(session))
        sms_id = make_sms(session, workspace).id
        session.commit()
        claim = claimed(session, NOW)
        session.commit()

        reports.take(session, sms_id, LOST, NOW + SECOND)
        with ThreadPoolExecutor(1) as threads:
            recording = threads.submit(record)
            wait_until(is_waiting, 5, "the record waits for the row")
            session.commit()
            recording.result(5)

        assert session.scalars(select(Delivery.state)).one() == "failed"
        assert session.scalars(select(Attempt.number).order_by(Attempt.id)).all() == [0, 1]
