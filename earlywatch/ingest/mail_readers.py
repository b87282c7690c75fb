"""Who reads mails: so that a flood of tedious ones holds up nobody else's."""

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from weakref import WeakValueDictionary

from earlywatch.ingest.mail import Mail, read_mail

Result = TypeVar("Result")

LIGHT = 50_000  # bytes of a mail that is never behind a longer one
MOST_WAITING = 25_000_000  # bytes of all mails of a key


class Crowded(Exception):
    """Too much is waiting for this key already; the sender should try again later."""


class Readers:
    """Two threads, for light mails and for others. Of each key, one mail at a time gets there.

    So what others send costs a mail the time of one mail for each of their keys, and a light
    one the time of light ones only.
    """

    def __init__(self) -> None:
        self._light = ThreadPoolExecutor(1, "light mails")
        self._heavy = ThreadPoolExecutor(1, "heavy mails")
        self._turns: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()
        self._waiting: Counter[Hashable] = Counter()  # bytes of each key

    async def read(self, key: Hashable, content: bytes) -> Mail:
        """Return what a mail to this key says. Raises Crowded."""
        return await self.run(key, content, read_mail)

    async def run(self, key: Hashable, content: bytes, read: Callable[[bytes], Result]) -> Result:
        """Return what `read` makes of a mail to this key. Raises Crowded."""
        if self._waiting[key] + len(content) > MOST_WAITING:
            raise Crowded
        turn = self._turns.setdefault(key, asyncio.Lock())
        self._waiting[key] += len(content)
        try:
            async with turn:
                thread = self._light if len(content) <= LIGHT else self._heavy
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(thread, read, content)
        finally:
            self._waiting[key] -= len(content)
            if not self._waiting[key]:
                del self._waiting[key]

    def close(self) -> None:
        """Let go of the threads."""
        self._light.shutdown()
        self._heavy.shutdown()
