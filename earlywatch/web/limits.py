"""Rate limits: who may try how often. Redis counts for all processes; without it each counts."""

import hashlib
import logging
from ipaddress import ip_network
from typing import Any

from flask import Flask, g, request
from flask_limiter import Limiter
from limits.storage import MemoryStorage
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from earlywatch.domain.address import read_address
from earlywatch.services.emails import known_spelling

PATIENCE = 0.5  # seconds; a page must not wait for a counter

logger = logging.getLogger(__name__)


def address() -> str:
    """Return who asks: the IPv4 address, or the /64 network of an IPv6 one."""
    asking = read_address(request.remote_addr or "") or "unknown"
    return str(ip_network(f"{asking}/64", strict=False)) if ":" in asking else asking


def account() -> str:
    """Return whose account is tried, unreadable in counters and logs."""
    email = known_spelling(request.form.get("email", ""))
    return f"account-{hashlib.sha256(email.encode()).hexdigest()[:32]}"


def account_from_here() -> str:
    """Return whose account is tried, and who asks: a stranger must not lock its owner out."""
    return f"{account()}-{address()}"


def person() -> str:
    """Return who is signed in, whichever session it is; only beneath a guard."""
    return f"person-{g.account.id}"


def payer() -> str:
    """Return who is signed in, else who asks: links in mails about money need no session."""
    return person() if g.get("account") else address()


limiter = Limiter(
    address,
    strategy="moving-window",
    in_memory_fallback_enabled=True,
    swallow_errors=True,
)
# Each try may look up a host, and send a message that nobody there has asked for. Beneath a guard.
new_targets = limiter.shared_limit(
    "20/hour; 60/day", "channel-targets", key_func=person, methods=["POST"]
)
# Each page that shows or does something about money asks Stripe up to a dozen questions.
stripe_looks = limiter.shared_limit(
    "120/hour", "stripe-looks", key_func=payer, methods=["GET", "HEAD"]
)
stripe_presses = limiter.shared_limit(
    "20/minute; 60/hour", "stripe-presses", key_func=payer, methods=["POST"]
)


def give_back() -> None:
    """Let this request not count after all, because it succeeded.

    To count only afterwards would let any number of requests at the same time through.
    """
    storage: Any = limiter.limiter.storage
    try:
        for limit in limiter.current_limits:
            if isinstance(storage, MemoryStorage):
                del storage.events.get(limit.key, [])[:1]  # newest first
            else:
                storage.get_connection().lpop(storage.prefixed_key(limit.key))
    except RedisError as error:
        logger.warning("try not given back", extra={"error": type(error).__name__})


def register(app: Flask, redis_url: str | None) -> None:
    """Count in the Redis at `redis_url`, as Celery writes it, or in this process."""
    if redis_url is None:
        app.config["RATELIMIT_STORAGE_URI"] = "memory://"
    else:
        app.config["RATELIMIT_STORAGE_URI"] = redis_url.replace("redis+socket:", "redis+unix:", 1)
        app.config["RATELIMIT_STORAGE_OPTIONS"] = {
            "socket_timeout": PATIENCE,
            "socket_connect_timeout": PATIENCE,
            "retry": Retry(NoBackoff(), 0),
        }
    limiter.init_app(app)
