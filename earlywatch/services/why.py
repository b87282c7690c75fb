"""What the page of an incident knows beside its course: pings, output, others, outages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select, text, tuple_
from sqlalchemy.orm import Session, contains_eager, defer

from earlywatch.domain.differences import Line, compare
from earlywatch.domain.monitor import Cause, PingKind
from earlywatch.models import Incident, Monitor, Outage, Ping
from earlywatch.models.incident import Held
from earlywatch.services.monitor_lists import Outcome, Run
from earlywatch.services.ping_log import FIRST_ID, OUT_OF_ORDER, TOP

RUNS = 10
LOOKED_THROUGH = 200  # pings before it
NEARBY = timedelta(minutes=10)
NAMED = 10
ENDS = (PingKind.SUCCESS.value, PingKind.FAIL.value)
READ = 16_384  # bytes from the end of each output that are compared

END_OF_BODY = text("""
    SELECT substr(body, greatest(octet_length(body) - :read + 1, 1)) FROM ping
    WHERE id = :ping_id
""")


@dataclass(frozen=True)
class Why:
    """Of an incident: the last ping before it, the last good run, and what differs in the output.

    `runs` are the last ones up to it, oldest first. `others` are incidents of the workspace that
    opened at about that time, `more` how many are not among them.
    """

    last: Ping | None = None
    output: str = ""
    good: Ping | None = None
    difference: tuple[Line, ...] = ()
    runs: Sequence[Run] = ()
    others: Sequence[Incident] = ()
    more: int = 0
    fold: Sequence[Incident] = field(default=())  # told of together with it
    outage: Outage | None = None
    blocker: Monitor | None = None  # while nobody is told because that one is in trouble


def find_why(session: Session, incident: Incident) -> Why:
    """Return what is known about why an incident opened."""
    monitor = incident.monitor
    pings = _pings_until(session, monitor, incident.opened_at)
    last = pings[0] if pings else None
    good = next((ping for ping in pings if ping.kind == PingKind.SUCCESS), None)
    output = _output(session, last)
    difference: tuple[Line, ...] = ()
    if output and good is not None and good is not last:
        difference = compare(_output(session, good), output)
    others = _others(session, incident)
    return Why(
        last=last,
        output=output,
        good=good,
        difference=difference,
        runs=_runs(session, incident, pings),
        others=others[:NAMED],
        more=len(others) - len(others[:NAMED]),
        fold=_folded(session, incident),
        outage=session.get(Outage, incident.outage_id) if incident.outage_id else None,
        blocker=_blocker(session, incident),
    )


def _blocker(session: Session, incident: Incident) -> Monitor | None:
    if incident.held != Held.BLOCKED or incident.blocked_by_id is None:
        return None
    return session.get(Monitor, incident.blocked_by_id)


def _pings_until(session: Session, monitor: Monitor, at: datetime) -> list[Ping]:
    """Return pings received up to a moment (UTC), newest first, without their bodies."""
    values = {"monitor_id": monitor.id, "at": at + OUT_OF_ORDER, "top": TOP}
    high = session.execute(FIRST_ID, values).scalar_one_or_none() or TOP
    place = tuple_(Ping.monitor_id, Ping.id)
    query = (
        select(Ping)
        .options(defer(Ping.body, raiseload=True))
        .where(place >= (monitor.id, 0), place < (monitor.id, high), Ping.received_at <= at)
        .order_by(Ping.monitor_id.desc(), Ping.id.desc())
        .limit(LOOKED_THROUGH)
    )
    return list(session.scalars(query))


def _output(session: Session, ping: Ping | None) -> str:
    if ping is None:
        return ""
    end = session.scalar(END_OF_BODY, {"ping_id": ping.id, "read": READ})
    body = bytes(end or b"").decode("utf-8", "replace").replace("\0", "\N{SYMBOL FOR NULL}")
    return "\n".join(part for part in (ping.message, body.strip("\n")) if part)


def _runs(session: Session, incident: Incident, pings: Sequence[Ping]) -> list[Run]:
    ended = [
        Run(
            ping.received_at,
            Outcome.FAILED if ping.kind == PingKind.FAIL else Outcome.SUCCESS,
            ping.duration,
        )
        for ping in pings
        if ping.kind in ENDS
    ]
    query = (
        select(Incident.opened_at)
        .where(
            Incident.monitor_id == incident.monitor_id,
            Incident.cause.in_([Cause.MISSED, Cause.OVERRAN]),
            Incident.opened_at <= incident.opened_at,
        )
        .order_by(Incident.opened_at.desc())
        .limit(RUNS)
    )
    missed = [Run(at, Outcome.MISSED) for at in session.scalars(query)]
    return sorted([*ended[:RUNS], *missed], key=lambda run: run.at)[-RUNS:]


def _others(session: Session, incident: Incident) -> list[Incident]:
    """Return incidents of other monitors of the workspace that opened at about that time."""
    query = (
        select(Incident)
        .join(Incident.monitor)
        .options(contains_eager(Incident.monitor))
        .where(
            Monitor.workspace_id == incident.monitor.workspace_id,
            Incident.id != incident.id,
            Incident.opened_at.between(incident.opened_at - NEARBY, incident.opened_at + NEARBY),
        )
        .order_by(Incident.opened_at, Incident.id)
        .limit(1_000)
    )
    return list(session.scalars(query))


def _folded(session: Session, incident: Incident) -> list[Incident]:
    if incident.fold_id is None:
        return []
    query = (
        select(Incident)
        .join(Incident.monitor)
        .options(contains_eager(Incident.monitor))
        .where(Incident.fold_id == incident.fold_id, Incident.id != incident.id)
        .order_by(Incident.opened_at, Incident.id)
        .limit(1_000)
    )
    return list(session.scalars(query))
