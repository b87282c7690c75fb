"""Retention: what deleting costs, whether pings wait for it, and the room that a ping takes."""

import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from earlywatch import migrations
from earlywatch.clock import utcnow
from earlywatch.embedded import EmbeddedPostgres
from earlywatch.services import retention
from earlywatch.services.retention import Limits, Place
from tests.bench.bench_detector import MONITORS, PEOPLE
from tests.bench.table import Row, at_least, at_most, percentile, show

BUSY, QUIET = 20, 5_000  # monitors
PINGS = 1_000_000
KEPT = 1_000
ALONE = 10  # seconds
LIMITS = Limits(KEPT, timedelta(days=400))
PING = """
    INSERT INTO ping (monitor_id, received_at, kind, body_cut, method, scheme, remote_address,
        user_agent)
    SELECT monitor.id, now(), 'success', false, 'GET', 'https', '198.51.100.7', 'curl/8.14.1'
    FROM generate_series(1, :each) AS n, (SELECT id FROM monitor ORDER BY id LIMIT :monitors)
        AS monitor
"""


def fill(engine: Engine) -> None:
    """Give a few monitors very many pings, and many monitors a few."""
    with engine.begin() as connection:
        connection.execute(text(PEOPLE))
        connection.execute(text(MONITORS), {"count": BUSY + QUIET, "due": "1 day"})
        connection.execute(text(PING), {"each": 20, "monitors": BUSY + QUIET})
        connection.execute(text(PING), {"each": PINGS // BUSY, "monitors": BUSY})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))


def steps(engine: Engine) -> Iterator[tuple[float, int]]:
    """Do a round; yield the length (milliseconds) of each transaction, and its pings."""
    place: Place | None = Place()
    while place is not None:
        start = time.perf_counter()
        with Session(engine) as session:
            step = retention.prune(session, LIMITS, place, utcnow())
            session.commit()
        place, seconds = step.place, time.perf_counter() - start
        yield seconds * 1000, step.pings
        if step.pings:
            time.sleep(seconds)  # as the task does


def write(engine: Engine, stop: Event) -> list[float]:
    """Add a ping again and again; return how long (milliseconds) each took."""
    lengths = []
    while not stop.is_set():
        start = time.perf_counter()
        with engine.begin() as connection:
            connection.execute(text(PING), {"each": 1, "monitors": 1})
        lengths.append((time.perf_counter() - start) * 1000)
        stop.wait(0.005)
    return lengths


def p99_while(engine: Engine, work: Callable[[], object]) -> float:
    """Return how long (milliseconds) pings take while something else goes on."""
    stop, waits = Event(), list[float]()
    writer = Thread(target=lambda: waits.extend(write(engine, stop)))
    writer.start()
    work()
    stop.set()
    writer.join()
    return percentile(waits, 0.99)


def measure(engine: Engine) -> list[Row]:
    """Prune a million pings while others come in, and look once more when nothing is to do."""
    with engine.connect() as connection:
        size = text("SELECT pg_total_relation_size('ping') / count(*)::float FROM ping")
        room = float(connection.scalar(size) or 0)
    done = list[tuple[float, int]]()
    alone = p99_while(engine, lambda: time.sleep(ALONE))
    beside = p99_while(engine, lambda: done.extend(steps(engine)))
    lengths = [length for length, _ in done]
    deleted, busy = sum(pings for _, pings in done), sum(lengths) / 1000
    idle = sum(length for length, pings in steps(engine) if not pings)
    return [
        at_least("pings deleted", deleted / busy, 10_000, "/s"),
        at_most("its transactions (p90)", percentile(lengths, 0.9), 100, "ms"),
        Row("a ping while nothing is deleted (p99)", f"{alone:.2f} ms"),
        at_most("a ping while pings are deleted (p99)", beside, 15, "ms"),
        at_most("a look at 1,000 monitors with nothing to do", idle / (BUSY + QUIET), 1, "s", 3),
        Row("room of a ping without a body", f"{room:.0f} bytes"),
    ]


def run() -> list[Row]:
    """Measure on a durable PostgreSQL of our own."""
    with (
        tempfile.TemporaryDirectory() as place,
        EmbeddedPostgres(Path(place) / "postgres") as server,
    ):
        migrations.upgrade(server.url)
        engine = create_engine(server.url)
        fill(engine)
        rows = measure(engine)
        engine.dispose()
    return rows


if __name__ == "__main__":
    show("Retention", run())
