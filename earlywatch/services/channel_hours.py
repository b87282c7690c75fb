"""When a channel may be disturbed: quiet hours, and digests."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from earlywatch.domain.quiet import Quiet, quiet_until
from earlywatch.errors import EarlywatchError
from earlywatch.models import Channel

# How often a digest may go out.
DIGESTS = (
    timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4), timedelta(hours=24),
)  # fmt: skip


@dataclass(frozen=True)
class ChannelHours:
    """What the owner decides. `quiet` None: never quiet. `digest_every` None: all at once."""

    quiet: Quiet | None = None
    urgent_breaks_through: bool = True
    digest_every: timedelta | None = None


def due_at(channel: Channel, now: datetime, *, urgent: bool) -> datetime:
    """Return when an alert of `now` (UTC) may go out through `channel`: now or after its quiet."""
    if channel.quiet_from is None or (urgent and channel.urgent_breaks_through):
        return now
    try:
        quiet = quiet_of(channel)
    except EarlywatchError:
        return now  # its zone was dropped from the time zone data: rather wake somebody than not
    return (quiet and quiet_until(quiet, now)) or now


def quiet_of(channel: Channel) -> Quiet | None:
    """Return the quiet hours of a channel. Raises InvalidSchedule for a zone that is gone."""
    from_, until, zone = channel.quiet_from, channel.quiet_until, channel.quiet_zone
    if from_ is None or until is None or zone is None:
        return None
    return Quiet(from_, until, zone, tuple(channel.quiet_days))


def set_hours(channel: Channel, hours: ChannelHours) -> None:
    """Store them with a locked channel; they count for what is told from now on."""
    quiet = hours.quiet
    channel.quiet_from = quiet.from_ if quiet else None
    channel.quiet_until = quiet.until if quiet else None
    channel.quiet_zone = quiet.zone if quiet else None
    channel.quiet_days = list(quiet.days) if quiet else []
    channel.urgent_breaks_through = hours.urgent_breaks_through
    channel.digest_every = hours.digest_every
