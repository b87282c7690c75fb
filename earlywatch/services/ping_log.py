"""The log of a monitor's pings: page by page, narrowed by kind, time, text and run.

It stays fast among a million pings: what an index cannot find is looked for in a bounded number
of pings a page, and the page tells how far that reached.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Subquery, func, literal, or_, select, text, tuple_, union_all
from sqlalchemy.orm import Session, aliased, defer

from earlywatch.domain.monitor import PingKind
from earlywatch.errors import NotFound
from earlywatch.models import Monitor, Ping, Workspace
from earlywatch.models.ping import KEPT_IN_ROW

PINGS_PER_PAGE = 30
LOOKED_THROUGH = 3_000  # pings for one page: 50 ms if each has a long body
# Ids rise with the time of receipt, but for pings that waited or came through another process.
OUT_OF_ORDER = timedelta(minutes=10)

# The first id at or after a moment, in one round trip of some 30 steps. Rows are compared, here
# and below, because only the index over both columns can do that: with `monitor_id = …` the
# planner may read along the primary key, past the pings of everybody else.
FIRST_ID = text("""
    WITH RECURSIVE step (low, high) AS (
        SELECT oldest.id, newest.id + 1
        FROM (
            SELECT id FROM ping
            WHERE (monitor_id, id) >= (:monitor_id, 0) AND (monitor_id, id) < (:monitor_id, :top)
            ORDER BY monitor_id, id LIMIT 1
        ) AS oldest, (
            SELECT id FROM ping
            WHERE (monitor_id, id) >= (:monitor_id, 0) AND (monitor_id, id) < (:monitor_id, :top)
            ORDER BY monitor_id DESC, id DESC LIMIT 1
        ) AS newest
        UNION ALL
        SELECT CASE WHEN met.before THEN met.id + 1 ELSE low END,
            CASE WHEN met.before THEN high ELSE (low + high) / 2 END
        FROM step, LATERAL (
            SELECT id, id < high AND received_at < :at AS before FROM ping
            WHERE (monitor_id, id) >= (:monitor_id, (low + high) / 2)
                AND (monitor_id, id) < (:monitor_id, :top)
            ORDER BY monitor_id, id LIMIT 1
        ) AS met
        WHERE low < high
    )
    SELECT low FROM step WHERE low = high
""")
TOP = 2**63 - 1  # above every id
GUESSING = ("enable_seqscan", "enable_bitmapscan")
# The condition of ix_ping_kind, literal: the planner cannot see what a parameter will be.
RARE = Ping.kind != literal(PingKind.SUCCESS.value, literal_execute=True)


@dataclass(frozen=True)
class Search:
    """What to show: of these kinds, from `start` and before `end` (UTC), with this text, this run.

    Without kinds, of all. The text may stand in the message, the first 4 kB of the body, the agent
    or the address, in either case.
    """

    kinds: frozenset[PingKind] = frozenset()
    start: datetime | None = None
    end: datetime | None = None
    words: str = ""
    run_id: UUID | None = None


EVERYTHING = Search()


@dataclass(frozen=True)
class LoggedPing:
    """One line of the ping log; the body itself is read only on its own page."""

    ping: Ping
    body_bytes: int | None  # of the whole body, wherever it lies


@dataclass(frozen=True)
class PingLog:
    """One page, newest first. `older` and `newer` are the ids to page on from, if any.

    `beyond`: which pings ("older" or "newer") were asked for although there are none.
    `looked_to`: when the last ping that was looked at came (UTC), where the search gave up with
    the page not full.
    """

    lines: list[LoggedPing]
    older: int | None = None
    newer: int | None = None
    beyond: str = ""
    looked_to: datetime | None = None


def ping_log(
    session: Session,
    monitor: Monitor,
    before: int | None = None,
    after: int | None = None,
    search: Search = EVERYTHING,
) -> PingLog:
    """Return the newest pings, or those next older than id `before` or newer than id `after`."""
    rising = after is not None
    span = _span(session, monitor, search, before, after)
    residue = _residue(search)

    def next_pings(most: int) -> Subquery:
        return _next_pings(monitor, search, span, most, rising=rising)

    most = PINGS_PER_PAGE + 1 if residue is None else LOOKED_THROUGH
    edge, looked_to = None, None
    with _by_index(session):
        found = _read(session, next_pings(most), residue, rising=rising)
        lines = found[:PINGS_PER_PAGE]
        if len(found) > PINGS_PER_PAGE:
            edge = lines[-1].ping.id
        elif residue is not None:
            edge, looked_to = _horizon(session, next_pings(LOOKED_THROUGH + 1), rising=rising)
    if rising:
        lines.reverse()
    return _page(lines, (before, after), edge, looked_to)


def find_ping(session: Session, workspace: Workspace, monitor_id: int, ping_id: int) -> Ping:
    """Return one ping of a monitor of the workspace, body included. Raises NotFound."""
    query = (
        select(Ping)
        .join(Monitor, Monitor.id == Ping.monitor_id)
        .where(Monitor.workspace_id == workspace.id, Monitor.id == monitor_id, Ping.id == ping_id)
    )
    ping = session.scalar(query)
    if ping is None:
        raise NotFound("There is no such ping.")
    return ping


def _span(
    session: Session, monitor: Monitor, search: Search, before: int | None, after: int | None
) -> tuple[int, int]:
    """Return the ids to look at: from, and before."""
    low, high = (after or 0) + 1, before or TOP
    if search.start is not None:
        low = max(low, _first_id(session, monitor, search.start - OUT_OF_ORDER) or 0)
    if search.end is not None:
        high = min(high, _first_id(session, monitor, search.end + OUT_OF_ORDER) or TOP)
    return low, high


def _first_id(session: Session, monitor: Monitor, at: datetime) -> int | None:
    values = {"monitor_id": monitor.id, "at": at, "top": TOP}
    return session.execute(FIRST_ID, values).scalar_one_or_none()


@contextmanager
def _by_index(session: Session) -> Iterator[None]:
    """Let the planner use indexes meanwhile, in their order.

    How many rows a comparison of rows finds it can only guess, and after a wrong guess it would
    read and sort all pings of a monitor.
    """
    session.execute(select(*(func.set_config(name, "off", True) for name in GUESSING)))
    yield  # after an error the transaction ends, and the settings with it
    session.execute(select(*(func.set_config(name, "on", True) for name in GUESSING)))


def _next_pings(
    monitor: Monitor, search: Search, span: tuple[int, int], most: int, *, rising: bool
) -> Subquery:
    """Return the next `most` pings in the direction of reading."""

    def stretch(kind: PingKind | None = None) -> Subquery:
        columns = [Ping.monitor_id, Ping.kind, Ping.id] if kind else [Ping.monitor_id, Ping.id]
        values = (monitor.id, kind.value) if kind else (monitor.id,)
        index = tuple_(*columns)
        query = select(Ping).where(index >= (*values, span[0]), index < (*values, span[1]))
        if kind:
            query = query.where(RARE)
        query = query.where(*_times(search))
        return (
            query.order_by(*(_along(column, rising) for column in columns)).limit(most).subquery()
        )

    kinds = search.kinds
    if not kinds or PingKind.SUCCESS in kinds:
        return stretch()
    joined = union_all(*(select(stretch(kind)) for kind in sorted(kinds))).subquery()
    return select(joined).order_by(_along(joined.c.id, rising)).limit(most).subquery()


def _times(search: Search) -> Iterator[ColumnElement[bool]]:
    """The exact bounds: ids alone are not."""
    if search.start is not None:
        yield Ping.received_at >= search.start
    if search.end is not None:
        yield Ping.received_at < search.end


def _along(ids: Any, rising: bool) -> Any:
    return ids if rising else ids.desc()


def _residue(search: Search) -> list[Any] | None:
    """Return what no index finds, as functions of a ping; None if there is nothing of it."""
    conditions: list[Any] = []
    kinds = search.kinds
    if PingKind.SUCCESS in kinds:
        conditions.append(lambda ping: ping.kind.in_(kinds))
    if search.run_id is not None:
        conditions.append(lambda ping: ping.run_id == search.run_id)
    if search.words:
        conditions.append(lambda ping: _holds(ping, search.words))
    return conditions or None


def _read(
    session: Session, pings: Subquery, residue: list[Any] | None, *, rising: bool
) -> list[LoggedPing]:
    ping = aliased(Ping, pings)
    size = func.coalesce(ping.body_bytes, func.octet_length(ping.body))
    query = select(ping, size).options(defer(ping.body, raiseload=True))
    query = query.where(*(condition(ping) for condition in residue or ()))
    query = query.order_by(_along(ping.id, rising)).limit(PINGS_PER_PAGE + 1)
    return [LoggedPing(found, bytes_) for found, bytes_ in session.execute(query)]


def _horizon(
    session: Session, pings: Subquery, *, rising: bool
) -> tuple[int | None, datetime | None]:
    """Return id and time (UTC) of the last of `pings` that was looked at, if one follows it."""
    query = select(pings.c.id, pings.c.received_at).order_by(_along(pings.c.id, rising))
    last = session.execute(query.offset(LOOKED_THROUGH - 1)).all()
    return (last[0].id, last[0].received_at) if len(last) > 1 else (None, None)


def _holds(ping: Any, words: str) -> ColumnElement[bool]:
    """Return whether a ping holds these words. Bodies are bytes that need not be any text."""
    start = func.encode(func.substring(ping.body, 1, KEPT_IN_ROW), "escape")
    lower = func.lower(start.collate("C"))  # ASCII alone: much faster, and safe with any bytes
    holds = [
        ping.message.icontains(words, autoescape=True),
        ping.user_agent.icontains(words, autoescape=True),
        func.host(ping.remote_address).contains(words.lower(), autoescape=True),
        *(func.strpos(lower, variant) > 0 for variant in _variants(words)),
    ]
    return or_(*holds)


def _variants(words: str) -> list[str]:
    """Return how the words may stand in bytes whose ASCII letters are small, as `escape` writes."""
    ways = (words, words.lower(), words.upper())
    return sorted({_escaped(way.encode().lower()) for way in ways})


def _escaped(data: bytes) -> str:
    return "".join(
        rf"\{byte:03o}" if byte >= 128 else r"\\" if byte == ord("\\") else chr(byte)
        for byte in data
    )


def _page(
    lines: list[LoggedPing],
    came_from: tuple[int | None, int | None],
    edge: int | None,
    looked_to: datetime | None,
) -> PingLog:
    """`edge` is where further pings lie in the direction of reading; we came from the other."""
    before, after = came_from
    if not lines and edge is None:
        beyond = "older" if before is not None else "newer" if after is not None else ""
        return PingLog(lines, beyond=beyond)
    if after is None:
        newest = lines[0].ping.id if lines else before - 1 if before else None
        return PingLog(lines, edge, newest if before is not None else None, "", looked_to)
    oldest = lines[-1].ping.id if lines else after + 1
    return PingLog(lines, oldest, edge, "", looked_to)
