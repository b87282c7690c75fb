"""An account with a past: every ping goes through the same rules as a real one."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind, on_deadline, on_pause
from earlywatch.domain.plans import PlanName
from earlywatch.models import Channel, Delivery, Incident, Monitor, Workspace
from earlywatch.services import accounts, acting, drills, incidents, pings, plans, workspaces
from earlywatch.services.incoming import IncomingPing
from tests.builders import PASSWORD, make_channel, make_monitor
from tests.demo.jobs import JOBS, MONTH, Job, Now

EMAIL = "demo@example.org"
ZONE = "Europe/Berlin"
FAILURE = b"Traceback: the challenge was not answered\nexit status 1\n"

# What the rules wrote down at this moment happened long ago, and was told then. What is open stays
# to be sent, so that there is something in the mailbox.
BACKDATE = (
    """
    UPDATE incident SET noticed_at = opened_at
    """,
    """
    UPDATE delivery SET state = 'sent', attempts = 1, answer = '250 ok', created_at = told.at,
        last_attempt_at = told.at, sent_at = told.at + interval '400 milliseconds'
    FROM (
        SELECT delivery.id, CASE alert WHEN 'opened' THEN opened_at ELSE resolved_at END AS at
        FROM delivery JOIN incident ON incident.id = incident_id WHERE resolved_at IS NOT NULL
    ) AS told
    WHERE told.id = delivery.id
    """,
)


@dataclass(frozen=True)
class Pulse:
    """A job that goes on while the demo runs."""

    ping_key: UUID
    every: timedelta
    takes: timedelta


def seed(session: Session, now: datetime) -> list[Pulse]:
    """Add the account with its monitors, channels and their past. Return what must go on."""
    started = now - 6 * MONTH
    accounts.add_confirmed(session, EMAIL, PASSWORD, started, PlanName.FREE)
    workspace = workspaces.get_owned(session, EMAIL)
    workspace.name, workspace.time_zone = "Demo workspace", ZONE
    channels = _channels(session, workspace, started)
    dice = random.Random(7)  # the same demo each time
    made = [(job, _add(session, workspace, channels, job, now, dice)) for job in JOBS]
    for statement in BACKDATE:
        session.execute(text(statement))
    session.expire_all()
    _people(session, workspace, now)
    plans.refresh(session, workspace, now)
    return [Pulse(each.ping_key, job.goes_on, job.takes) for job, each in made if job.goes_on]


def _people(session: Session, workspace: Workspace, now: datetime) -> None:
    """Let them answer a drill last week, and one trouble be somebody's already."""
    then = now - timedelta(days=6)
    drill = drills.start(session, workspace, EMAIL, then)
    for delivery in session.query(Delivery).filter_by(drill_id=drill.id):
        delivery.state, delivery.attempts, delivery.answer = "sent", 1, "250 ok"
        delivery.last_attempt_at = delivery.sent_at = then + timedelta(seconds=1)
        delivery.answered_at = delivery.channel.proven_at = then + timedelta(minutes=3)
    query = session.query(Incident).filter_by(resolved_at=None)
    if trouble := query.order_by(Incident.opened_at).first():
        acting.acknowledge(session, trouble.id, EMAIL, now)


def _channels(session: Session, workspace: Workspace, now: datetime) -> list[Channel]:
    """Add one that was never confirmed and one that broke; return the one that works."""
    [mail] = session.query(Channel).filter_by(workspace_id=workspace.id)
    config = {"address": "night-shift@example.org"}
    make_channel(
        session, workspace, name="night shift", config=config, verified=False, is_default=False,
        now=now,
    )  # fmt: skip
    make_channel(
        session, workspace, "slack", name="#ops", is_default=False, now=now,
        broken_at=now, broken_reason="Slack answered 404: the channel is archived.",
    )  # fmt: skip
    return [mail]


def _add(
    session: Session,
    workspace: Workspace,
    channels: list[Channel],
    job: Job,
    now: datetime,
    dice: random.Random,
) -> Monitor:
    """Add a monitor and let its past happen."""
    monitor = make_monitor(
        session, workspace, job.name, schedule=job.schedule, grace=job.grace, channels=channels,
        tags=list(job.tags), max_runtime=job.max_runtime, keep=job.keep, now=now - job.since,
    )  # fmt: skip
    past = [] if job.now is Now.NEW else list(_past(job, monitor.ping_key, now, dice))
    pings.record(session, past, now)
    session.refresh(monitor)
    if passed := on_deadline(monitor.state, job.grace, now):
        incidents.apply(session, monitor, [passed], now)
    if job.now is Now.PAUSED:
        incidents.apply(session, monitor, on_pause(monitor.state, job.grace, now), now)
    return monitor


def _past(job: Job, key: UUID, now: datetime, dice: random.Random) -> Iterator[IncomingPing]:
    """Yield the pings of all runs before `now`, in their order."""
    begins = _beginnings(job, now)
    for left, due in zip(range(len(begins), 0, -1), begins, strict=True):
        if left in job.missed:
            continue
        begin = due + timedelta(seconds=dice.uniform(0.2, 2.5))
        ends = begin + job.takes * dice.uniform(0.75, 1.3)
        if job.takes:
            yield _ping(key, PingKind.START, begin)
        unfinished = left == 1 and job.now in (Now.RUNNING, Now.OVERRAN)
        if unfinished or ends >= now:
            return
        yield _end(key, ends, failed=left in job.failed)


def _beginnings(job: Job, now: datetime) -> list[datetime]:
    found, begin = [], now - job.since
    while (begin := job.schedule.next_after(begin)) < now:
        found.append(begin)
    return found


def _end(key: UUID, at: datetime, *, failed: bool) -> IncomingPing:
    if failed:
        return _ping(key, PingKind.FAIL, at, exit_status=1, body=FAILURE, method="POST")
    return _ping(key, PingKind.SUCCESS, at)


def _ping(key: UUID, kind: PingKind, at: datetime, **values: object) -> IncomingPing:
    about = {"method": "GET", "scheme": "https", "remote_address": "192.0.2.17"} | values
    return IncomingPing(key, kind, at, user_agent="curl/8.5.0", **about)  # type: ignore[arg-type]
