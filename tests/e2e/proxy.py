"""A TCP door to a server: it can be shut, and its connections can be cut silently."""

import asyncio
import ctypes
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import free_port

CHUNK = 65_536  # bytes
PATIENCE = 10.0  # seconds for the proxy to do what it is told
SO_ATTACH_FILTER = 26
RETURN = 0x06  # BPF_RET | BPF_K: how much of the packet is kept


class Proxy:
    """Hands on what comes. After `cut` nothing does, and nobody is told, until they connect anew.

    The cut is one of the network, not of this process, which would go on confirming what it
    receives: the kernel throws away every packet of the connection.
    """

    def __init__(self, target: Path | int) -> None:
        """`target` is a unix socket, or a port of this machine."""
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._clients: set[asyncio.StreamWriter] = set()  # of these, those that are not cut
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = free_port()
        self.open()

    def open(self) -> None:
        """Listen."""
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(PATIENCE)

    def shut(self) -> None:
        """Listen no more, and end all connections."""
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(PATIENCE)

    def cut(self) -> int:
        """Cut all connections; return how many there were."""
        return asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(PATIENCE)

    def close(self) -> None:
        """End for good."""
        self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _cut(self) -> int:
        cut, self._clients = self._clients, set()
        for client in cut:
            throw_away(client.get_extra_info("socket"))
        return len(cut)

    async def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        while self._writers:
            for writer in self._writers:
                writer.transport.abort()
            await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await self._connect()
        except OSError:  # the server is away
            writer.transport.abort()
            return
        pair = writer, back
        self._clients.add(writer)
        self._writers.update(pair)
        await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)
        self._clients.discard(writer)
        self._writers.difference_update(pair)
        for each in pair:
            each.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, int):
            return await asyncio.open_connection("127.0.0.1", self._target)
        return await asyncio.open_unix_connection(self._target)


async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Hand on what comes, to its end."""
    try:
        while data := await source.read(CHUNK):
            sink.write(data)
            await sink.drain()
    finally:
        sink.close()


def throw_away(connection: socket.socket) -> None:
    """Let the kernel drop every packet that comes for a connection, unconfirmed."""
    nothing = ctypes.create_string_buffer(struct.pack("HBBI", RETURN, 0, 0, 0))
    program = struct.pack("HL", 1, ctypes.addressof(nothing))
    try:
        connection.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
    except PermissionError:
        # A proxy that merely stopped reading would still confirm, which no cut network does.
        pytest.skip("only root may let the kernel drop packets on this machine")


@contextmanager
def proxy(target: Path | int) -> Iterator[Proxy]:
    """Run a proxy to a unix socket, or to a port of this machine."""
    door = Proxy(target)
    try:
        yield door
    finally:
        door.close()
