"""When a monitor's next success is expected: by period, cron line or systemd calendar."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from earlywatch.domain.cron import Cron
from earlywatch.domain.duration import format_duration
from earlywatch.domain.on_calendar import OnCalendar
from earlywatch.domain.zone import InvalidSchedule

__all__ = [
    "LONGEST_PERIOD",
    "SHORTEST_PERIOD",
    "Cron",
    "Interval",
    "InvalidSchedule",
    "OnCalendar",
    "Schedule",
    "next_times",
    "schedule_of",
    "words_of",
]

SHORTEST_PERIOD = timedelta(seconds=10)
LONGEST_PERIOD = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Interval:
    """One ping every `period`, counted from the previous ping."""

    period: timedelta

    def __post_init__(self) -> None:
        if not SHORTEST_PERIOD <= self.period <= LONGEST_PERIOD:
            raise InvalidSchedule(
                'The period must be between 10 seconds and 365 days, for example "15 min".'
            )

    def next_after(self, moment: datetime) -> datetime:
        """Return the moment (UTC) one period after `moment`, which must be aware."""
        return moment.astimezone(UTC) + self.period

    def words(self) -> str:
        """Return the schedule for people: "every 10 s", "every day"."""
        text = format_duration(self.period)
        return "every day" if text == "1 day" else f"every {text}"


Schedule = Interval | Cron | OnCalendar


def schedule_of(
    kind: str, period: timedelta | None, expression: str | None, time_zone: str
) -> Schedule:
    """Return the schedule that is stored so. Raises InvalidSchedule if we cannot read it."""
    if period is not None:
        return Interval(period)
    return (Cron if kind == "cron" else OnCalendar)(expression or "", time_zone)


def words_of(kind: str, period: timedelta | None, expression: str | None, time_zone: str) -> str:
    """Return a stored schedule in words, or as it was typed if we cannot read it any more."""
    try:
        return schedule_of(kind, period, expression, time_zone).words()
    except InvalidSchedule:
        return f"{expression}, in {time_zone}"


def next_times(schedule: Schedule, after: datetime, count: int) -> list[datetime]:
    """Return the next `count` expected times (UTC) after `after`."""
    times: list[datetime] = []
    while len(times) < count:
        after = schedule.next_after(after)
        times.append(after)
    return times
