"""When an alert may go out through a channel."""

from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.quiet import Quiet
from earlywatch.models import Channel
from earlywatch.services.channel_hours import ChannelHours, due_at, quiet_of, set_hours
from tests.builders import make_channel

NIGHT = Quiet(time(22), time(7), "Europe/Berlin", (5,))
IN_THE_NIGHT = datetime(2026, 11, 20, 23, tzinfo=UTC)
MORNING = datetime(2026, 11, 21, 6, tzinfo=UTC)


@pytest.fixture
def channel(session: Session) -> Channel:
    """A channel that is quiet in the night of Friday."""
    channel = make_channel(session)
    set_hours(channel, ChannelHours(NIGHT, digest_every=timedelta(hours=1)))
    return channel


def test_hours_are_kept_as_they_were_set(session: Session, channel: Channel) -> None:
    session.flush()
    session.expire(channel)

    assert quiet_of(channel) == NIGHT
    assert (channel.urgent_breaks_through, channel.digest_every) == (True, timedelta(hours=1))

    set_hours(channel, ChannelHours())
    session.flush()
    assert quiet_of(channel) is None


def test_what_is_not_urgent_waits_for_the_end_of_the_quiet_hours(channel: Channel) -> None:
    assert due_at(channel, IN_THE_NIGHT, urgent=False) == MORNING
    assert due_at(channel, MORNING, urgent=False) == MORNING


def test_what_is_urgent_breaks_through_if_it_may(channel: Channel) -> None:
    assert due_at(channel, IN_THE_NIGHT, urgent=True) == IN_THE_NIGHT

    channel.urgent_breaks_through = False
    assert due_at(channel, IN_THE_NIGHT, urgent=True) == MORNING


def test_a_channel_without_quiet_hours_is_always_told_at_once(session: Session) -> None:
    assert due_at(make_channel(session), IN_THE_NIGHT, urgent=False) == IN_THE_NIGHT


def test_a_zone_that_is_gone_keeps_nothing_back(channel: Channel) -> None:
    channel.quiet_zone = "Europe/Atlantis"

    assert due_at(channel, IN_THE_NIGHT, urgent=False) == IN_THE_NIGHT
