"""What holds for monitors whatever happens to the bill: nobody is left unwatched in silence."""

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import Row, func, select

from earlywatch.domain.monitor import PingKind
from earlywatch.domain.plans import PLANS, PlanName
from earlywatch.domain.schedule import Interval
from earlywatch.models import BillingMail, Incident, Monitor, Ping
from earlywatch.services import monitors, pings
from earlywatch.services.billing_mails import Whom, addresses_of
from earlywatch.services.incoming import IncomingPing
from earlywatch.services.limits import LimitReached
from tests.billing import Shop
from tests.builders import make_monitor, make_ping

PERIOD, GRACE = timedelta(days=30), timedelta(hours=1)
NAMING = ("frozen", "paused", "ended", "cancelled")  # mails that name what is not watched now


class Watchers:
    """Remembers of each monitor when it was last seen watched, and when frozen."""

    def __init__(self, shop: Shop, ages: list[int | None]) -> None:
        """Make a monitor for each age: days since its last ping, None if there was none."""
        self._shop = shop
        for number, age in enumerate(ages):
            _make(shop, f"job {number}", age)
        self._count = len(ages)
        self._pings = self._count_pings()
        self._read = 0  # id of the newest mail that was read
        self._named: dict[tuple[str, str], int] = {}  # newest mail by address and monitor
        self._watched_at: dict[str, int] = {}  # newest mail when it was last seen watched
        self._frozen_at: dict[int, datetime] = {}
        self._incidents = 0
        self.frozen = 0

    def look(self) -> None:
        """Check everything, and remember how it is now."""
        self._read_mails()
        rows = self._rows()
        assert len(rows) == self._count
        assert self._count_pings() >= self._pings
        watched = [row for row in rows if row.status not in ("paused", "frozen")]
        limit = PLANS[PlanName(self._shop.plan)].monitors
        assert limit is not None
        assert len(watched) <= limit
        self._check_incidents()
        for row in watched:
            self._watched_at[row.name] = self._read
        frozen = [row for row in rows if row.status == "frozen"]
        self._check_named([row.name for row in frozen])
        self._frozen_at |= {row.id: self._shop.now for row in frozen}
        self.frozen = len(frozen)

    def ping(self, places: Collection[int]) -> None:
        """Let the jobs at these places report a success."""
        session, now = self._shop.session, self._shop.now
        query = select(Monitor.ping_key).order_by(Monitor.id)
        keys = [key for place, key in enumerate(session.scalars(query)) if place in places]
        told = [IncomingPing(key, PingKind.SUCCESS, now, "GET", "https") for key in keys]
        pings.record(session, told, now)
        session.commit()
        self._pings += len(told)

    def toggle(self, place: int) -> None:
        """Let the owner pause a monitor, or take the pause back if the plan allows it."""
        session, workspace, now = self._shop.session, self._shop.workspace, self._shop.now
        found = self._rows()[place % self._count]
        with suppress(LimitReached):
            if found.status == "paused":
                monitors.resume_monitor(session, workspace, found.id, now)
            else:
                monitors.pause_monitor(session, workspace, found.id, now)
        session.commit()

    def _rows(self) -> list[Row[int, str, str]]:
        query = select(Monitor.id, Monitor.name, Monitor.status).order_by(Monitor.id)
        return list(self._shop.session.execute(query))

    def _read_mails(self) -> None:
        query = select(BillingMail.id, BillingMail.kind, BillingMail.address, BillingMail.letter)
        newer = query.where(BillingMail.id > self._read).order_by(BillingMail.id)
        for mail in self._shop.session.execute(newer):
            self._read = mail.id
            if mail.kind in NAMING:
                self._named |= {(mail.address, name): mail.id for name in mail.letter["names"]}

    def _check_named(self, names: list[str]) -> None:
        team = addresses_of(self._shop.session, self._shop.workspace.id, Whom.TEAM)
        silent = [
            (address, name)
            for name in names
            for address in team
            if self._named.get((address, name), 0) <= self._watched_at.get(name, 0)
        ]
        assert not silent, f"frozen without a word to: {silent}"

    def _check_incidents(self) -> None:
        """A monitor that was thawed has a whole period before anything may be called late."""
        query = select(Incident).where(Incident.id > self._incidents).order_by(Incident.id)
        for incident in self._shop.session.scalars(query):
            self._incidents = incident.id
            frozen_at = self._frozen_at.get(incident.monitor_id)
            assert frozen_at is None or incident.opened_at >= frozen_at + PERIOD

    def _count_pings(self) -> int:
        return self._shop.session.scalar(select(func.count(Ping.id))) or 0


def _make(shop: Shop, name: str, age: int | None) -> Monitor:
    at = None if age is None else shop.now - timedelta(days=age)
    expected = None if at is None else at + PERIOD
    monitor = make_monitor(
        shop.session,
        shop.workspace,
        name,
        schedule=Interval(PERIOD),
        grace=GRACE,
        status="new" if at is None else "up",
        last_ping_at=at,
        last_success_at=at,
        expected_at=expected,
        deadline_at=expected and expected + GRACE,
        now=shop.now - PERIOD,
    )
    if at:
        make_ping(shop.session, monitor, now=at)
    return monitor
