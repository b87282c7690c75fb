"""The status that pages show, which says more than the stored one. Pure."""

from datetime import datetime

from earlywatch.domain.monitor import MonitorState, Status


def shown_status(state: MonitorState, now: datetime, deaf_since: datetime | None = None) -> Status:
    """Return the status to show at `now` (UTC): up turns into due inside the grace.

    Where we cannot hear since `deaf_since`, nobody knows how it is with what is due: a deadline
    that had passed before stands.
    """
    if deaf_since is not None and is_in_doubt(state, now, deaf_since):
        return Status.UNKNOWN
    if state.status is Status.UP and state.expected_at is not None and now >= state.expected_at:
        return Status.DUE
    return state.status


def is_in_doubt(state: MonitorState, now: datetime, deaf_since: datetime) -> bool:
    """Whether a ping that is waited for may have come since `deaf_since`, unheard."""
    deadline, expected = state.deadline_at, state.expected_at
    if deadline is None or expected is None or deadline <= deaf_since:
        return False
    return min(expected, deadline) <= now
