"""Pings that are on the disk before they are answered, against a bare "OK" on the same server."""

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text

from earlywatch import migrations
from earlywatch.embedded import EmbeddedPostgres
from tests.bench.table import Row, at_least, at_most, show
from tests.serving import Server, add_monitors

MONITORS = 1_000
CONNECTIONS = 64
WORKERS = 2  # one for each of the two cores that the bars are written for
ROUNDS = 4
SECONDS = 5

REQUESTS = """
local keys = {%s}
request = function()
  return wrk.format("GET", "/ping/" .. keys[math.random(#keys)])
end
"""
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}  # in milliseconds


@dataclass(frozen=True)
class Load:
    """What `wrk` saw; times in milliseconds."""

    answers: int
    per_second: float
    p50: float
    p99: float


def load(port: int, script: Path) -> Load:
    """Ask as fast as the answers come, over kept connections. Every answer must be a 2xx."""
    wrk = shutil.which("wrk")
    assert wrk, "Install wrk."
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", "-s", str(script)]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=True
    )
    said = done.stdout
    assert "Non-2xx" not in said, said
    assert "Socket errors" not in said, said
    return Load(
        int(_found(r"(\d+) requests in", said)),
        float(_found(r"Requests/sec:\s+([\d.]+)", said)),
        _milliseconds(said, 50),
        _milliseconds(said, 99),
    )


def _found(pattern: str, said: str) -> str:
    found = re.search(pattern, said)
    assert found, said
    return found[1]


def _milliseconds(said: str, percent: int) -> float:
    shown = _found(rf"\s{percent}%\s+(\S+)", said)
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", shown).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]


def run() -> list[Row]:
    """Take turns, so that both see the same machine; the best round of each counts."""
    with (
        tempfile.TemporaryDirectory() as place,
        EmbeddedPostgres(Path(place) / "postgres") as postgres,
    ):
        migrations.upgrade(postgres.url)
        engine = create_engine(postgres.url)
        keys = add_monitors(engine, MONITORS)
        script = Path(place) / "requests.lua"
        script.write_text(REQUESTS % ",".join(f'"{key}"' for key in keys))
        log = Path(place) / "log.txt"
        bare, pings = [], []
        with (
            Server("ingest_app", postgres.url, log, WORKERS) as ours,
            Server("tests.bench.bare:app", postgres.url, log, WORKERS) as other,
        ):
            for _ in range(ROUNDS):
                bare.append(load(other.port, script))
                pings.append(load(ours.port, script))
            ours.stop()
        with engine.connect() as connection:
            rows = connection.scalar(text("SELECT count(*) FROM ping"))
        engine.dispose()
    answered = sum(each.answers for each in pings)
    assert rows is not None
    assert rows >= answered, f"{answered} answered, {rows} stored"
    return _rows(max(bare, key=_speed), max(pings, key=_speed))


def _speed(seen: Load) -> float:
    return seen.per_second


def _rows(bare: Load, pings: Load) -> list[Row]:
    share = 100 * pings.per_second / bare.per_second
    return [
        Row(f'bare "OK", {CONNECTIONS} kept connections', f"{bare.per_second:,.0f} /s"),
        at_least(f"durable pings to {MONITORS:,} monitors", pings.per_second, 8_000, "/s"),
        at_least("durable pings, share of bare", share, 15, "%"),
        Row("answer to a ping (median)", f"{pings.p50:.1f} ms"),
        at_most("answer to a ping (99th percentile)", pings.p99, 25, "ms", 1),
    ]


if __name__ == "__main__":
    show("Pings", run())
