"""Bodies on their way to the object store and out of it, whatever fails on the way."""

import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from earlywatch.clients import object_store
from earlywatch.clients.object_store import ObjectStore
from earlywatch.clock import utcnow
from earlywatch.db import db
from earlywatch.models import DiscardedBody, Ping, Tick
from earlywatch.services import bodies
from earlywatch.services.bodies import PATIENCE
from earlywatch.services.wiring import EXTENSION
from earlywatch.tasks.bodies import (
    LEASE,
    Trouble,
    clear_bodies,
    clear_discarded,
    clearing,
    move_bodies,
    move_large,
    moving,
)
from tests.builders import make_monitor, make_ping
from tests.clients.servers import tcp_server
from tests.stores import Bucket, failing_server, store_url

SECOND = timedelta(seconds=1)
BODY = b"\0x" * 5_000


@pytest.fixture(autouse=True)
def calm(rows: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody has moved anything, and no store has failed yet."""
    monkeypatch.setattr("earlywatch.tasks.bodies.trouble", Trouble())
    yield
    rows.rollback()
    rows.execute(delete(Tick))
    rows.execute(delete(DiscardedBody))
    rows.commit()


class Plugged:
    """The site, and whatever store it is connected to."""

    def __init__(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        self._app, self._patch = app, monkeypatch
        self.opened: list[ObjectStore] = []

    def use(self, url: str) -> None:
        """Connect the site to another store."""
        self.opened.append(ObjectStore(url))
        wired = replace(self._app.extensions[EXTENSION], object_store=self.opened[-1])
        self._patch.setitem(self._app.extensions, EXTENSION, wired)


@pytest.fixture
def plug(task_app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugged]:
    """A way to connect the site to stores, which are closed in the end."""
    plugged = Plugged(task_app, monkeypatch)
    yield plugged
    for store in plugged.opened:
        store.close()


def large(rows: Session, count: int = 1) -> list[bytes]:
    """Commit pings with large bodies, all different."""
    monitor, made = make_monitor(rows), [BODY + bytes([number]) for number in range(count)]
    for body in made:
        make_ping(rows, monitor, body=body)
    rows.commit()
    return made


def moved(rows: Session) -> list[str | None]:
    """Return the keys of the bodies, None where they are in the database."""
    rows.rollback()
    return list(rows.scalars(select(Ping.body_key).order_by(Ping.id)))


def noted(rows: Session) -> set[str]:
    """Return what is to be deleted from the store."""
    rows.rollback()
    return set(rows.scalars(select(DiscardedBody.key)))


def test_all_that_is_large_moves(rows: Session, plug: Plugged, bucket: Bucket) -> None:
    made = large(rows, 45)
    plug.use(bucket.url)

    move_large()

    keys = moved(rows)
    assert {bucket.content(key or "") for key in keys} == set(made)
    assert bucket.keys() == set(keys)
    assert noted(rows) == set()
    assert rows.scalars(select(Ping.body_bytes)).all() == [len(BODY) + 1] * 45


def test_without_a_store_the_bells_do_nothing(
    task_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for work in (moving, clearing):
        monkeypatch.setattr(work, "start", lambda: pytest.fail("nothing to do"))

    move_bodies.run()
    clear_bodies.run()


@pytest.mark.parametrize(("status", "code"), [(500, "InternalError"), (403, "InvalidAccessKeyId")])
def test_while_the_store_fails_bodies_stay_and_it_is_said_once(
    rows: Session,
    plug: Plugged,
    bucket: Bucket,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
) -> None:
    caplog.set_level(logging.INFO, "earlywatch.tasks.bodies")
    made = large(rows, 3)
    with failing_server(status, code) as (host, asked):
        plug.use(store_url(host))
        move_large()
        tries = len(asked)
        move_large()
        assert len(asked) == tries > 0  # it is given time
        with time_machine.travel(utcnow() + LEASE + SECOND):
            move_large()
        assert len(asked) > tries
    assert moved(rows) == [None] * 3
    assert rows.scalars(select(Ping.body).order_by(Ping.id)).all() == made

    plug.use(bucket.url)
    with time_machine.travel(utcnow() + 2 * LEASE + 2 * SECOND):
        move_large()

    assert None not in moved(rows)
    assert [record.message for record in caplog.records] == [
        "object store fails", "object store is back", "bodies moved",
    ]  # fmt: skip
    assert len(noted(rows)) == 6  # what the failed tries may have left


def test_a_store_that_hangs_holds_no_transaction_and_loses_nothing(
    rows: Session, plug: Plugged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "READ", 0.1)
    large(rows)
    engine, free = db.engine, list[int]()

    def hang(connection: socket.socket) -> None:
        with Session(engine) as other:
            free.extend(other.scalars(select(Ping.id).with_for_update(nowait=True)))
        while connection.recv(65_536):
            pass

    with tcp_server(hang) as port:
        plug.use(store_url(f"127.0.0.1:{port}"))
        move_large()

    assert len(free) == 1
    assert moved(rows) == [None]


def test_dying_between_upload_and_update_leaves_no_orphan(
    rows: Session, plug: Plugged, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    large(rows)
    plug.use(bucket.url)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bodies, "record_moved", die)
        with pytest.raises(KeyboardInterrupt):
            move_large()
    [orphan] = bucket.keys()
    assert noted(rows) == {orphan}

    with time_machine.travel(utcnow() + LEASE + SECOND):
        move_large()
        clear_discarded()
    assert bucket.keys() == {orphan, *moved(rows)}

    with time_machine.travel(utcnow() + PATIENCE + SECOND):
        clear_discarded()
    assert bucket.keys() == set(moved(rows))
    assert noted(rows) == set()


def test_an_object_goes_after_its_ping_and_stays_noted_while_the_store_is_away(
    rows: Session, plug: Plugged, bucket: Bucket
) -> None:
    large(rows, 3)
    plug.use(bucket.url)
    move_large()
    keys = set(moved(rows))
    bodies.delete_pings(rows, Ping.id > 0)
    rows.commit()

    with failing_server(503, "SlowDown") as (host, _):
        plug.use(store_url(host))
        with time_machine.travel(utcnow() + PATIENCE + SECOND):
            clear_discarded()
    assert noted(rows) == bucket.keys() == keys

    plug.use(bucket.url)
    with time_machine.travel(utcnow() + 2 * PATIENCE + 2 * SECOND):
        clear_discarded()
    assert noted(rows) == bucket.keys() == set()


def test_a_body_that_the_store_never_takes_does_not_stop_the_others(
    rows: Session, plug: Plugged, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    large(rows, 25)
    plug.use(bucket.url)
    put = ObjectStore.put

    def refuse_one(store: ObjectStore, key: str, content: bytes) -> None:
        if content.endswith(b"\x03"):
            raise object_store.StoreError("The object store answered EntityTooStrange.")
        put(store, key, content)

    monkeypatch.setattr(ObjectStore, "put", refuse_one)

    move_large()

    assert moved(rows).count(None) == 1
