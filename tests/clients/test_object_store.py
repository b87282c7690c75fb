"""The object store: what is put there comes back, and whatever fails is a sentence in time."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from earlywatch.clients import object_store
from earlywatch.clients.object_store import NoSuchObject, ObjectStore, StoreError
from tests.clients.servers import silent_listener, tcp_server
from tests.stores import Bucket, failing_server, store_url
from tests.waiting import free_port

BODY = bytes(range(256)) * 390 + b"\0\xff"


@pytest.fixture
def store(bucket: Bucket) -> Iterator[ObjectStore]:
    """The door to an empty bucket."""
    with closing(ObjectStore(bucket.url)) as store:
        yield store


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing take longer than moments."""
    monkeypatch.setattr(object_store, "CONNECT", 0.1)
    monkeypatch.setattr(object_store, "READ", 0.1)
    monkeypatch.setattr(object_store, "LONGEST_READ", 0.3)


def failure(host: str, method: str = "get") -> str:
    """Return the sentence that one try gives."""
    with closing(ObjectStore(store_url(host))) as store, pytest.raises(StoreError) as caught:
        store.put("1/2/x", BODY) if method == "put" else getattr(store, method)("1/2/x")
    return str(caught.value)


def test_what_was_put_comes_back_to_the_byte(store: ObjectStore, bucket: Bucket) -> None:
    store.put("1/2/x", BODY)
    store.put("1/2/empty", b"")

    assert store.get("1/2/x") == BODY
    assert store.get("1/2/empty") == b""
    assert bucket.content("1/2/x") == BODY


def test_what_was_deleted_is_gone_and_may_be_deleted_again(
    store: ObjectStore, bucket: Bucket
) -> None:
    store.put("1/2/x", BODY)

    store.delete("1/2/x")
    store.delete("1/2/x")

    assert bucket.keys() == set()
    with pytest.raises(NoSuchObject, match="does not have it any more"):
        store.get("1/2/x")


def test_without_a_region_the_store_is_asked_for_it(bucket: Bucket) -> None:
    with closing(ObjectStore(bucket.url.partition("?")[0])) as store:
        store.put("x", BODY)

        assert store.get("x") == BODY


def test_connections_are_used_again(store: ObjectStore) -> None:
    for _ in range(3):
        store.put("x", BODY)
        store.get("x")

    [pool] = [store._pool.pools[key] for key in store._pool.pools.keys()]  # noqa: SIM118
    assert pool.num_connections == 1


@pytest.mark.parametrize("method", ["put", "get", "delete"])
@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "InvalidAccessKeyId", "The object store answered InvalidAccessKeyId."),
        (403, "SignatureDoesNotMatch", "The object store answered SignatureDoesNotMatch."),
        (404, "NoSuchBucket", "The object store answered NoSuchBucket."),
        (400, "<b>&lt;", "The object store answered something that is not understood."),
        (400, "", "The object store answered something that is not understood."),
    ],
)
def test_a_refusal_is_a_sentence(method: str, status: int, code: str, words: str) -> None:
    with failing_server(status, code) as (host, _):
        assert failure(host, method) == words


def test_a_store_that_is_ill_is_asked_once_more() -> None:
    with failing_server(503, "SlowDown") as (host, asked):
        assert failure(host, "put") == "The object store does not answer (MaxRetryError)."

    assert asked == ["/bodies/1/2/x"] * 2


@pytest.mark.usefixtures("impatient")
def test_a_store_that_is_silent_costs_moments() -> None:
    def hang(connection: socket.socket) -> None:
        while connection.recv(65_536):
            pass

    began = time.monotonic()
    with tcp_server(hang) as port:
        assert "does not answer" in failure(f"127.0.0.1:{port}")
        assert "does not answer" in failure(f"127.0.0.1:{port}", "put")
    with silent_listener() as port:
        assert "does not answer" in failure(f"127.0.0.1:{port}")
    assert "does not answer" in failure(f"127.0.0.1:{free_port()}")
    assert time.monotonic() - began < 5


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("length", ["100000", "5000000"])
def test_an_object_that_drips_or_never_ends_is_given_up(length: str) -> None:
    def drip(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode())
        while True:
            connection.sendall(b"x" * (65_536 if length == "5000000" else 1))
            time.sleep(0.001 if length == "5000000" else 0.05)

    with tcp_server(drip) as port:
        assert "does not answer" in failure(f"127.0.0.1:{port}")


def test_no_sentence_holds_a_key(object_host: str) -> None:
    sentences = [failure(object_host), failure(f"127.0.0.1:{free_port()}")]

    for sentence in sentences:
        assert "secret" not in sentence
        assert "access" not in sentence
