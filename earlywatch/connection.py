"""A connection to the server: gunicorn's, with bounds of our own and a short way for pings."""

from asyncio import BaseTransport, Future
from typing import TYPE_CHECKING, Any

from gunicorn.asgi.protocol import (
    _CACHED_SERVER_HEADER,
    ASGIProtocol,
    _get_cached_date_header,
    _get_cached_status_line,
)

from earlywatch.ingest.app import PingApp
from earlywatch.ingest.http import Answer
from earlywatch.ingest.whole import take

if TYPE_CHECKING:
    from earlywatch.server import Worker

HEAD_PATIENCE = 10.0  # seconds for the head of a first request; for the later ones see `keepalive`
READ_PATIENCE = 30.0  # seconds for a client to take the rest of its answers, after a close
REST = 0.1  # seconds before more is read from who was told to slow down, and did not
TOO_MANY = 429
MOST_HELD = 32_768  # bytes that wait behind a ping; more are not read
NOT_IMPLEMENTED = 501
BAD_REQUEST = 400


class Connection(ASGIProtocol):  # type: ignore[misc]  # gunicorn is untyped
    """Bounds what gunicorn does not: how long a first request takes, and how many connect.

    When there is no room for one more, the one that has been idle for longest goes.

    Pings that come as whole requests are answered here, at a third of the cost. With the first
    request that is anything else, the connection is gunicorn's for good.
    """

    worker: "Worker"
    _pings: PingApp | None
    _peer: tuple[str, int] | None
    _handed_over = False
    _answering: tuple[bool, bool] | None = None  # whether it closes, and whether it is a HEAD
    _held = b""  # what came behind a ping that waits for its answer
    _resting = False
    _ended = False  # the client sends nothing more
    _idle_since = 0.0  # on the loop's clock

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._pings = getattr(self.worker.asgi, "pings", None)
        peer = transport.get_extra_info("peername")
        self._peer = peer[:2] if isinstance(peer, tuple) else None
        self.worker.idle[self] = None
        self._keepalive_handle = self.worker.loop.call_later(HEAD_PATIENCE, self._look)
        if self.worker.nr_conns > self.worker.worker_connections:
            next(iter(self.worker.idle)).give_up()

    def _start_http1(self, buffered: bytes = b"") -> None:
        """Do without gunicorn's parser and task until they are needed. Called by gunicorn."""

    def connection_lost(self, error: Exception | None) -> None:
        """Forget it."""
        self.worker.idle.pop(self, None)
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Answer pings that are whole requests, in their order; hand over anything else."""
        if self._handed_over:
            super().data_received(data)
            return
        self._held = self._held + data if self._held else data
        self._serve()

    def eof_received(self) -> bool:
        """Keep what the client has closed on its side until its pings are answered."""
        self._ended = True
        under_way = self._handed_over and not self._awaiting_request
        return under_way or self._answering is not None

    def resume_writing(self) -> None:
        """Go on: the client takes its answers again."""
        super().resume_writing()
        if not self._handed_over:
            self._serve()

    @property
    def _clogged(self) -> bool:
        """Whether the client takes no answers, or must rest."""
        paused: bool = self._flow_control.write_paused
        return paused or self._resting

    def _serve(self) -> None:
        while self._held and not (self._answering or self._closed or self._clogged):
            whole = take(self._held, self._peer) if self._pings else None
            if whole is None or self._pings is None:
                self._hand_over()
                return
            self._held = whole.rest
            self._answering = whole.closes, whole.scope["method"] == "HEAD"
            self.worker.idle.pop(self, None)
            begun = self._pings.begin(whole.scope, whole.body)
            if isinstance(begun, Answer):
                # Who asks again without waiting for the answer is not slowed down by one.
                self._tell(begun, closes=bool(self._held))
            else:
                begun.add_done_callback(self._told)
        if self._closed:
            return
        if self._resting or len(self._held) > MOST_HELD:
            self._pause_reading()
        else:
            self._resume_reading()
        if self._ended and not self._answering:
            self._close_transport()

    def _told(self, outcome: Future[Any]) -> None:
        answer = PingApp.answer_to(outcome)
        if not self._closed:
            self._tell(answer)
            self._serve()

    def _tell(self, answer: Answer, *, closes: bool = False) -> None:
        assert self._answering is not None
        asked_to_close, is_head = self._answering
        self._answering = None
        closes = closes or asked_to_close or not self.worker.alive
        self._safe_write(
            b"%b%b%b%b%b%b"
            % (
                _get_cached_status_line((1, 1), answer.status),
                answer.lines,
                _CACHED_SERVER_HEADER,
                _get_cached_date_header(),
                b"Connection: close\r\n\r\n" if closes else b"\r\n",
                b"" if is_head else answer.body["body"],
            )
        )
        if closes:
            self._close_transport()
            return
        if answer.status == TOO_MANY and self._pings and self._pings.direct:
            self._resting = True
            self.worker.loop.call_later(REST, self._go_on)
        self.worker.idle[self] = None
        self._idle_since = self.worker.loop.time()

    def _go_on(self) -> None:
        """Read again from who had to rest."""
        self._resting = False
        self._serve()

    def _hand_over(self) -> None:
        self._handed_over = True
        self._cancel_keepalive_timer()
        self._keepalive_handle = self.worker.loop.call_later(HEAD_PATIENCE, self.give_up)
        held, self._held = self._held, b""
        self._resume_reading()
        super()._start_http1()
        super().data_received(held)

    def _look(self) -> None:
        """Close it if it has been idle for too long, else look again when it may be so."""
        loop, patience = self.worker.loop, self.cfg.keepalive
        left = patience if self._answering else self._idle_since + patience - loop.time()
        if left > 0:
            self._keepalive_handle = loop.call_later(left, self._look)
        else:
            self.give_up()

    def give_up(self) -> None:
        """Close it, because no request came, or nobody takes the answers."""
        self.worker.idle.pop(self, None)
        if self._handed_over:
            self._keepalive_timeout()
        self._close_transport()
        if self.transport.get_write_buffer_size():
            self.worker.loop.call_later(READ_PATIENCE, self.transport.abort)

    def end_idle(self) -> None:
        """Close it if it only waits for another request, because the process is to stop."""
        if self.req_count > 1 or self._idle_since:
            self.give_up()

    def _on_headers_complete(self) -> Any:
        self.worker.idle.pop(self, None)
        return super()._on_headers_complete()

    def _arm_keepalive_timer(self) -> None:
        self.worker.idle[self] = None
        super()._arm_keepalive_timer()

    def _send_error_response(self, status: int, message: str, extra_headers: Any = ()) -> None:
        # A coding that we do not know is the client's mistake; jobs try again after a 5xx.
        status = BAD_REQUEST if status == NOT_IMPLEMENTED else status
        super()._send_error_response(status, message, extra_headers)
