"""The detector: ten thousand deadlines at once, and what a tick costs when nothing is due."""

import tempfile
import time
from pathlib import Path

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from earlywatch import migrations
from earlywatch.clock import utcnow
from earlywatch.embedded import EmbeddedPostgres
from earlywatch.services import detection
from tests.bench.table import Row, at_most, percentile, show

OVERDUE = 10_000
FEW, MANY = 1_000, 1_000_000
TICKS = 200

PEOPLE = """
    INSERT INTO workspace (name, ping_key, created_at) VALUES ('bench', 'bench', now());
    INSERT INTO channel (workspace_id, kind, name, config, created_at, verified_at)
    SELECT id, 'email', 'ops', '{"address": "ops@example.org"}', now(), now() FROM workspace;
"""
MONITORS = """
    INSERT INTO monitor (workspace_id, ping_key, name, schedule_kind, period, time_zone, grace,
        created_at, status, last_ping_at, last_success_at, expected_at, deadline_at)
    SELECT workspace.id, gen_random_uuid(), 'job ' || n, 'interval', '1 hour', 'UTC', '5 minutes',
        now(), 'up', now() - interval '1 hour', now() - interval '1 hour',
        now() + CAST(:due AS interval), now() + CAST(:due AS interval) + n * interval '1 ms'
    FROM workspace, generate_series(1, :count) AS n
"""
LINKS = """
    INSERT INTO monitor_channel
    SELECT monitor.id, channel.id FROM monitor, channel ON CONFLICT DO NOTHING
"""


def fill(engine: Engine, count: int, due: str) -> None:
    """Add monitors whose deadline is `due` (an interval) from now."""
    with engine.begin() as connection:
        connection.execute(text(MONITORS), {"count": count, "due": due})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE monitor"))
        connection.execute(text("CHECKPOINT"))  # its writing is no part of a tick


def tick(engine: Engine) -> int:
    """Run the detector once, as its task does; return how many monitors it judged."""
    with Session(engine) as session:
        found = detection.detect(session, utcnow())
        session.commit()
        return found.judged


def median_tick(engine: Engine) -> float:
    """Return the median length of a tick (milliseconds) that finds nothing."""
    lengths = []
    for _ in range(TICKS):
        start = time.perf_counter()
        tick(engine)
        lengths.append((time.perf_counter() - start) * 1000)
    return percentile(lengths, 0.5)


def judge_all(engine: Engine) -> float:
    """Return how long (seconds) it takes to write all incidents and deliveries."""
    start = time.perf_counter()
    while tick(engine) == detection.BATCH:
        pass
    return time.perf_counter() - start


def run() -> list[Row]:
    """Measure on a durable PostgreSQL of our own."""
    with (
        tempfile.TemporaryDirectory() as place,
        EmbeddedPostgres(Path(place) / "postgres") as server,
    ):
        migrations.upgrade(server.url)
        engine = create_engine(server.url)
        with engine.begin() as connection:
            connection.execute(text(PEOPLE))
        fill(engine, OVERDUE, "-1 minute")
        with engine.begin() as connection:
            connection.execute(text(LINKS))
        seconds = judge_all(engine)
        with engine.begin() as connection:
            made = connection.scalar(text("SELECT count(*) FROM delivery"))
            assert made == OVERDUE
            connection.execute(text("TRUNCATE monitor CASCADE"))
        fill(engine, FEW, "1 day")
        few = median_tick(engine)
        fill(engine, MANY - FEW, "1 day")
        many = median_tick(engine)
        engine.dispose()
    return [
        at_most(f"{OVERDUE:,} monitors overdue at once", seconds, 2, "s"),
        Row(f"a tick with {FEW:,} monitors not due (median)", f"{few:.2f} ms"),
        Row(f"a tick with {MANY:,} monitors not due (median)", f"{many:.2f} ms"),
        at_most("its cost, many against few", many / few, 1.2, "times"),
    ]


if __name__ == "__main__":
    show("Detector", run())
