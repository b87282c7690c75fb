"""Rate limits: who may try how often. Redis counts for all processes; without it each counts."""

import hashlib
from ipaddress import ip_network

from flask import Flask, Response, request
from flask_limiter import Limiter
from redis.backoff import NoBackoff
from redis.retry import Retry

PATIENCE = 0.5  # seconds; a page must not wait for a counter


def address() -> str:
    """Return who asks: the IPv4 address, or the /64 network of an IPv6 one."""
    asking = request.remote_addr or "unknown"
    return str(ip_network(f"{asking}/64", strict=False)) if ":" in asking else asking


def account() -> str:
    """Return whose account is tried, unreadable in counters and logs."""
    email = request.form.get("email", "").strip().lower()
    return f"account-{hashlib.sha256(email.encode()).hexdigest()[:32]}"


def was_refused(response: Response) -> bool:
    """Tell whether the form was shown again: a try that succeeded redirects and is not counted."""
    return response.status_code != 303


limiter = Limiter(
    address,
    strategy="moving-window",
    in_memory_fallback_enabled=True,
    swallow_errors=True,
)


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
