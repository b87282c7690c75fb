"""The ping endpoint as ASGI: answers 200 after the commit, and never before."""

from earlywatch.clock import utcnow
from earlywatch.ingest.batch import Batcher
from earlywatch.ingest.http import Answer, Headers, Receive, Scope, Send
from earlywatch.ingest.parse import Refusal, parse
from earlywatch.ingest.store import Unavailable
from earlywatch.services.pings import IncomingPing, Outcome

BODY_LIMIT = 100_000  # bytes that are kept
BODY_PATIENCE = 10_000_000  # bytes that are read at all, before the connection is closed
RETRY_AFTER = 5  # seconds

LIMIT: Headers = ((b"ping-body-limit", str(BODY_LIMIT).encode()),)
ANSWERS = {
    Outcome.RECORDED: Answer(200, "OK", LIMIT),
    Outcome.PAUSED: Answer(200, "OK (paused - not monitored)", LIMIT),
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
                body, cut = await read_body(receive)
            except ConnectionError:
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


async def read_body(receive: Receive) -> tuple[bytes, bool]:
    """Return the first 100 kB of a body, and whether there was more.

    The rest is read and dropped, so that a client that sends too much is not cut off in the
    middle; beyond 10 MB it is. Raises ConnectionError when the client goes away.
    """
    kept = bytearray()
    total, more = 0, True
    while more and total <= BODY_PATIENCE:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        chunk = message.get("body", b"")
        total += len(chunk)
        kept += chunk[: BODY_LIMIT - len(kept)]
        more = message.get("more_body", False)
    return bytes(kept), total > BODY_LIMIT
