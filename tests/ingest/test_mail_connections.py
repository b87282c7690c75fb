"""Bounds of mail connections, made small: nobody waits for minutes or fills a hundred megabytes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from sqlalchemy import Engine

from earlywatch.config import load_settings
from earlywatch.ingest import mail_connection, mail_readers
from earlywatch.ingest.batch import Batcher
from earlywatch.ingest.buckets import Buckets, Guard
from earlywatch.ingest.line import Line
from earlywatch.ingest.mail_connection import Connection, Connections
from earlywatch.ingest.mail_door import Door
from earlywatch.ingest.mail_names import Names
from tests.ingest.mailing import DOMAIN, address
from tests.serving import add_monitors

TOO_SLOW = b"421 4.4.2 Nothing came for too long.\r\n"
SLOW_DOWN = b"450 4.7.1 slow down\r\n"
OK = b"250 2.0.0 OK\r\n"
# Nine parts in each other, and as many lines as are read in so many.
LINE = "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n"
COSTLY = "".join(LINE % (n, n) for n in range(9)) + "\r\n" * 299_000
TOO_BUSY = b"452 4.3.1 Too many mails at once. Please try again.\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]


@asynccontextmanager
async def door(database_url: str) -> AsyncIterator[tuple[Connect, Connections]]:
    """A door in this process: how to connect to it, and who is connected."""
    batcher = Batcher(Line("mails", database_url, pre_ping=False))
    names = Names(Line("mail addresses", database_url, pre_ping=True))
    opened = Door(DOMAIN, batcher, Guard(Buckets(), load_settings({})), names)
    connections, streams = Connections(), []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(opened, connections, DOMAIN, None), "127.0.0.1", 0
    )
    batcher.start()

    async def connect() -> Streams:
        stream = await asyncio.open_connection(*server.sockets[0].getsockname())
        streams.append(stream)
        return stream

    yield connect, connections

    server.close()
    await batcher.close()
    for _, writer in streams:
        writer.close()
    await connections.end(5)
    opened.close()


async def say(stream: Streams, *lines: str) -> bytes:
    """Say lines; return the last line of the answer to the last one."""
    reader, writer = stream
    answer = b""
    for line in lines:
        writer.write(f"{line}\r\n".encode())
        while (answer := await reader.readline())[3:4] == b"-":
            pass
    return answer


async def begin_mail(connect: Connect, key: UUID) -> Streams:
    """Come as far as the text of a mail."""
    stream = await connect()
    await stream[0].readline()
    steps = "EHLO x", "MAIL FROM:<>", f"RCPT TO:<{address(key)}>", "DATA"
    assert (await say(stream, *steps)).startswith(b"354 ")
    return stream


def test_who_says_nothing_is_sent_away(ping_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_connection, "COMMAND_PATIENCE", 0.05)

    async def silence() -> bytes:
        async with door(ping_database) as (connect, _):
            reader, _ = await connect()
            await reader.readline()
            return await reader.read()

    assert asyncio.run(silence()) == TOO_SLOW


def test_a_mail_that_drips_is_cut_off(
    ping_database: str, key: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_connection, "MAIL_PATIENCE", 0.2)

    async def drip() -> bytes:
        async with door(ping_database) as (connect, _):
            reader, writer = await begin_mail(connect, key)
            buffer: bytearray = reader._buffer  # type: ignore[attr-defined]
            while not reader.at_eof() and not buffer:
                writer.write(b"x")
                await asyncio.sleep(0.01)
            return bytes(buffer)  # a drop that came too late may have reset the connection

    assert asyncio.run(drip()) == TOO_SLOW


def test_one_address_cannot_use_up_the_connections(
    ping_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_connection, "MOST_OF_ONE", 2)

    async def crowd() -> list[bytes]:
        async with door(ping_database) as (connect, _):
            streams = [await connect() for _ in range(3)]
            heard = [await reader.readline() for reader, _ in streams]
            await say(streams[0], "QUIT")
            assert await streams[0][0].read() == b""  # it is gone, so there is room again
            return [*heard, await (await connect())[0].readline()]

    heard = asyncio.run(crowd())

    assert [words[:3] for words in heard] == [b"220", b"220", b"421", b"220"]
    assert heard[2] == b"421 4.3.2 Too many connections. Please try again.\r\n"


def test_what_all_mails_hold_together_is_bounded_and_given_back(
    ping_database: str, key: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_connection, "MOST_BYTES", 300_000)

    async def fill() -> bytes:
        async with door(ping_database) as (connect, connections):
            _, held = await begin_mail(connect, key)
            held.write(b"x" * 250_000)
            reader, writer = await begin_mail(connect, key)
            writer.write(b"x" * 250_000)
            refused = await reader.readline()
            held.write(b"\r\n.\r\n")
            while connections.bytes:
                await asyncio.sleep(0.01)
            return refused

    assert asyncio.run(fill()) == TOO_BUSY


def test_one_key_does_not_hold_up_the_mails_of_others(
    ping_database: str, engine: Engine, key: UUID
) -> None:
    [other] = add_monitors(engine)

    async def flood() -> tuple[bytes, list[bool], list[bytes]]:
        async with door(ping_database) as (connect, _):
            streams = [await begin_mail(connect, key) for _ in range(4)]
            costly = [asyncio.create_task(say(stream, f"{COSTLY}.")) for stream in streams]
            await asyncio.wait(costly, timeout=0.1)
            answer = await say(await begin_mail(connect, other), "Subject: plain\r\n\r\n.")
            return answer, [mail.done() for mail in costly], await asyncio.gather(*costly)

    answer, answered, costly = asyncio.run(flood())

    assert (answer, costly) == (OK, [OK] * 4)
    assert answered.count(True) < 3


def test_what_waits_for_one_key_is_bounded(
    ping_database: str, engine: Engine, key: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_readers, "MOST_WAITING", len(COSTLY) + 10)
    [other] = add_monitors(engine)

    async def crowd() -> list[bytes]:
        async with door(ping_database) as (connect, connections):
            first, second, third = [await begin_mail(connect, name) for name in (key, key, other)]
            reading = asyncio.create_task(say(first, f"{COSTLY}."))
            while connections.bytes < len(COSTLY):
                await asyncio.sleep(0.01)
            plain = "Subject: plain\r\n\r\n."
            return [await say(second, plain), await say(third, plain), await reading]

    assert asyncio.run(crowd()) == [SLOW_DOWN, OK, OK]
