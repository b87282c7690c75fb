"""The colour of a message; its words say the same."""

from enum import StrEnum

from earlywatch.domain.alert import Alert, AlertKind
from earlywatch.domain.monitor import Cause


class Look(StrEnum):
    """What a message is about, at a glance."""

    UP = "up"
    LATE = "late"
    FAILED = "failed"
    NEUTRAL = "neutral"


def look(alert: Alert) -> Look:
    """Return what `alert` is about; what failed stands before what is late."""
    if alert.trouble is None:
        return Look.NEUTRAL
    if alert.kind is AlertKind.RESOLVED or alert.is_over:
        return Look.UP
    causes = {each.cause for each in alert.folded} or {alert.trouble.cause}
    return Look.FAILED if Cause.FAILED in causes else Look.LATE
