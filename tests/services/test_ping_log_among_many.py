"""The log among many pings: which indexes PostgreSQL reads, and how many rows."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind
from earlywatch.models import Monitor
from earlywatch.services import ping_log
from earlywatch.services.ping_log import Search
from tests.builders import make_monitor

HOUR = timedelta(hours=1)
RUN = UUID("0f2a7c86-5b7a-4a8e-9d0c-2f6f2b1c3d4e")
MANY = 20_000


@pytest.fixture
def crowded(session: Session, now: datetime) -> Monitor:
    """A monitor with many pings, one a minute up to now; those of two others lie between."""
    before, monitor, after = (make_monitor(session) for _ in range(3))
    fill = """
        INSERT INTO ping (monitor_id, received_at, kind, message, body_cut, method, scheme)
        SELECT monitor_id, :now - (:many - n) * interval '1 minute',
            CASE WHEN n % 4000 = 0 THEN 'fail' ELSE 'success' END, 'n ' || n, false, 'GET', 'https'
        FROM generate_series(1, :many) AS n, unnest(CAST(:monitors AS bigint[])) AS monitor_id
        WHERE monitor_id = :monitor OR n % 3 = 0 ORDER BY n, monitor_id
    """
    monitors = [before.id, monitor.id, after.id]
    values = {"now": now, "many": MANY, "monitors": monitors, "monitor": monitor.id}
    session.execute(text(fill), values)
    session.execute(text("ANALYZE ping"))
    return monitor


class Plans:
    """The plans of the queries that run meanwhile."""

    def __init__(self, session: Session) -> None:
        self.connection = session.connection()
        self.ran: list[tuple[str, Any]] = []

    def __enter__(self) -> Self:
        event.listen(self.connection, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self.connection, "before_cursor_execute", self._note)

    def _note(self, _: object, __: object, statement: str, values: object, *_rest: object) -> None:
        self.ran.append((statement, values))

    def nodes(self) -> Iterator[dict[str, Any]]:
        for statement, values in self.ran:
            if "set_config" in statement:
                self.connection.exec_driver_sql(statement, values)
                continue
            explain = "EXPLAIN (ANALYZE, FORMAT JSON) " + statement
            [plan] = self.connection.exec_driver_sql(explain, values).scalar_one()
            yield from _nodes(plan["Plan"])


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", []):
        yield from _nodes(inner)


def rows_read(node: dict[str, Any]) -> int:
    removed = node.get("Rows Removed by Filter", 0)
    return int((node["Actual Rows"] + removed) * node["Actual Loops"])


@pytest.mark.parametrize(
    ("search", "most"),
    [
        (Search(), 31),
        (Search(kinds=frozenset({PingKind.FAIL})), 31),
        (Search(kinds=frozenset({PingKind.FAIL, PingKind.LOG})), 31),
        (Search(words="n 19999"), 3_000),
        (Search(words="nowhere"), 3_000),
        (Search(run_id=RUN), 3_000),
        (Search(kinds=frozenset({PingKind.FAIL}), words="n 4000"), 31),
    ],
)
def test_a_page_among_many_pings_reads_few(
    session: Session, crowded: Monitor, now: datetime, search: Search, most: int
) -> None:
    with Plans(session) as plans:
        ping_log.ping_log(session, crowded, search=search)
        ping_log.ping_log(session, crowded, before=2**62, search=search)

    nodes = list(plans.nodes())
    assert nodes
    assert not [node for node in nodes if node["Node Type"] in {"Seq Scan", "Bitmap Heap Scan"}]
    assert max(map(rows_read, nodes)) <= most + 1


def test_a_day_among_many_pings_is_found_by_few_steps(
    session: Session, crowded: Monitor, now: datetime
) -> None:
    for hours in (25, 99, 168, 201, 300):
        start = now - hours * HOUR
        search = Search(start=start, end=start + 24 * HOUR)
        with Plans(session) as plans:
            log = ping_log.ping_log(session, crowded, search=search)

        nodes = list(plans.nodes())
        assert log.lines[0].ping.received_at == start + 24 * HOUR - HOUR / 60
        assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]
        assert max(map(rows_read, nodes)) <= 100


def test_a_rare_kind_is_paged_through_to_the_oldest(session: Session, crowded: Monitor) -> None:
    fails = ping_log.ping_log(session, crowded, search=Search(frozenset({PingKind.FAIL})))

    said = [line.ping.message for line in fails.lines]
    assert said == [f"n {n}" for n in range(20_000, 0, -4_000)]
    assert fails.looked_to is None
