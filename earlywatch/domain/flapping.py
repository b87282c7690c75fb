"""When a monitor comes and goes so often that telling each time helps nobody. Pure."""

from datetime import timedelta

from earlywatch.domain.alert import Notice
from earlywatch.domain.duration import format_duration

# Whoever was told four times within an hour knows; the fifth time is one too many.
FLAPS = 5
WITHIN = timedelta(hours=1)
# What lasts so long is no flapping any more.
STEADY_AFTER = timedelta(minutes=15)


def notice(monitor_name: str, count: int, url: str) -> Notice:
    """Return what is told once, when alerts of a monitor begin to be held back."""
    steady = format_duration(STEADY_AFTER)
    return Notice(
        subject=f"{monitor_name} comes and goes",
        opening=f"It was in trouble {count} times within an hour. We tell you again when it stays"
        f" in trouble for {steady}, or when it has been calm for an hour and begins anew.",
        rows=(("Monitor", monitor_name), ("Within an hour", f"{count} incidents")),
        url=url,
        url_words="Open the monitor",
    )
