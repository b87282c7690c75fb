"""Deliveries under way when the connection to the database dies."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.models import Attempt, Delivery
from earlywatch.services import composing, deliveries
from earlywatch.services.deliveries import OUR_FAULT
from earlywatch.services.wiring import wiring
from earlywatch.tasks.deliveries import deliver_alert
from tests.builders import make_channel, make_delivery

CUT = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture
def delivery(rows: Session) -> Delivery:
    """An alert that is due."""
    due = make_delivery(rows, make_channel(rows), now=utcnow())
    rows.commit()
    return due


def cut(rows: Session) -> None:
    """Cut all connections but that of the test."""
    rows.execute(text(CUT))
    rows.commit()


def test_an_alert_whose_record_was_cut_is_not_sent_again(
    rows: Session, delivery: Delivery, task_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = deliveries.record
    calls: list[object] = []

    def cut_first(session: Session, *values: Any) -> None:
        if not calls:
            cut(rows)
        calls.append(values)
        record(session, *values)

    monkeypatch.setattr(deliveries, "record", cut_first)

    assert deliver_alert()

    rows.refresh(delivery)
    assert (delivery.state, delivery.attempts) == ("sent", 1)
    assert (len(calls), rows.query(Attempt).count()) == (2, 1)
    mails = [path.read_text() for path in wiring().settings.mailbox_dir.glob("*.eml")]
    assert len([mail for mail in mails if str(delivery.public_id) in mail]) == 1


def test_an_alert_whose_making_was_cut_is_tried_at_once(
    rows: Session, delivery: Delivery, task_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_and_ask(session: Session, *values: Any) -> Any:
        session.execute(text("SELECT 1"))
        cut(rows)
        monkeypatch.setattr(composing, "tell", tell)
        session.execute(text("SELECT 1"))

    tell = composing.tell
    monkeypatch.setattr("earlywatch.db.RESTED", 0.0)
    monkeypatch.setattr(composing, "tell", cut_and_ask)

    assert deliver_alert()

    rows.refresh(delivery)
    assert (delivery.state, delivery.attempts) == ("sent", 1)


def test_an_alert_that_cannot_be_told_is_tried_later_and_holds_up_nobody(
    rows: Session, delivery: Delivery, task_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(session: Session, *_values: Any) -> Any:
        session.execute(text("SELECT 1 / 0"))

    monkeypatch.setattr(composing, "tell", fail)

    assert not deliver_alert()

    rows.refresh(delivery)
    assert (delivery.state, delivery.answer) == ("pending", OUR_FAULT)
    assert delivery.next_attempt_at > utcnow()
