"""More alerts for tests of channels: what else there is to tell of an incident."""

from dataclasses import replace
from datetime import timedelta

from earlywatch.domain.alert import Alert, AlertKind, Folded, Notice
from earlywatch.domain.monitor import Cause
from tests.alerts import ALERT, NOW, TEST, TROUBLE, opened

ACT_URL = "https://earlywatch.test/incidents/act/token"
NOTICE = replace(
    TEST, kind=AlertKind.NOTICE, notice=Notice("A channel is broken", "Nothing is sent to it.")
)


def reminder() -> Alert:
    """An incident that lasts."""
    return replace(opened(), kind=AlertKind.REMINDER, number=1)


def escalated() -> Alert:
    """An incident that nobody acknowledged."""
    return replace(opened(), kind=AlertKind.ESCALATED, number=2)


def actionable(**values: object) -> Alert:
    """An incident that can be acknowledged from where it is read."""
    return replace(opened(), act_url=ACT_URL, act_token="token", **values)  # type: ignore[arg-type]


def over() -> Alert:
    """An incident that ended before anybody was told."""
    return opened(resolved_at=NOW)


def folded() -> Alert:
    """Two monitors that are told of in one message."""
    url = "https://earlywatch.test/incidents/{}"
    since = NOW - timedelta(minutes=2)
    return replace(
        ALERT,
        trouble=replace(TROUBLE, monitor_name="alpha"),
        folded=(
            Folded("alpha", Cause.MISSED, since, None, url.format(17)),
            Folded("beta", Cause.FAILED, since, None, url.format(18)),
        ),
        shared="the host 192.0.2.7",
    )
