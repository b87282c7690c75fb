"""A ping from a new address or agent is marked."""

from collections.abc import Iterable
from datetime import datetime

import pytest
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind
from earlywatch.models import Monitor, PingSource
from earlywatch.services import ping_sources
from earlywatch.services.ping_sources import MOST_SOURCES, Known
from earlywatch.services.pings import record
from tests.builders import make_monitor
from tests.services.pinging import ping, stored

HOME, AWAY = "203.0.113.7", "198.51.100.7"


def tell(
    session: Session, monitor: Monitor, now: datetime, sources: Iterable[tuple[str | None, str]]
) -> list[bool]:
    """Send a ping from each source; return which pings of the monitor are marked."""
    pings = [
        ping(monitor, PingKind.LOG, now, remote_address=address, user_agent=agent)
        for address, agent in sources
    ]
    record(session, pings, now)
    return [kept.new_source for kept in stored(session, monitor)]


def test_the_first_source_of_a_monitor_is_no_news(session: Session, now: datetime) -> None:
    monitor = make_monitor(session)

    assert tell(session, monitor, now, [(HOME, "curl")]) == [False]


@pytest.mark.parametrize("other", [(AWAY, "curl"), (HOME, "wget"), (None, "curl")])
def test_the_first_ping_from_elsewhere_is_marked(
    session: Session, now: datetime, other: tuple[str | None, str]
) -> None:
    monitor = make_monitor(session)
    tell(session, monitor, now, [(HOME, "curl")])

    assert tell(session, monitor, now, [other, (HOME, "curl"), other]) == [
        False,
        True,
        False,
        False,
    ]


def test_within_one_batch_too(session: Session, now: datetime) -> None:
    monitor, other = make_monitor(session), make_monitor(session)

    marked = tell(session, monitor, now, [(HOME, "curl"), (AWAY, "curl"), (AWAY, "curl")])

    assert marked == [False, True, False]
    assert tell(session, other, now, [(AWAY, "curl")]) == [False]


def test_addresses_of_one_ipv6_network_are_one_source(session: Session, now: datetime) -> None:
    monitor = make_monitor(session)
    addresses = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1", "::ffff:203.0.113.7"]

    marked = tell(session, monitor, now, [(address, "curl") for address in addresses])

    assert marked == [False, False, True, True]
    known = session.scalars(select(PingSource.address).filter_by(monitor_id=monitor.id))
    assert set(known) == {"2001:db8:1:2::/64", "2001:db8:1:3::/64", HOME}


def test_previews_of_links_come_from_nowhere(session: Session, now: datetime) -> None:
    monitor = make_monitor(session)
    tell(session, monitor, now, [(HOME, "curl")])

    bot = ping(monitor, PingKind.SUCCESS, now, preview=True, remote_address=AWAY)
    record(session, [bot], now)

    assert not stored(session, monitor)[-1].new_source
    assert session.scalar(select(func.count()).select_from(PingSource)) == 1


def test_with_very_many_sources_no_further_one_is_marked(session: Session, now: datetime) -> None:
    monitor = make_monitor(session)
    rows = [
        {"monitor_id": monitor.id, "address": HOME, "agent": str(n), "first_seen_at": now}
        for n in range(MOST_SOURCES - 1)
    ]
    session.execute(insert(PingSource), rows)

    assert tell(session, monitor, now, [(HOME, "last"), (HOME, "more")]) == [True, False]
    assert tell(session, monitor, now, [(HOME, "more")])[-1] is False
    assert session.scalar(select(func.count()).select_from(PingSource)) == MOST_SOURCES


@pytest.mark.parametrize("committed", [True, False])
def test_only_what_was_committed_is_taken_for_known(
    session: Session, now: datetime, committed: bool
) -> None:
    monitor = make_monitor(session)
    tell(session, monitor, now, [(HOME, "curl")])
    if committed:
        ping_sources.remember(session)
    session.execute(delete(PingSource))

    tell(session, monitor, now, [(HOME, "curl")])

    looked = session.scalar(select(func.count()).select_from(PingSource)) == 1
    assert looked is not committed


def test_only_so_many_sources_are_known_and_the_latest_of_them() -> None:
    known = Known(100)

    for number in range(1_000):
        known.add(number)
        assert len(known) <= 100
        assert 7 in known or number < 7  # used all the time

    assert 999 in known
    assert 500 not in known
