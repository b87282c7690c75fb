"""Bodies of pings over real connections: kept as they came, cut, unpacked, and never trusted."""

import gzip
import zlib
from uuid import UUID

import pytest
from sqlalchemy import Engine

from earlywatch.domain.keywords import Keywords
from tests.ingest.speaking import OK, answer, ask, get, pings, talk
from tests.serving import Server, add_monitors, monitor_of

BROKEN = answer("400 Bad Request", "The body is not what its Content-Encoding says: gzip.")
TOO_LARGE = answer(
    "413 Payload Too Large",
    "The body is too large when it is unpacked: larger than 10 MB, or than 1 MB and 200 times"
    " what was sent.",
)


LONG, FATAL = b"one more file\n" * 11_000, b"FATAL: disk full\n"


def test_a_body_is_kept_as_it_came(ingest: Server, engine: Engine, key: UUID) -> None:
    body = b"\xff\x00\r\n" + bytes(range(256))

    assert ask(ingest, f"POST /ping/{key}/fail", f"Content-Length: {len(body)}\r\n", body) == OK

    [kept] = pings(engine, key)
    assert (kept.body, kept.body_cut) == (body, False)


def test_a_chunked_body_is_kept(ingest: Server, engine: Engine, key: UUID) -> None:
    body = b"4\r\nlog \r\n4\r\nline\r\n0\r\n\r\n"

    assert ask(ingest, f"POST /ping/{key}", "Transfer-Encoding: chunked\r\n", body) == OK
    assert pings(engine, key)[0].body == b"log line"


@pytest.mark.parametrize(
    ("size", "cut"), [(100_000, False), (100_001, True), (101_001, True), (3_000_000, True)]
)
def test_a_large_body_is_cut_and_never_refused(
    ingest: Server, engine: Engine, key: UUID, size: int, cut: bool
) -> None:
    assert ingest.get(f"/ping/{key}", "POST", b"x" * size) == (200, b"OK")

    [kept] = pings(engine, key)
    assert kept.body == b"x" * min(size, 100_000)
    assert kept.body_cut is cut


@pytest.mark.parametrize("body", [LONG + FATAL, LONG + b"." * 2_000_000 + FATAL])
@pytest.mark.parametrize("chunk", [10**9, 7_777], ids=["at once", "in chunks"])
@pytest.mark.parametrize("coding", ["utf-8", "utf-16"])
def test_a_word_at_the_end_of_a_long_body_opens_an_incident(
    ingest: Server, engine: Engine, coding: str, chunk: int, body: bytes
) -> None:
    [key] = add_monitors(engine, keywords_json=Keywords(failure=("disk full",)).to_json())
    sent = body.decode().encode(coding)
    pieces = (sent[at : at + chunk] for at in range(0, len(sent), chunk))
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)

    head = "Transfer-Encoding: chunked\r\n"
    assert ask(ingest, f"POST /ping/{key}", head, chunks + b"0\r\n\r\n") == OK

    [kept] = pings(engine, key)
    assert (kept.kind, kept.body, kept.body_cut) == ("fail", sent[:100_000], True)
    assert monitor_of(engine, key).status == "failed"


def test_a_word_at_the_end_of_a_body_that_comes_with_its_head_is_seen(
    ingest: Server, engine: Engine
) -> None:
    [key] = add_monitors(engine, keywords_json=Keywords(failure=("disk full",)).to_json())
    sent = LONG + FATAL

    assert ask(ingest, f"POST /ping/{key}", f"Content-Length: {len(sent)}\r\n", sent) == OK
    assert post(ingest, key, gzip.compress(LONG + FATAL)) == OK

    assert [kept.kind for kept in pings(engine, key)] == ["fail", "fail"]


def test_after_a_cut_body_the_connection_serves_the_next_ping(
    ingest: Server, engine: Engine, key: UUID
) -> None:
    head = f"POST /ping/{key}/log HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n".encode()

    answers = ingest.speak(head + b"x" * 200_000 + get(f"/ping/{key}/fail", "Connection: close"))

    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert [kept.kind for kept in pings(engine, key)] == ["log", "fail"]


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 1000000000\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n3b9aca00\r\n",
    ],
    ids=["length", "chunked"],
)
def test_an_endless_body_is_stored_and_cut_off(
    ingest: Server, engine: Engine, key: UUID, framing: bytes
) -> None:
    head = f"POST /ping/{key} HTTP/1.1\r\nHost: x\r\n".encode() + framing

    with (
        talk(ingest, head) as connection,
        pytest.raises(OSError, match=r"reset|Broken pipe"),
    ):
        connection.sendall(b"x" * 100_000_000)

    [kept] = pings(engine, key)
    assert (len(kept.body or b""), kept.body_cut) == (100_000, True)


def test_a_body_that_breaks_off_is_no_ping(ingest: Server, engine: Engine, key: UUID) -> None:
    head = f"POST /ping/{key} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode()
    with talk(ingest, head + b"half"):
        pass

    assert ingest.get(f"/ping/{key}/log") == (200, b"OK")
    assert [kept.kind for kept in pings(engine, key)] == ["log"]


def test_a_client_that_waits_for_100_continue_gets_it(
    ingest: Server, engine: Engine, key: UUID
) -> None:
    head = f"POST /ping/{key} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
    with talk(ingest, f"{head}Expect: 100-continue\r\n\r\n".encode()) as connection:
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"end")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")

    assert pings(engine, key)[0].body == b"end"


def post(server: Server, key: UUID, body: bytes, encoding: str = "gzip") -> bytes:
    headers = f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n"
    return ask(server, f"POST /ping/{key}", headers, body)


NOISE = bytes(n * n % 251 for n in range(150_000))
WHOLE = gzip.compress(b"42 files\n")
LINE = b"%d of 150 files copied, and not one of them was late\n"
LOG = b"".join(LINE % n for n in range(178_000))[:9_999_999]


@pytest.mark.parametrize(
    ("body", "kept_body"),
    [
        (WHOLE, b"42 files\n"),
        (gzip.compress(b"42 ") + gzip.compress(b"files\n"), b"42 files\n"),
        (WHOLE + b"\0" * 512, b"42 files\n"),
        (gzip.compress(b""), None),
        (b"", None),
        (gzip.compress(NOISE), NOISE[:100_000]),
        (gzip.compress(b"0" * 1_000_000), b"0" * 100_000),
        (gzip.compress(LOG), LOG[:100_000]),
    ],
    ids=["whole", "members", "padded", "empty", "nothing", "long", "dense", "almost a bomb"],
)
def test_a_body_in_gzip_is_unpacked(
    ingest: Server, engine: Engine, key: UUID, body: bytes, kept_body: bytes | None
) -> None:
    assert post(ingest, key, body) == OK

    [kept] = pings(engine, key)
    assert kept.body == kept_body
    assert kept.body_cut is (len(kept_body or b"") == 100_000)


@pytest.mark.parametrize(
    "body",
    [b"no gzip", WHOLE[:-1], WHOLE + b"more", WHOLE[:-8] + bytes(8), zlib.compress(b"zlib")],
    ids=["text", "short", "more", "wrong sum", "zlib"],
)
def test_a_broken_gzip_is_refused_with_a_sentence(
    ingest: Server, engine: Engine, key: UUID, body: bytes
) -> None:
    assert post(ingest, key, body) == BROKEN
    assert pings(engine, key) == []


@pytest.mark.parametrize(
    "bomb",
    [
        gzip.compress(LOG + LOG),
        gzip.compress(bytes(1_000_001)),
        gzip.compress(bytes(200_000_000), 1),
        gzip.compress(b"") * 1_001,
    ],
    ids=["large", "dense", "far", "many members"],
)
def test_a_bomb_is_refused_with_a_sentence(
    ingest: Server, engine: Engine, key: UUID, bomb: bytes
) -> None:
    assert post(ingest, key, bomb).replace(b"connection: close\r\n", b"") == TOO_LARGE
    assert pings(engine, key) == []


def test_another_encoding_is_kept_as_it_came(ingest: Server, engine: Engine, key: UUID) -> None:
    assert post(ingest, key, b"\x0b\x02\x80", "br") == OK
    assert pings(engine, key)[0].body == b"\x0b\x02\x80"
