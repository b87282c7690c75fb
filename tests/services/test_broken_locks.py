"""Two channels of a workspace that are refused for good at once: each hears of the other."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from earlywatch.db import db
from earlywatch.models import Account, BillingMail, Channel, Delivery, Workspace
from earlywatch.services import channels, deliveries
from earlywatch.services.deliveries import Outgoing
from earlywatch.services.links import Links
from earlywatch.services.outbox import Outcome
from tests.builders import NOW, make_account, make_channel, make_delivery, make_workspace
from tests.services.sending import claimed
from tests.services.test_channel_locks import WAITERS, before
from tests.waiting import wait_until

GONE = Outcome(sent=False, answer="550 no such user", permanent=True)


class Pair:
    """Rows that every session sees: two channels, and what is on its way to each."""

    def __init__(self, engine: Engine, links: Links) -> None:
        self.engine = engine
        with Session(engine) as session:
            owner = make_account(session)
            workspace = make_workspace(session, owner)
            for _ in range(2):
                make_delivery(session, make_channel(session, workspace))
            self.outgoing = [claimed(session, links, NOW) for _ in range(2)]
            self.owner, self.workspace = owner.id, workspace.id
            session.commit()

    def refuse(self, outgoing: Outgoing) -> None:
        with Session(self.engine) as session:
            deliveries.record(session, outgoing, GONE, NOW)
            session.commit()

    def delete(self, channel_id: int) -> None:
        with Session(self.engine) as session:
            workspace = session.get_one(Workspace, self.workspace)
            channels.delete_channel(session, workspace, channel_id, NOW)
            session.commit()

    def waiters(self) -> int:
        """How many sessions wait for another one."""
        with self.engine.connect() as connection:
            return int(connection.scalar(WAITERS) or 0)


@pytest.fixture
def pair(app: Flask, links: Links) -> Iterator[Pair]:
    with app.app_context():
        engine = db.engine
    pair = Pair(engine, links)
    yield pair
    with Session(engine) as session:
        session.execute(delete(Workspace).where(Workspace.id == pair.workspace))
        session.execute(delete(Account).where(Account.id == pair.owner))
        session.commit()


def test_two_that_are_refused_at_once_are_both_marked(pair: Pair) -> None:
    both = Barrier(2)

    def meet() -> None:
        both.wait(10)

    with ThreadPoolExecutor(2) as others, before(pair.engine, "INSERT INTO billing_mail", meet):
        refusals = [others.submit(pair.refuse, each) for each in pair.outgoing]
        for refusal in refusals:
            refusal.result()

    with Session(pair.engine) as session:
        found = select(Channel).where(Channel.workspace_id == pair.workspace)
        assert [each.broken_at for each in session.scalars(found)] == [NOW, NOW]
        mails = select(BillingMail).where(BillingMail.workspace_id == pair.workspace)
        assert len(session.scalars(mails).all()) == 2


def test_the_deletion_of_one_waits_for_the_record_of_its_refusal(pair: Pair) -> None:
    refused, _ = pair.outgoing
    deletion: list[Future[None]] = []

    def start_deletion() -> None:
        deletion.append(other.submit(pair.delete, refused.channel_id))
        wait_until(lambda: pair.waiters() == 1, 10, "the deletion to wait for the record")

    with ThreadPoolExecutor(1) as other:
        with before(pair.engine, "INSERT INTO billing_mail", start_deletion):
            pair.refuse(refused)
        deletion[0].result()

    with Session(pair.engine) as session:
        assert session.get(Channel, refused.channel_id) is None
        assert session.get(Delivery, refused.claim.id) is None


def test_two_that_are_refused_at_once_and_the_deletion_of_one_all_come_to_an_end(
    pair: Pair,
) -> None:
    both = Barrier(3)
    refused, _ = pair.outgoing

    def meet() -> None:
        both.wait(10)
        both.wait(10)

    with ThreadPoolExecutor(3) as others, before(pair.engine, "INSERT INTO billing_mail", meet):
        refusals = [others.submit(pair.refuse, each) for each in pair.outgoing]
        both.wait(10)
        deletion = others.submit(pair.delete, refused.channel_id)
        wait_until(lambda: pair.waiters() == 1, 10, "the deletion to wait for the record")
        both.wait(10)
        for each in (*refusals, deletion):
            each.result()

    with Session(pair.engine) as session:
        [left] = session.scalars(select(Channel).where(Channel.workspace_id == pair.workspace))
        assert left.id != refused.channel_id
        assert left.broken_at == NOW
