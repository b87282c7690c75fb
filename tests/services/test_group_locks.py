"""Changing a group while one of its channels is being deleted: neither waits for ever."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session

from earlywatch.db import db
from earlywatch.models import Account, Channel, Workspace
from earlywatch.services import channels, groups
from earlywatch.services.channels import ChannelValues
from tests.builders import NOW, make_account, make_channel, make_workspace
from tests.services.test_channel_locks import WAITERS, before
from tests.waiting import wait_until


class Shift:
    """Rows that every session sees: a group of two channels."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with Session(engine) as session:
            self.owner = make_account(session).id
            workspace = make_workspace(session, session.get_one(Account, self.owner))
            mail, phone = make_channel(session, workspace), make_channel(session, workspace)
            self.both = ChannelValues("Shift", {"channel_ids": [mail.id, phone.id]})
            group = channels.create_channel(session, workspace, "group", self.both, NOW)
            self.workspace, self.group = workspace.id, group.id
            self.mail, self.phone = mail.id, phone.id
            session.commit()

    def edit(self) -> None:
        with Session(self.engine) as session:
            workspace = session.get_one(Workspace, self.workspace)
            channels.edit_channel(session, workspace, self.group, self.both, NOW)
            session.commit()

    def delete_mail(self) -> None:
        with Session(self.engine) as session:
            workspace = session.get_one(Workspace, self.workspace)
            channels.delete_channel(session, workspace, self.mail, NOW)
            session.commit()

    def waits(self) -> bool:
        with self.engine.connect() as connection:
            return bool(connection.scalar(WAITERS) == 1)


@pytest.fixture
def shift(app: Flask) -> Iterator[Shift]:
    with app.app_context():
        engine = db.engine
    shift = Shift(engine)
    yield shift
    with Session(engine) as session:
        session.execute(delete(Workspace).where(Workspace.id == shift.workspace))
        session.execute(delete(Account).where(Account.id == shift.owner))
        session.commit()


@pytest.mark.parametrize("first", ["deletion", "edit"])
def test_a_channel_deleted_during_an_edit_of_its_group_is_in_it_no_more(
    shift: Shift, first: str
) -> None:
    started: list[Future[None]] = []
    acts = [shift.delete_mail, shift.edit]
    held = (
        "\n    UPDATE channel SET config" if first == "deletion" else "INSERT INTO channel_member"
    )
    leader, follower = acts if first == "deletion" else reversed(acts)

    def start_other() -> None:
        if not started:
            started.append(other.submit(follower))
            wait_until(shift.waits, 10, "the other to wait")

    with ThreadPoolExecutor(1) as other:
        with before(shift.engine, held, start_other):
            leader()
        started[0].result(10)

    with Session(shift.engine) as session:
        group = session.get_one(Channel, shift.group)
        assert [member.id for member in groups.members_of(session, group)] == [shift.phone]
        assert group.config == {"channel_ids": [shift.phone]}
