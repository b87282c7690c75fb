"""Alerts that are as large, or as mean, as they may become."""

from dataclasses import replace
from datetime import timedelta

from earlywatch.domain.alert import AlertKind, Folded, Notice
from earlywatch.domain.monitor import Cause
from tests.alerts import ALERT, NOW, opened

MEAN = (
    "<b>&amp;</b> <!channel> <users/all> <@1> @everyone [x](http://evil.example) *a* _b_ `c`\r\n"
    "{{DATE(2026-11-20T00:00:00Z,SHORT)}} ${evil} <at>Anna</at> www.evil.example \U0001f4a5"
)
HOSTILE = replace(
    opened(
        monitor_name=MEAN * 9,
        output=MEAN * 9,
        hint=MEAN * 9,
        schedule_words=MEAN * 9,
        also=(MEAN,) * 9,
        acknowledged_by=MEAN * 9,
        grace_words="10 min",
    ),
    channel_name=MEAN,
    workspace_name=MEAN,
    kind=AlertKind.ESCALATED,
    number=2,
)
FOLDED = replace(
    opened(),
    folded=tuple(
        Folded(
            f"{number} {MEAN}",
            Cause.FAILED if number % 2 else Cause.MISSED,
            NOW - timedelta(minutes=number),
            None,
            f"https://earlywatch.test/incidents/{number}",
        )
        for number in range(40)
    ),
    shared=MEAN,
)
DIGEST = replace(
    ALERT,
    kind=AlertKind.DIGEST,
    notice=Notice(
        "100 alerts since yesterday",
        MEAN * 9,
        rows=tuple((f"{number} backup", MEAN * 9) for number in range(100)),
        url="https://earlywatch.test/incidents",
    ),
)
