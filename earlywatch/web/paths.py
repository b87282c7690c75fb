"""Addresses: numbers that PostgreSQL can hold, where the bill is, where a monitor is pinged."""

from dataclasses import dataclass

from flask import url_for

from earlywatch.models import Monitor, Workspace
from earlywatch.services.wiring import wiring
from earlywatch.web.selling import sold_here

BIGINT = 2**63 - 1
# For rules such as f"/<{ID}:monitor_id>": a number too large for a row is a 404, not a 500.
ID = f"int(max={BIGINT})"


@dataclass(frozen=True)
class Addresses:
    """Where a monitor's job pings, all secret. None: it has no name, or no mail is taken."""

    key_url: str
    name_url: str | None
    key_mail: str | None
    name_mail: str | None


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


def name_url(workspace: Workspace, slug: str) -> str:
    """Return the secret address of the workspace's monitor of this name."""
    return f"{wiring().settings.ping_base_url}/{workspace.ping_key}/{slug}"


def ping_address(monitor: Monitor) -> str | None:
    """Return the secret address that the monitor's job may mail to, where mail is taken."""
    domain = wiring().settings.ping_mail_domain
    return f"{monitor.ping_key}@{domain}" if domain else None


def name_address(workspace: Workspace, slug: str) -> str | None:
    """Return the mail address of the workspace's monitor of this name, where mail is taken."""
    domain = wiring().settings.ping_mail_domain
    return f"{workspace.ping_key}+{slug}@{domain}" if domain else None


def addresses_of(monitor: Monitor, workspace: Workspace) -> Addresses:
    """Return all ways to ping a monitor of the workspace."""
    slug = monitor.slug
    return Addresses(
        ping_url(monitor),
        name_url(workspace, slug) if slug else None,
        ping_address(monitor),
        name_address(workspace, slug) if slug else None,
    )
