"""A line to the database: one thread and one connection, which can be cut when it hangs."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from os import dup
from typing import Any, TypeVar

import psycopg
from sqlalchemy import event

from earlywatch.db import CONNECT_ARGS, make_engine

Result = TypeVar("Result")

CONNECT_TIMEOUT = 3  # seconds
# The server gives up before we do, so that nothing goes on there that nobody waits for. What is
# locked is tried again with the next batch, so no batch waits for it long. A batch
# looks up a few rows by their keys: joined otherwise, it would read a small table as a whole, with
# all the dead rows that a stream of updates leaves in it.
OPTIONS = (
    "-c statement_timeout=4s -c lock_timeout=100ms -c enable_hashjoin=off -c enable_mergejoin=off"
)


class Line:
    """Runs functions that use `engine`, one at a time and away from the event loop."""

    def __init__(self, name: str, database_url: str, *, pre_ping: bool) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._raw: psycopg.Connection[Any] | None = None
        self.engine = make_engine(
            database_url,
            pool_size=1,
            max_overflow=0,
            pool_pre_ping=pre_ping,
            use_native_hstore=False,  # else looked up by each new connection
            connect_args={
                **CONNECT_ARGS,
                "connect_timeout": CONNECT_TIMEOUT,
                "application_name": f"earlywatch {name}",
                "options": f"{CONNECT_ARGS['options']} {OPTIONS}",
            },
        )
        event.listen(self.engine, "do_connect", self._connect)

    def run(self, function: Callable[..., Result], *args: Any) -> asyncio.Future[Result]:
        """Run `function(*args)` in the thread; its result is there for the event loop."""
        return asyncio.get_running_loop().run_in_executor(self._executor, function, *args)

    def hang_up(self) -> None:
        """Cut the connection under a function that hangs in it, so that the thread comes back.

        Called from another thread. Asking the server to cancel would need its answer.
        """
        if self._raw is None:
            return
        with (
            contextlib.suppress(OSError, psycopg.Error),
            socket.socket(fileno=dup(self._raw.fileno())) as connection,
        ):
            connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the thread and the connection, once nothing runs any more."""
        self._executor.shutdown()
        self.engine.dispose()

    def _connect(
        self, _dialect: object, _record: object, args: Any, options: Any
    ) -> psycopg.Connection[Any]:
        self._raw = psycopg.connect(*args, **options)
        return self._raw
