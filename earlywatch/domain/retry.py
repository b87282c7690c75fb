"""How long to wait before trying a delivery again, and when to give up."""

from datetime import timedelta

GROWING = (
    timedelta(minutes=1),
    timedelta(minutes=2),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=30),
)
HOURLY = timedelta(hours=1)
HOURLY_WAITS = 24
# The first attempt and one behind each wait: 30, over 24 h 53 min without jitter.
MOST_ATTEMPTS = 1 + len(GROWING) + HOURLY_WAITS
# Receivers that were down together are not all tried in the same second.
SPREAD = 0.1
SHORTEST_WAIT = GROWING[0] * (1 - SPREAD)


def wait_after(attempts: int, jitter: float) -> timedelta | None:
    """Return the wait after so many failed attempts, or None to give up.

    About 1, 2, 5, 15 and 30 minutes, then hourly for a day: 30 attempts in about 25 hours.
    `attempts` counts from 1. `jitter` in [0, 1) moves the wait by up to 10 % to either side.
    """
    if attempts < 1:
        raise ValueError("wait_after() asks about attempts that were made: 1 or more")
    if attempts >= MOST_ATTEMPTS:
        return None
    wait = GROWING[attempts - 1] if attempts <= len(GROWING) else HOURLY
    return wait * (1 + SPREAD * (2 * jitter - 1))
