"""The ping endpoint as ASGI: answers 200 after the commit, and never before."""

from earlywatch.clock import utcnow
from earlywatch.ingest.batch import Batcher
from earlywatch.ingest.http import Answer, Headers, Receive, Scope, Send, read_body
from earlywatch.ingest.parse import Refusal, parse
from earlywatch.ingest.store import Unavailable
from earlywatch.services.pings import IncomingPing, Outcome

BODY_LIMIT = 100_000  # bytes that are kept
BODY_END = 10_000_000  # bytes that are read at all, before the connection is closed
BODY_PATIENCE = (
    60.0  # seconds for all of it: a few dripping clients must not use up the connections
)
RETRY_AFTER = 5  # seconds

LIMIT: Headers = ((b"ping-body-limit", str(BODY_LIMIT).encode()),)
ANSWERS = {
    Outcome.RECORDED: Answer(200, "OK", LIMIT),
    Outcome.UNWATCHED: Answer(200, "OK (paused - not monitored)", LIMIT),
    Outcome.UNKNOWN: Answer(404, "not found"),
}
NOT_STORED = Answer(
    503,
    "The ping could not be stored. Please try again.",
    ((b"retry-after", str(RETRY_AFTER).encode()),),
)
TOO_SLOW = Answer(408, "The body did not arrive.", ((b"connection", b"close"),))
EXTRA_OF_REFUSAL = {405: ((b"allow", b"GET, HEAD, POST"),)}


class PingApp:
    """Everything under `/ping/`."""

    def __init__(self, batcher: Batcher, trusted_proxies: int) -> None:
        self._batcher = batcher
        self._trusted_proxies = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = await self._answer(scope, receive)
        await answer.send(scope, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        received_at = utcnow()
        request = parse(scope, self._trusted_proxies)
        if isinstance(request, Refusal):
            return Answer(request.status, request.words, EXTRA_OF_REFUSAL.get(request.status, ()))
        body, cut = None, False
        if request.has_body:
            try:
                body, cut = await read_body(receive, BODY_LIMIT, BODY_END, BODY_PATIENCE)
            except (ConnectionError, TimeoutError):
                return TOO_SLOW
        ping = IncomingPing(
            request.key,
            request.kind,
            received_at,
            request.method,
            request.scheme,
            request.exit_status,
            request.run_id,
            request.message,
            body or None,
            cut,
            request.remote_address,
            request.user_agent,
        )
        try:
            return ANSWERS[await self._batcher.submit(ping)]
        except Unavailable:
            return NOT_STORED
