"""Addresses: numbers that PostgreSQL can hold, where the bill is, where a monitor is pinged."""

from flask import url_for

from earlywatch.models import Monitor
from earlywatch.services.wiring import wiring
from earlywatch.web.selling import sold_here

BIGINT = 2**63 - 1
# For rules such as f"/<{ID}:monitor_id>": a number too large for a row is a 404, not a 500.
ID = f"int(max={BIGINT})"


def number(text: str | None) -> int | None:
    """Return the positive number that a query parameter says, or None."""
    if not text or not text.isascii() or not text.isdigit() or len(text) > 18:
        return None
    return int(text) or None


def bill_path() -> str:
    """Return where the bill is; empty where nothing is sold."""
    return url_for("billing.index") if sold_here() else ""


def ping_url(monitor: Monitor) -> str:
    """Return the secret address that the monitor's job calls."""
    return f"{wiring().settings.ping_base_url}/{monitor.ping_key}"
