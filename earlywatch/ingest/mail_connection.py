"""One mail connection, and the bounds of all of them: how many, how long, how much is held."""

import asyncio
import logging
import ssl
from collections import Counter, defaultdict
from ipaddress import ip_network
from typing import Any, NoReturn

from aiosmtpd.smtp import SMTP

from earlywatch.domain.address import read_address
from earlywatch.ingest.mail_door import Door, PingEnvelope

logger = logging.getLogger(__name__)

LARGEST_MAIL = 10_000_000  # bytes
CUT_OFF = 2 * LARGEST_MAIL  # bytes after which nobody listens to a mail any more
MOST_BYTES = 100_000_000  # of all mails that are being received
MOST_CONNECTIONS = 500
MOST_OF_ONE = 50  # connections of an address, or of a /64 of IPv6
LONGEST_COMMAND = 2_048  # bytes
PIECE = 65_536  # bytes that are read at once; a line of a mail may be longer
COMMAND_PATIENCE = 60.0  # seconds until the next command
MAIL_PATIENCE = 300.0  # seconds for all of a mail
CLOSE_PATIENCE = 5.0  # seconds for the last words of a connection
MOST_CALLS = {"*": 20, "MAIL": 200, "RCPT": 2_000, "DATA": 200, "RSET": 200}  # per connection
IPV6_CUSTOMER = 64  # bits
NOT_OFFERED = ("AUTH", "EXPN", "HELP")
LINE_END, END = b"\r\n", b"\r\n.\r\n"

TOO_MANY = "421 4.3.2 Too many connections. Please try again."
TOO_SLOW = "421 4.4.2 Nothing came for too long."
STOPPING = "421 4.3.2 Earlywatch is being restarted. Please try again."
TOO_LARGE = f"552 5.3.4 A mail may have {LARGEST_MAIL // 1_000_000} MB."
TOO_BUSY = "452 4.3.1 Too many mails at once. Please try again."


class Connections:
    """Who is connected, and how much of their mails is held."""

    def __init__(self) -> None:
        self.stopping = False
        self.bytes = 0
        self._open: set[Connection] = set()
        self._of_one: Counter[str] = Counter()
        self._gone = asyncio.Event()

    def admit(self, connection: "Connection", source: str) -> bool:
        """Count one in; return False if there is no room."""
        if len(self._open) >= MOST_CONNECTIONS or self._of_one[source] >= MOST_OF_ONE:
            return False
        self._open.add(connection)
        self._of_one[source] += 1
        return True

    def forget(self, connection: "Connection", source: str) -> None:
        """Count one out."""
        if connection in self._open:
            self._open.remove(connection)
            self._of_one[source] -= 1
            self._of_one += Counter()  # drops those that have none
            self._gone.set()

    async def end(self, patience: float) -> None:
        """Send everybody away, and wait for those whose mail is under way."""
        self.stopping = True
        for connection in list(self._open):
            connection.leave()
        try:
            async with asyncio.timeout(patience):
                while self._open:
                    self._gone.clear()
                    await self._gone.wait()
        except TimeoutError:
            logger.warning("mails were cut off", extra={"connections": len(self._open)})

    def cut(self) -> None:
        """End what is left at once."""
        for connection in list(self._open):
            connection.abort()


class Connection(SMTP):
    """Bounds what aiosmtpd does not: how much is held, how long all takes, and how many connect."""

    command_size_limit = LONGEST_COMMAND
    line_length_limit = PIECE
    # Never None once the connection is made.
    envelope: Any
    transport: Any
    _handler_coroutine: Any
    _original_transport: Any
    _reader: Any

    def __init__(self, door: Door, others: Connections, host: str, tls: ssl.SSLContext | None):
        # Its own, since the one of the class is shared, and filled by all who connect.
        self.command_size_limits = defaultdict(lambda: LONGEST_COMMAND)
        super().__init__(
            door,
            data_size_limit=LARGEST_MAIL,
            enable_SMTPUTF8=True,
            hostname=host,
            ident="ESMTP Earlywatch",
            tls_context=tls,
            timeout=COMMAND_PATIENCE,
            command_call_limit=MOST_CALLS,
            loop=asyncio.get_running_loop(),
        )
        for name in NOT_OFFERED:
            self._smtp_methods.pop(name)
        self._others = others
        self._source = ""
        self._admitted = False
        self._receiving = False
        self._held = 0  # bytes

    def connection_made(self, transport: Any) -> None:
        """Begin, or go on encrypted. Called by asyncio."""
        if self._admitted:
            super().connection_made(transport)
            return
        self._source = _source(transport.get_extra_info("peername"))
        self._admitted = self._others.admit(self, self._source)
        if not self._admitted:
            transport.write(TOO_MANY.encode() + LINE_END)
            transport.close()
            return
        super().connection_made(transport)
        self._handler_coroutine.add_done_callback(_ended)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget it. Called by asyncio."""
        if self._admitted:
            self._others.forget(self, self._source)
            super().connection_lost(error)

    def leave(self) -> None:
        """Go now, or after the mail that is being received."""
        if not self._receiving:
            self._dismiss(STOPPING)

    def abort(self) -> None:
        """Close it without another word."""
        for transport in (self.transport, self._original_transport):
            if transport is not None:
                transport.abort()

    async def smtp_VRFY(self, _argument: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Tell nobody which addresses there are."""
        await self.push("252 2.5.2 Send a mail, then you will see.")

    async def smtp_DATA(self, argument: str) -> None:  # noqa: N802
        """Receive a mail. Not as aiosmtpd does, where each line costs a hundred bytes more."""
        if await self.check_helo_needed():
            return
        if not self.envelope.count:
            await self.push("503 5.5.1 No recipient was taken.")
        elif argument:
            await self.push("501 5.5.4 Syntax: DATA")
        else:
            self._receiving = True
            self._reset_timeout(MAIL_PATIENCE)
            try:
                await self._receive()
            finally:
                self._receiving = False
                self._let_go()
            self._reset_timeout()
            if self._others.stopping:
                self._dismiss(STOPPING)

    def _create_envelope(self) -> PingEnvelope:
        return PingEnvelope()

    async def _receive(self) -> None:
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        self.envelope.content = await self._read()
        if self.envelope.content is None:
            words = TOO_LARGE
        else:
            words = await self.event_handler.handle_DATA(self, self.session, self.envelope)
        self.envelope = self._create_envelope()
        await self.push(words)

    async def _read(self) -> bytes | None:
        """Return a mail, None if it is too large. Raises ConnectionResetError when cut off."""
        pieces: list[bytes] = []
        size, ended = 0, False
        # The end stands after the end of a line; where no line comes before, there is one here.
        self._reader._buffer[:0] = LINE_END  # noqa: SLF001
        while not ended:
            try:
                piece = await self._reader.readuntil(END)
                ended = True
            except asyncio.LimitOverrunError as overrun:
                piece = await self._reader.read(overrun.consumed)
            size += len(piece)
            if size > LARGEST_MAIL + len(LINE_END + END):
                pieces.clear()
                self._let_go()
            else:
                pieces.append(piece)
                self._hold(len(piece))
            if size > CUT_OFF:
                self._cut_off(TOO_LARGE)
        # A line's first dot was put there by the sender's mail program, so that none is the end.
        stuffed = b"".join(pieces).removesuffix(END.removeprefix(LINE_END))
        return stuffed.replace(LINE_END + b".", LINE_END).removeprefix(LINE_END) if pieces else None

    def _hold(self, size: int) -> None:
        self._held += size
        self._others.bytes += size
        if self._others.bytes > MOST_BYTES:
            self._cut_off(TOO_BUSY)

    def _let_go(self) -> None:
        self._others.bytes -= self._held
        self._held = 0

    def _cut_off(self, words: str) -> NoReturn:
        self._dismiss(words)
        raise ConnectionResetError

    def _dismiss(self, words: str) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(words.encode() + LINE_END)
            self.transport.close()
            self.loop.call_later(CLOSE_PATIENCE, self.abort)  # who does not read stays otherwise

    def _timeout_cb(self) -> None:
        self._dismiss(TOO_SLOW)


def _source(peer: Any) -> str:
    """Return what counts as one who connects."""
    address = read_address(peer[0]) if peer else None
    if address is None or ":" not in address:
        return str(address)
    return str(ip_network((address, IPV6_CUSTOMER), strict=False))


def _ended(session: asyncio.Task[None]) -> None:
    """Look at how a session ended: asyncio would complain of whoever hangs up."""
    error = None if session.cancelled() else session.exception()
    if error is not None and not isinstance(error, ConnectionError):
        logger.error("mail session ended badly", exc_info=error)
