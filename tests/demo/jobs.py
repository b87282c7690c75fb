"""The jobs of the demo: what they are called, when they run, and what went wrong with them."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from earlywatch.domain.schedule import Cron, Interval, OnCalendar, Schedule

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONTH = timedelta(days=28)


class Now(StrEnum):
    """How a job stands when the demo begins."""

    UP = "up"
    NEW = "new"
    SILENT = "silent"  # its newest runs did not come
    OVERRAN = "overran"
    FAILED = "failed"
    RUNNING = "running"
    PAUSED = "paused"


@dataclass(frozen=True)
class Job:
    """A job and its history. Runs are counted from the newest, which is 1."""

    name: str
    schedule: Schedule
    grace: timedelta
    tags: tuple[str, ...] = ()
    takes: timedelta = timedelta(0)  # how long a run takes; zero: it only tells its end
    max_runtime: timedelta | None = None
    since: timedelta = MONTH  # of how long ago its first run was
    missed: tuple[int, ...] = ()
    failed: tuple[int, ...] = ()
    now: Now = Now.UP
    goes_on: timedelta | None = None  # while the demo runs, it runs so often
    keep: bool = False  # stays watched whatever else is


# Free watches 20 of them; those whose last ping is the oldest are frozen.
JOBS = (
    Job("offsite backup", Cron("0 2 * * *", "Europe/Berlin"), 30 * MINUTE, ("db",), 22 * MINUTE,
        missed=(1, 2), now=Now.SILENT),
    Job("certificate renewal", Cron("30 4 * * 1", "UTC"), 2 * HOUR, ("web",), 20 * SECOND,
        failed=(1,), now=Now.FAILED),
    Job("nightly reports", Interval(DAY), HOUR, ("reports",), 35 * MINUTE, 2 * HOUR,
        MONTH - 20 * HOUR, now=Now.OVERRAN),
    Job("photo import", Interval(DAY), DAY, ("media",), 4 * MINUTE, None, MONTH + 40 * MINUTE,
        missed=(1,), now=Now.SILENT),
    Job("video transcoding", Interval(6 * HOUR), HOUR, ("media",), 50 * MINUTE, 5 * HOUR,
        14 * DAY + 12 * MINUTE, now=Now.RUNNING),
    Job("restore drill", Cron("0 9 1 * *", "Europe/Berlin"), DAY, ("db",), now=Now.NEW, keep=True),
    Job("old CRM export", Interval(HOUR), 10 * MINUTE, ("sales",), 3 * SECOND, None,
        2 * DAY, now=Now.PAUSED),
    Job("queue worker", Interval(30 * SECOND), 30 * SECOND, ("shop",), since=20 * MINUTE,
        goes_on=30 * SECOND),
    Job("payment poller", Interval(MINUTE), MINUTE, ("shop",), since=40 * MINUTE, missed=(18,),
        goes_on=MINUTE),
    Job("sensor gateway", Interval(15 * SECOND), 20 * SECOND, ("iot",), since=8 * MINUTE,
        goes_on=10 * SECOND),
    Job("search index", Interval(5 * MINUTE), 2 * MINUTE, ("shop",), 40 * SECOND, 4 * MINUTE,
        3 * HOUR, failed=(9,), goes_on=5 * MINUTE),
    Job("database backup", Cron("15 1 * * *", "Europe/Berlin"), HOUR, ("db",), 14 * MINUTE,
        failed=(9,)),
    Job("invoice run", Cron("0 6 * * 1-5", "Europe/Berlin"), HOUR, ("billing",), 3 * MINUTE),
    Job("log rotation", OnCalendar("daily", "UTC"), HOUR, ("ops",), 9 * SECOND, missed=(5,)),
    Job("newsletter", Cron("0 8 * * 2", "Europe/Berlin"), 3 * HOUR, ("marketing",), 12 * MINUTE),
    Job("exchange rates", Interval(4 * HOUR), HOUR, ("billing",), 2 * SECOND, None,
        9 * DAY + HOUR, missed=(3, 21)),
    Job("thumbnail sweep", Interval(2 * HOUR), 30 * MINUTE, ("media",), 7 * MINUTE, None,
        4 * DAY + HOUR),
    Job("mail bounce sync", Interval(HOUR), 15 * MINUTE, ("marketing",), 5 * SECOND, None,
        3 * DAY + 25 * MINUTE, failed=(30, 31)),
    Job("stock sync", Interval(3 * HOUR), 30 * MINUTE, ("shop",), 90 * SECOND, None,
        8 * DAY + 2 * HOUR),
    Job("geo database", Cron("0 3 * * 3", "UTC"), 6 * HOUR, ("ops",), 70 * SECOND),
    Job("GDPR erasure", Cron("45 23 * * *", "Europe/Berlin"), HOUR, ("ops",), 6 * SECOND),
    Job("audit archive", Interval(28 * DAY), 2 * DAY, ("ops",), 8 * MINUTE, None, 83 * DAY),
    Job("quarterly cleanup", Interval(91 * DAY), 7 * DAY, ("db",), HOUR, None, 130 * DAY),
    Job("license check", Interval(30 * DAY), 2 * DAY, ("ops",), since=79 * DAY),
    Job("disk health report", Interval(28 * DAY), DAY, ("ops",), since=76 * DAY),
)  # fmt: skip
