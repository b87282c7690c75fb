"""Pings that are on the disk before they are answered, with every limit at its default.

Against a bare "OK" on the same server, at half the peak, beside a flooded key, and with millions
of pings in the table.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import Engine, create_engine, text

from earlywatch import migrations
from earlywatch.domain.schedule import Interval
from earlywatch.embedded import EmbeddedPostgres
from tests.bench.load import CONNECTIONS, Load, load, requests, start_load
from tests.bench.table import Row, at_least, at_most, show
from tests.serving import Server, add_monitors

MONITORS = 100_000  # so that at the peak each is pinged less often than it may be
WORKERS = 2  # one for each of the two cores that the bars are written for
ROUNDS = 4
FEW = 1_000  # pings a second to others, beside a flood
OTHERS = 10_000  # monitors
FLOODING = 16  # connections
LIMITS: dict[str, Any] = {"PING_BURST": "20", "PING_RATE": "1"}  # the defaults
SIZES = (1_000_000, 10_000_000)  # pings in the table

# As they would have come: monitor after monitor, again and again.
FILL = """
    INSERT INTO ping (monitor_id, received_at, kind, body_cut, method, scheme, remote_address,
        user_agent)
    SELECT monitors.id, now() - interval '1 day', 'success', false, 'GET', 'http', '127.0.0.1',
        'curl/8.5.0'
    FROM generate_series(1, :rounds) AS round, (SELECT id FROM monitor ORDER BY id) AS monitors
"""


def run() -> list[Row]:
    """Take turns, so that all see the same machine; the best round of each counts."""
    with (
        tempfile.TemporaryDirectory() as place,
        EmbeddedPostgres(Path(place) / "postgres") as postgres,
    ):
        migrations.upgrade(postgres.url)
        engine = create_engine(postgres.url)
        bench = Bench(Path(place), postgres.url, engine, add_many_monitors(engine, MONITORS))
        rows = [*bench.peak(), *bench.flood(), *bench.sizes()]
        engine.dispose()
    return rows


def add_many_monitors(engine: Engine, count: int) -> list[str]:
    """Commit so many monitors of one workspace; return their ping keys."""
    add_monitors(engine, schedule=Interval(timedelta(days=1)))
    columns = "workspace_id, name, schedule_kind, period, time_zone, grace, created_at"
    copy = text(
        f"INSERT INTO monitor (ping_key, {columns}) SELECT gen_random_uuid(), {columns}"
        " FROM monitor, generate_series(2, :count)"
    )
    with engine.begin() as connection:
        connection.execute(copy, {"count": count})
    with engine.connect() as connection:
        return [str(key) for key in connection.scalars(text("SELECT ping_key FROM monitor"))]


class Bench:
    """A database with monitors, and what is measured on it."""

    def __init__(self, place: Path, url: str, engine: Engine, keys: Sequence[str]) -> None:
        self._place = place
        self._url = url
        self._engine = engine
        self._keys = keys
        self._script = requests(place / "all.lua", keys)

    def peak(self) -> Iterator[Row]:
        """As fast as the answers come, beside a bare "OK"; then at half of that."""
        with self._serve() as ours, self._serve("tests.bench.bare:app") as other:
            bare, pings = [], []
            for _ in range(ROUNDS):
                bare.append(load(other.port, self._script))
                pings.append(load(ours.port, self._script))
            best, best_bare = max(pings, key=_speed), max(bare, key=_speed)
            self._settle()
            pause = CONNECTIONS / (best.per_second / 2) * 1000 - best.p50
            calm = requests(self._place / "calm.lua", self._keys, pause)
            half = min((load(ours.port, calm) for _ in range(ROUNDS)), key=lambda seen: seen.p99)
            ours.stop()
        self._check(sum(each.answers for each in (*pings, half)))
        share = 100 * best.per_second / best_bare.per_second
        yield Row(f'bare "OK", {CONNECTIONS} kept connections', f"{best_bare.per_second:,.0f} /s")
        yield at_least(f"durable pings to {MONITORS:,} monitors", best.per_second, 8_000, "/s")
        yield at_least("the same, against what we aim at", best.per_second, 15_000, "/s")
        yield at_least("durable pings, share of bare", share, 15, "%")
        yield Row("answer to a ping (median)", f"{best.p50:.1f} ms")
        yield at_most("answer to a ping (99th percentile)", best.p99, 25, "ms", 1)
        what = f"99th percentile at half the peak, {half.per_second:,.0f} /s"
        yield at_most(what, half.p99, 15, "ms", 1)

    def flood(self) -> Iterator[Row]:
        """The pings of others, alone and beside one key that is pinged without pause."""
        pause = CONNECTIONS / FEW * 1000
        script = requests(self._place / "few.lua", self._keys[:OTHERS], pause)
        storm = requests(self._place / "storm.lua", self._keys[-1:])
        self._settle()
        with self._serve() as ours:
            load(ours.port, script)  # each source is new once
            alone, beside = [], []
            for _ in range(ROUNDS):
                alone.append(load(ours.port, script).p99)
                with start_load(ours.port, storm, FLOODING):
                    beside.append(load(ours.port, script).p99)
        quiet, loud = median(alone), median(beside)
        yield Row("99th percentile of 1,000 pings a second", f"{quiet:.1f} ms")
        yield at_most("the same beside a flooded key, ratio", loud / quiet, 1.5, "times")

    def sizes(self) -> Iterator[Row]:
        """The peak with so many pings in the table, against the peak with few."""
        speeds = []
        for size in (0, *SIZES):
            self._fill(size)
            with self._serve() as ours:
                seen = [load(ours.port, self._script) for _ in range(2 * ROUNDS)]
            speeds.append(max(seen, key=_speed).per_second)
            what = f"durable pings, {size // 1_000_000} million older ones in the table"
            yield Row(what, f"{speeds[-1]:,.0f} /s")
        yield at_least("10 million against 1 million", 100 * speeds[2] / speeds[1], 90, "%")

    @contextmanager
    def _serve(self, target: str = "ingest_app") -> Iterator[Server]:
        log = self._place / "log.txt"
        with Server(target, self._url, log, WORKERS, **LIMITS) as server:
            yield server

    def _fill(self, size: int) -> None:
        with self._engine.begin() as connection:
            have = connection.scalar(text("SELECT count(*) FROM ping")) or 0
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text(FILL), {"rounds": max(0, size - have) // MONITORS})
        self._settle()

    def _settle(self) -> None:
        """Let PostgreSQL write what it has put off: that is no part of what comes next."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE ping, monitor"))
            connection.execute(text("CHECKPOINT"))

    def _check(self, answered: int) -> None:
        with self._engine.connect() as connection:
            rows = connection.scalar(text("SELECT count(*) FROM ping")) or 0
        assert rows >= answered, f"{answered} answered, {rows} stored"


def _speed(seen: Load) -> float:
    return seen.per_second


if __name__ == "__main__":
    show("Pings", run())
