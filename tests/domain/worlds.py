"""A monitor that lives through whatever a test does to it, and what can be done to one."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from earlywatch.domain.monitor import (
    Cause,
    Change,
    MonitorState,
    PingKind,
    Rules,
    on_deadline,
    on_edit,
    on_ping,
)
from earlywatch.domain.runs import Progress
from earlywatch.domain.schedule import Cron, Interval, OnCalendar

START = datetime(2026, 10, 24, 22, tzinfo=UTC)  # the night before Berlin's clocks go back
SECOND = timedelta(seconds=1)

intervals = st.timedeltas(timedelta(seconds=10), timedelta(hours=3)).map(Interval)
crons = st.sampled_from(["*/10 * * * *", "30 2 * * *", "0 1-4 * * *", "15 */2 * * *"]).map(
    lambda line: Cron(line, "Europe/Berlin")
)
calendars = st.sampled_from(["*:0/20", "02:15", "hourly"]).map(
    lambda line: OnCalendar(line, "Europe/Berlin")
)
graces = st.sampled_from([timedelta(0), timedelta(seconds=2), timedelta(minutes=5)])
runtimes = st.none() | st.sampled_from([SECOND, timedelta(minutes=3), timedelta(hours=2)])
stalls = st.none() | st.sampled_from([SECOND, timedelta(minutes=2)])
all_rules = st.builds(Rules, intervals | crons | calendars, graces, runtimes, stalls)
kinds = st.sampled_from(PingKind)
heard_kinds = st.sampled_from([kind for kind in PingKind if kind is not PingKind.IGNORED])
run_ids = st.none() | st.sampled_from([UUID(int=1), UUID(int=2)])
progresses = st.none() | st.builds(Progress, st.integers(0, 3), st.sampled_from([None, 3]))
waits = st.timedeltas(timedelta(0), timedelta(hours=2)) | st.sampled_from(
    [timedelta(0), SECOND, timedelta(minutes=10), timedelta(hours=1)]
)


@dataclass
class Incident:
    """One stretch of trouble, as the services would store it."""

    cause: Cause
    opened_at: datetime
    resolved_at: datetime | None = None


@dataclass
class World:
    """A monitor with its history, kept by applying changes in order."""

    rules: Rules
    state: MonitorState = field(default_factory=MonitorState)
    incidents: list[Incident] = field(default_factory=list)

    @property
    def open(self) -> Incident | None:
        last = self.incidents[-1] if self.incidents else None
        return last if last and last.resolved_at is None else None

    def apply(self, changes: list[Change]) -> None:
        for change in changes:
            if change.opens and self.open is None:
                self.incidents.append(Incident(change.opens, change.at))
            if change.resolves and self.open:
                self.open.resolved_at = change.at
            self.state = change.state

    def detect(self, now: datetime) -> None:
        change = on_deadline(self.state, self.rules.grace, now)
        self.apply([change] if change else [])

    def ping(
        self,
        kind: PingKind,
        now: datetime,
        run_id: UUID | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.apply(on_ping(self.state, self.rules, kind, now, run_id, progress))

    def edit(self, new: Rules, now: datetime) -> None:
        self.apply(on_edit(self.state, self.rules, new, now))
        self.rules = new

    def settled(self, now: datetime) -> tuple[MonitorState, list[Incident]]:
        """The monitor as a detector running at `now` would leave it."""
        copy = World(self.rules, self.state, [Incident(**vars(each)) for each in self.incidents])
        copy.detect(now)
        return copy.state, copy.incidents
