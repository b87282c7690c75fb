"""Alerts for tests: each builder fills in whatever the test does not care about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from earlywatch.domain.alert import Alert, AlertKind, Trouble
from earlywatch.domain.monitor import Cause

NOW = datetime(2026, 11, 20, 1, 12, tzinfo=UTC)
TROUBLE = Trouble(
    incident_id=17,
    monitor_name="nightly backup",
    cause=Cause.MISSED,
    schedule_words="at 02:00, in Europe/Berlin",
    time_zone="Europe/Berlin",
    opened_at=NOW - timedelta(minutes=2),
    resolved_at=None,
    expected_at=NOW - timedelta(minutes=12),
    last_ping_at=NOW - timedelta(days=1),
    exit_status=None,
    url="https://earlywatch.test/incidents/17",
)
ALERT = Alert(
    id="8f2f5d7e-0000-4000-8000-000000000000",
    kind=AlertKind.OPENED,
    channel_name="operations",
    workspace_name="Acme",
    sent_at=NOW,
    unsubscribe_url="https://earlywatch.test/channels/unsubscribe/abc",
)
CONFIRM = replace(
    ALERT,
    kind=AlertKind.CONFIRM,
    confirm_url="https://earlywatch.test/channels/confirm/abc",
    confirm_code="012345",
    unsubscribe_url=None,
)
TEST = replace(ALERT, kind=AlertKind.TEST)


def opened(**trouble: Any) -> Alert:
    """Return the alert of an incident that opened."""
    return replace(ALERT, trouble=replace(TROUBLE, **trouble))


def resolved(**trouble: Any) -> Alert:
    """Return the alert of an incident that lasted 12 minutes."""
    ended = {"opened_at": NOW - timedelta(minutes=12), "resolved_at": NOW, **trouble}
    return replace(ALERT, kind=AlertKind.RESOLVED, trouble=replace(TROUBLE, **ended))
