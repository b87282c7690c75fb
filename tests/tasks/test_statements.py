"""Sessions each of whose statements is a transaction of its own."""

from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.db import statements
from earlywatch.models import Delivery
from earlywatch.services import turns
from earlywatch.services.outbox import LEASE
from tests.builders import make_channel, make_delivery

PREPARED = "SELECT name FROM pg_prepared_statements WHERE statement LIKE 'WITH claimed%'"
KILL = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture
def now() -> datetime:
    """This moment."""
    return utcnow()


def test_what_was_said_before_an_error_stays(rows: Session, now: datetime) -> None:
    delivery = make_delivery(rows, make_channel(rows), now=now - timedelta(minutes=1))
    rows.commit()

    with suppress(RuntimeError), statements() as session:
        assert turns.claim(session, now, ())
        raise RuntimeError

    rows.expire_all()
    assert rows.get_one(Delivery, delivery.id).attempts == 1


def test_what_was_only_added_is_written(rows: Session, now: datetime) -> None:
    channel = make_channel(rows)
    rows.commit()

    with statements() as session:
        make_delivery(session, session.merge(channel, load=False), now=now)

    assert rows.query(Delivery).count() == 1


def test_a_connection_that_died_while_it_rested_is_not_used(
    rows: Session, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with statements() as session:
        session.execute(text("SELECT 1"))
    rows.execute(text(KILL))
    rows.rollback()
    monkeypatch.setattr("earlywatch.db.RESTED", 0.0)

    with statements() as session:
        assert turns.claim(session, now, ()) is None


def test_a_claim_planned_while_the_table_is_small_reads_it_by_index(
    rows: Session, now: datetime
) -> None:
    make_delivery(rows, make_channel(rows))
    rows.execute(text("ANALYZE delivery"))
    rows.commit()

    with statements() as session:
        for _ in range(6):  # then it is prepared
            turns.claim(session, now, ())
        name = session.scalars(text(PREPARED)).one()
        run = f"""EXPLAIN EXECUTE "{name}" ('{now}', '{now + LEASE}', '{{}}')"""
        plan = "\n".join(session.scalars(text(run)))

    assert {"ix_delivery_turn", "ix_delivery_due"} <= set(plan.split())
    assert "Seq Scan" not in plan
