"""An installation that hears itself, or does not, at moments that a test chooses."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind
from earlywatch.domain.schedule import Interval
from earlywatch.domain.volume import Volume
from earlywatch.models import Incident, Monitor, Outage
from earlywatch.services import canary, moving, outages, pings
from earlywatch.services.detection import Round, detect
from tests.builders import make_monitor
from tests.services.pinging import ping

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


class Ears:
    """The canary, and the rounds of the detector with what comes before each."""

    def __init__(self, session: Session, now: datetime) -> None:
        self.session = session
        key = canary.take_turn(session, now)
        assert key is not None
        self.key: UUID = key
        self.sing(now)
        outages.listen(session, now)

    def sing(self, at: datetime) -> None:
        """Let the canary be heard at `at` (UTC)."""
        pings.record(self.session, [ping(self.key, PingKind.LOG, at)], at)

    def hear(self, monitors: Iterable[Monitor], at: datetime, kind: PingKind) -> None:
        """Let jobs be heard."""
        pings.record(self.session, [ping(each, kind, at) for each in monitors], at)

    def tick(self, at: datetime, volume: Volume | None = None, canary: bool = True) -> Round:
        """One round of the detector, as the task does it."""
        outages.listen(self.session, at, canary=canary)
        self.move(at)
        return detect(self.session, at, volume=volume)

    def move(self, at: datetime, steps: int = 1_000) -> None:
        """Move deadlines, at most so many batches."""
        after: int | None = 0
        for _ in range(steps):
            outage = outages.find_unmoved(self.session)
            if outage is None or after is None:
                return
            after = moving.move(self.session, outage, after, at).after

    @property
    def outages(self) -> list[Outage]:
        return list(self.session.scalars(select(Outage).order_by(Outage.id)))

    @property
    def incidents(self) -> list[Incident]:
        query = select(Incident).order_by(Incident.id)
        return list(self.session.scalars(query.execution_options(populate_existing=True)))


def heard(session: Session, at: datetime, grace: timedelta = MINUTE, **columns: Any) -> Monitor:
    """A monitor of one minute that was heard at `at`."""
    times = {"last_ping_at": at, "last_success_at": at, "expected_at": at + MINUTE}
    values = {"status": "up", **times, "deadline_at": at + MINUTE + grace, **columns}
    return make_monitor(session, schedule=Interval(MINUTE), grace=grace, **values)
