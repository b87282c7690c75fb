"""Large bodies: moved without loss, read from wherever they are, deleted after their pings."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.clients.object_store import ObjectStore, StoreError
from earlywatch.models import DiscardedBody, Incident, Monitor, Ping
from earlywatch.services import bodies, monitors
from earlywatch.services.bodies import PATIENCE, Shelf, read_body
from tests.builders import NOW, make_monitor, make_ping, make_workspace
from tests.services.exporting import read
from tests.stores import Bucket, store_url
from tests.waiting import free_port

BODY = bytes(range(256)) * 300 + b"\0\xff\xfe"
SOON = timedelta(seconds=5)


@pytest.fixture
def store(bucket: Bucket) -> Iterator[ObjectStore]:
    """The door to an empty bucket."""
    with closing(ObjectStore(bucket.url)) as store:
        yield store


@pytest.fixture
def away() -> Iterator[ObjectStore]:
    """The door to a store that nobody runs."""
    with closing(ObjectStore(store_url(f"127.0.0.1:{free_port()}"))) as store:
        yield store


def move(session: Session, store: ObjectStore, now: datetime) -> None:
    """Move what waits, as the task does."""
    for large in bodies.take_large(session, 0, now):
        store.put(large.key, large.body)
        assert bodies.record_moved(session, large)


def discarded(session: Session) -> set[str]:
    """Return the keys that are to be deleted from the store."""
    return set(session.scalars(select(DiscardedBody.key)))


def test_a_large_body_moves_and_its_beginning_stays(
    session: Session, store: ObjectStore, bucket: Bucket, now: datetime
) -> None:
    ping = make_ping(session, body=BODY)

    move(session, store, now)

    session.refresh(ping)
    workspace_id = session.get_one(Monitor, ping.monitor_id).workspace_id
    assert ping.body_key is not None
    assert ping.body_key.startswith(f"{workspace_id}/{ping.monitor_id}/")
    assert (ping.body, ping.body_bytes) == (BODY[:4096], len(BODY))
    assert bucket.content(ping.body_key) == BODY
    assert read_body(ping, store) == BODY
    assert discarded(session) == set()
    assert not bodies.any_large(session)


def test_small_bodies_and_none_stay_in_the_database(session: Session, now: datetime) -> None:
    small = make_ping(session, body=b"x" * 4096)
    make_ping(session, body=None)

    assert not bodies.any_large(session)
    assert bodies.take_large(session, 0, now) == []
    assert read_body(small, None) == b"x" * 4096
    assert read_body(make_ping(session, body=None), None) == b""


def test_while_the_store_is_away_a_moved_body_is_refused_with_a_sentence(
    session: Session, store: ObjectStore, away: ObjectStore, now: datetime
) -> None:
    ping = make_ping(session, body=BODY)
    move(session, store, now)
    session.refresh(ping)

    with pytest.raises(StoreError, match="does not answer"):
        read_body(ping, away)
    with pytest.raises(StoreError, match="OBJECT_STORE_URL is not set"):
        read_body(ping, None)
    assert ping.body == BODY[:4096]


def test_a_key_is_noted_before_its_upload_so_that_a_death_leaves_nothing(
    session: Session, store: ObjectStore, bucket: Bucket, now: datetime
) -> None:
    ping = make_ping(session, body=BODY)
    [large] = bodies.take_large(session, 0, now)
    store.put(large.key, large.body)  # and then the process dies

    assert discarded(session) == {large.key}
    assert bodies.claim_discarded(session, now + PATIENCE - SOON) == []
    assert bodies.claim_discarded(session, now + PATIENCE) == [large.key]
    move(session, store, now)
    session.refresh(ping)
    assert ping.body_key not in {None, large.key}
    assert len(bucket.keys()) == 2


def test_who_was_away_for_an_hour_cannot_name_an_object_that_is_being_deleted(
    session: Session, now: datetime
) -> None:
    ping = make_ping(session, body=BODY)
    [large] = bodies.take_large(session, 0, now)
    bodies.claim_discarded(session, now + PATIENCE)

    assert not bodies.record_moved(session, large)

    session.refresh(ping)
    assert (ping.body, ping.body_key) == (BODY, None)
    assert discarded(session) == {large.key}


def test_of_two_who_move_a_body_one_is_named_and_the_other_discarded(
    session: Session, now: datetime
) -> None:
    ping = make_ping(session, body=BODY)
    [first], [second] = (bodies.take_large(session, 0, now) for _ in range(2))

    assert bodies.record_moved(session, second)
    assert not bodies.record_moved(session, first)

    session.refresh(ping)
    assert ping.body_key == second.key
    assert discarded(session) == {first.key}


def test_a_body_whose_ping_went_meanwhile_is_discarded(session: Session, now: datetime) -> None:
    ping = make_ping(session, body=BODY)
    [large] = bodies.take_large(session, 0, now)
    bodies.delete_pings(session, Ping.id == ping.id)

    assert not bodies.record_moved(session, large)
    assert discarded(session) == {large.key}


def test_objects_of_deleted_pings_are_noted(session: Session) -> None:
    monitor = make_monitor(session)
    make_ping(session, monitor)
    make_ping(session, monitor, body=b"x", body_key="a", body_bytes=5_000)
    make_ping(session, body=b"x", body_key="b", body_bytes=5_000)

    assert bodies.delete_pings(session, Ping.monitor_id == monitor.id) == 2

    assert discarded(session) == {"a"}


@pytest.mark.parametrize("in_one", [True, False])
def test_deleting_a_monitor_notes_the_objects_of_its_pings(
    session: Session, monkeypatch: pytest.MonkeyPatch, *, in_one: bool
) -> None:
    monkeypatch.setattr(monitors, "BATCH", 100 if in_one else 2)
    workspace = make_workspace(session)
    monitor = make_monitor(session, workspace)
    for number in range(5):
        make_ping(session, monitor, body=b"x", body_key=f"k{number}", body_bytes=5_000)

    after: int | None = 0
    while after is not None:
        after = monitors.delete_history(session, workspace, monitor.id, Ping, after)
    monitors.delete_history(session, workspace, monitor.id, Incident)
    monitors.delete_monitor(session, workspace, monitor.id, NOW)

    assert discarded(session) == {f"k{number}" for number in range(5)}


def test_a_claimed_key_is_nobody_elses_for_an_hour(session: Session, now: datetime) -> None:
    bodies.discard(session, ["a", "b"])
    later = session.scalars(select(DiscardedBody.discarded_at)).all()[0] + PATIENCE

    assert set(bodies.claim_discarded(session, later)) == {"a", "b"}
    assert bodies.claim_discarded(session, later) == []
    bodies.forget(session, ["a"])
    assert bodies.claim_discarded(session, later + PATIENCE) == ["b"]


def test_an_export_holds_moved_bodies_in_full(
    session: Session, store: ObjectStore, now: datetime
) -> None:
    workspace = make_workspace(session)
    monitor = make_monitor(session, workspace)
    make_ping(session, monitor, body=b"short")
    make_ping(session, monitor, body=b"long " * 2_000)
    move(session, store, now)

    short, long = read(session, workspace, now, store)["pings"]

    assert short["body"] == "short"
    assert (long["body"], long["body_bytes"]) == ("long " * 2_000, 10_000)
    assert "body_missing" not in short | long
    assert "body_key" not in long


def test_an_export_says_which_bodies_the_store_did_not_give(
    session: Session, store: ObjectStore, away: ObjectStore, now: datetime
) -> None:
    workspace = make_workspace(session)
    monitor = make_monitor(session, workspace)
    make_ping(session, monitor, body=b"short")
    for _ in range(2):
        make_ping(session, monitor, body=b"long " * 2_000)
    move(session, store, now)
    lost = session.scalars(select(Ping.body_key).where(Ping.body_key.is_not(None))).first()
    store.delete(lost or "")

    here = read(session, workspace, now, store)["pings"]
    gone = read(session, workspace, now, away)["pings"]

    assert [ping.get("body_missing") for ping in here] == [None, True, None]
    assert [ping.get("body_missing") for ping in gone] == [None, True, True]
    assert here[1]["body"] == gone[1]["body"] == ("long " * 2_000)[:4096]


def test_a_store_that_is_away_is_not_asked_for_every_body_of_an_export() -> None:
    asked = []

    class Away(ObjectStore):
        def __init__(self) -> None:
            """Nothing to connect to."""

        def get(self, key: str) -> bytes:
            asked.append(key)
            raise StoreError("away")

    shelf = Shelf(Away())
    assert [shelf.fetch(f"k{number}", b"x") for number in range(50)] == [None] * 50
    assert len(asked) == 3
    assert shelf.fetch(None, b"x") == b"x"
