"""A mail server on loopback that may be slow, busy, silent or away, and remembers what it took."""

import asyncio
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.header import decode_header, make_header
from enum import StrEnum

from tests.waiting import free_port

MESSAGE_ID = re.compile(rb"^message-id:\s*<([^>]+)>", re.IGNORECASE | re.MULTILINE)
SUBJECT = re.compile(rb"^subject:[ \t]*(.*(?:\r\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
PATIENCE = 10.0  # seconds for the server to come or go


class Mood(StrEnum):
    """How it treats who comes."""

    FINE = "fine"
    BUSY = "busy"  # answers 4xx
    SILENT = "silent"  # takes the connection and says nothing


@dataclass(frozen=True)
class Mail:
    """A mail that was taken: when (Unix seconds), its Message-ID, and its head."""

    at: float
    id: str
    head: bytes

    @property
    def subject(self) -> str:
        """What it is about."""
        found = SUBJECT.search(self.head)
        assert found is not None, "a mail without a subject"
        return str(make_header(decode_header(found[1].decode().replace("\r\n", ""))))


class MailSink:
    """Quicker than a library's, so that it is not what a burst waits for.

    `pause` says how many seconds to think about each recipient, as servers do that look around.
    """

    def __init__(self, pause: Callable[[], float] = lambda: 0.0) -> None:
        self.port = free_port()
        self.mails: list[Mail] = []
        self.mood = Mood.FINE
        self.thinking: Counter[int] = Counter()  # ports of those who wait for it
        self._pause = pause
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The `SMTP_URL` for it."""
        return f"smtp://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Listen."""
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(PATIENCE)

    def shut(self) -> None:
        """Listen no more, and leave everybody."""
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(PATIENCE)

    def close(self) -> None:
        """End for good."""
        self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def subjects(self) -> Counter[str]:
        """Return how often each subject came."""
        return Counter(mail.subject for mail in list(self.mails))

    def came(self, words: str) -> int:
        """Return how many mails have a subject that begins so."""
        return sum(mail.subject.startswith(words) for mail in list(self.mails))

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", self.port)

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        while self._writers:
            await asyncio.sleep(0.01)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self.mood is Mood.SILENT:
                await reader.read()
                return
            writer.write(b"220 sink\r\n")
            while line := await reader.readline():
                if not await self._answer(line[:4].upper(), reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the sender was killed
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(
        self, verb: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if verb == b"QUIT":
            return False
        if verb == b"DATA":
            writer.write(b"354 go on\r\n")
            self._take(await reader.readuntil(b"\r\n.\r\n"))
            writer.write(b"250 accepted\r\n")
        elif verb == b"RCPT":
            await self._think(writer)
        else:
            writer.write(b"250 ok\r\n")
        return True

    async def _think(self, writer: asyncio.StreamWriter) -> None:
        if self.mood is Mood.BUSY:
            writer.write(b"451 not now\r\n")
            return
        port = writer.get_extra_info("peername")[1]
        self.thinking[port] += 1
        try:
            await asyncio.sleep(self._pause())
        finally:
            self.thinking.pop(port)
        writer.write(b"250 ok\r\n")

    def _take(self, content: bytes) -> None:
        head = content.partition(b"\r\n\r\n")[0]
        found = MESSAGE_ID.search(head)
        assert found is not None, "a mail without a Message-ID"
        self.mails.append(Mail(time.time(), found[1].decode(), head))


@contextmanager
def mail_sink(pause: Callable[[], float] = lambda: 0.0) -> Iterator[MailSink]:
    """Run a mail server."""
    sink = MailSink(pause)
    sink.open()
    try:
        yield sink
    finally:
        sink.close()
