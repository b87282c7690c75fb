"""`wrk`, which asks as fast as the answers come, or at a pace."""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CONNECTIONS = 64
SECONDS = 5

REQUESTS = """
local keys = {%s}
request = function()
  return wrk.format("GET", "/ping/" .. keys[math.random(#keys)])
end
"""
PAUSES = "delay = function() return %d end\n"  # milliseconds between two requests of a connection
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}  # in milliseconds


@dataclass(frozen=True)
class Load:
    """What `wrk` saw; times in milliseconds."""

    answers: int
    per_second: float
    p50: float
    p99: float


def requests(script: Path, keys: Sequence[str], pause: float = 0) -> Path:
    """Write a script that pings these keys at random, with so many milliseconds in between."""
    words = REQUESTS % ",".join(f'"{key}"' for key in keys)
    script.write_text(words + (PAUSES % round(pause) if pause else ""))
    return script


def load(port: int, script: Path) -> Load:
    """Ask over kept connections for some seconds. Every answer must be a 2xx."""
    done = subprocess.run(_command(port, script), capture_output=True, text=True, check=True)
    said = done.stdout
    assert "Non-2xx" not in said, said
    assert "Socket errors" not in said, said
    return Load(
        int(_found(r"(\d+) requests in", said)),
        float(_found(r"Requests/sec:\s+([\d.]+)", said)),
        _milliseconds(said, 50),
        _milliseconds(said, 99),
    )


@contextmanager
def start_load(port: int, script: Path, connections: int) -> Iterator[None]:
    """Ask meanwhile, whatever the answers are."""
    command = _command(port, script, connections, 60)
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()


def _command(
    port: int, script: Path, connections: int = CONNECTIONS, seconds: int = SECONDS
) -> list[str]:
    wrk = shutil.which("wrk")
    assert wrk, "Install wrk."
    return [
        *(wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script)),
        f"http://127.0.0.1:{port}",
    ]


def _found(pattern: str, said: str) -> str:
    found = re.search(pattern, said)
    assert found, said
    return found[1]


def _milliseconds(said: str, percent: int) -> float:
    shown = _found(rf"\s{percent}%\s+(\S+)", said)
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", shown).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]
