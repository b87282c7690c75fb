"""What a ping is answered, word for word."""

from functools import lru_cache

from earlywatch.ingest.http import Answer, Headers
from earlywatch.ingest.request import Refusal
from earlywatch.services.incoming import BODY_LIMIT, NotCreated, Outcome

RETRY_AFTER = 5  # seconds

LIMIT: Headers = ((b"ping-body-limit", str(BODY_LIMIT).encode()),)
ANSWERS = {
    Outcome.RECORDED: Answer(200, "OK", LIMIT),
    Outcome.CREATED: Answer(201, "Created", LIMIT),
    Outcome.UNWATCHED: Answer(200, "OK (paused - not monitored)", LIMIT),
    Outcome.NOT_POSTED: Answer(200, "OK (ignored - this monitor takes POST only)", LIMIT),
    Outcome.UNKNOWN: Answer(404, "not found"),
    Outcome.AMBIGUOUS: Answer(
        409, "Several monitors have this name. Use the ping URL with the key of the one you mean."
    ),
    Outcome.WRONG_NETWORK: Answer(
        403, "This monitor takes no pings from your address, see its allowed networks."
    ),
}
NOT_STORED = Answer(
    503,
    "The ping could not be stored. Please try again.",
    ((b"retry-after", str(RETRY_AFTER).encode()),),
)
TOO_SLOW = Answer(408, "The body did not arrive.")
BROKEN = Answer(400, "The body is not what its Content-Encoding says: gzip.")
TOO_LARGE = Answer(
    413,
    "The body is too large when it is unpacked: larger than 10 MB, or than 1 MB and 200 times"
    " what was sent.",
)
EXTRA_OF_REFUSAL = {405: ((b"allow", b"GET, HEAD, POST"),)}


def answer_to(outcome: Outcome | NotCreated) -> Answer:
    """Return the answer for what became of a ping."""
    if isinstance(outcome, NotCreated):
        return Answer(403, outcome.words)
    return ANSWERS[outcome]


@lru_cache(maxsize=256)
def refusal(refused: Refusal) -> Answer:
    """Return the answer to what is no ping."""
    return Answer(refused.status, refused.words, EXTRA_OF_REFUSAL.get(refused.status, ()))


@lru_cache(maxsize=256)
def slow_down(wait: int) -> Answer:
    """Return the answer to who pings too often, and may do so again after `wait` seconds."""
    return Answer(429, "slow down", ((b"retry-after", str(wait).encode()),))
