"""Rows for tests: each builder fills in whatever the test does not care about, and flushes.

Nothing here commits. All moments are UTC; where a test names none, things happened at `NOW`.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from sqlalchemy import insert
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.domain.monitor import Cause
from earlywatch.domain.plans import PlanName
from earlywatch.domain.runs import Run, write_runs
from earlywatch.domain.schedule import Interval, Schedule
from earlywatch.models import (
    Account,
    Channel,
    Delivery,
    Incident,
    Member,
    Monitor,
    Ping,
    Workspace,
)
from earlywatch.models.channel import monitor_channel
from earlywatch.models.workspace import Role
from earlywatch.services.passwords import hash_password

NOW = datetime(2026, 11, 20, 5, 17, 3, tzinfo=UTC)
PASSWORD = "correct horse battery"

_numbers = count(1)

CONFIGS: dict[str, dict[str, str]] = {
    "email": {"address": "ops@example.org"},
    "slack": {"webhook_url": "https://hooks.slack.com/services/T000/B000/XXXX"},
    "sms": {"phone_number": "+4915112345678"},
}


def make_account(
    session: Session,
    email: str = "",
    password: str = "",
    *,
    confirmed: bool = True,
    now: datetime = NOW,
) -> Account:
    """A person. Without `password` the account has none (hashing takes its time)."""
    account = Account(
        email=email or f"person{next(_numbers)}@example.org",
        password_hash=hash_password(password) if password else None,
        email_confirmed_at=now if confirmed else None,
        created_at=now,
    )
    session.add(account)
    session.flush()
    return account


def make_workspace(
    session: Session,
    *people: Account,
    name: str = "Night shift",
    time_zone: str = "UTC",
    plan: PlanName = PlanName.UNLIMITED,
    now: datetime = NOW,
) -> Workspace:
    """A workspace: the first of `people` owns it, the others are members."""
    workspace = Workspace(name=name, time_zone=time_zone, plan=plan.value, created_at=now)
    session.add(workspace)
    session.flush()
    for place, account in enumerate(people or (make_account(session, now=now),)):
        make_member(session, workspace, account, Role.MEMBER if place else Role.OWNER, now=now)
    return workspace


def make_member(
    session: Session, workspace: Workspace, account: Account, role: Role, *, now: datetime = NOW
) -> Member:
    """A person in a workspace."""
    member = Member(
        account_id=account.id, workspace_id=workspace.id, role=role.value, created_at=now
    )
    session.add(member)
    session.flush()
    return member


def make_channel(
    session: Session,
    workspace: Workspace | None = None,
    kind: str = "email",
    *,
    verified: bool = True,
    now: datetime = NOW,
    **columns: Any,
) -> Channel:
    """A channel, ready for alerts unless `verified=False`."""
    columns = {
        "name": f"{kind} {next(_numbers)}",
        "config": CONFIGS.get(kind, {}),
        "is_default": True,
        "created_at": now,
        "verified_at": now if verified else None,
        **columns,
    }
    workspace = workspace or make_workspace(session, now=now)
    channel = Channel(workspace_id=workspace.id, kind=kind, **columns)
    session.add(channel)
    session.flush()
    return channel


def make_monitor(
    session: Session,
    workspace: Workspace | None = None,
    name: str = "nightly backup",
    *,
    schedule: Schedule | None = None,
    grace: timedelta = timedelta(seconds=2),
    channels: Iterable[Channel] = (),
    runs: Iterable[Run] = (),
    now: datetime = NOW,
    **columns: Any,
) -> Monitor:
    """A new monitor, every 10 s; `columns` such as `status="up", deadline_at=…` say otherwise."""
    workspace = workspace or make_workspace(session, now=now)
    monitor = Monitor(
        **{
            "workspace_id": workspace.id,
            "ping_key": uuid4(),
            "name": name,
            "tags": [],
            "grace": grace,
            "status": "new",
            "runs_json": write_runs(runs),
            "created_at": now,
            **columns,
        }
    )
    monitor.set_schedule(schedule or Interval(timedelta(seconds=10)))
    session.add(monitor)
    session.flush()
    for channel in channels:
        link = insert(monitor_channel).values(monitor_id=monitor.id, channel_id=channel.id)
        session.execute(link)
    return monitor


def make_ping(
    session: Session,
    monitor: Monitor | None = None,
    kind: str = "success",
    *,
    now: datetime = NOW,
    **columns: Any,
) -> Ping:
    """A ping received at `now`; it leaves the monitor's own columns alone."""
    monitor = monitor or make_monitor(session, now=now)
    ping = Ping(
        **{
            "monitor_id": monitor.id,
            "received_at": now,
            "kind": kind,
            "body_cut": False,
            "method": "GET",
            "scheme": "https",
            **columns,
        }
    )
    session.add(ping)
    session.flush()
    return ping


def make_incident(
    session: Session,
    monitor: Monitor | None = None,
    cause: Cause = Cause.MISSED,
    *,
    opened_at: datetime = NOW,
    **columns: Any,
) -> Incident:
    """An open incident; it leaves the monitor's own columns alone."""
    monitor = monitor or make_monitor(session, status="late", now=opened_at)
    incident = Incident(
        monitor_id=monitor.id,
        cause=cause.value,
        opened_at=opened_at,
        **{"noticed_at": opened_at, **columns},
    )
    session.add(incident)
    session.flush()
    return incident


def make_delivery(
    session: Session,
    channel: Channel | None = None,
    incident: Incident | None = None,
    alert: AlertKind | None = None,
    *,
    now: datetime = NOW,
    **columns: Any,
) -> Delivery:
    """A pending delivery, due at `now`: `opened` with an incident, `test` without one."""
    channel = channel or make_channel(session, now=now)
    alert = alert or (AlertKind.OPENED if incident else AlertKind.TEST)
    delivery = Delivery(
        **{
            "channel_id": channel.id,
            "incident_id": incident.id if incident else None,
            "alert": alert.value,
            "created_at": now,
            "next_attempt_at": now,
            "turn_at": now,
            **columns,
        }
    )
    session.add(delivery)
    session.flush()
    return delivery
