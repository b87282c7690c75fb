"""Masking: what the longest body costs, and that its time is linear even if somebody is nasty."""

import time

from earlywatch.domain.masking import KINDS, NAMES, mask
from tests.bench.table import Row, at_most, show

BODY = 100_000  # bytes, the most we keep
SHORT, LONG = 50_000, 400_000  # bytes
ROUNDS = 5
LINE = b"2026-11-20T06:17:03Z INFO copied /srv/data/part-0017.csv to backup-eu (12,345 rows) ok\n"

NASTY = [
    *(mark for mark, _ in KINDS),
    *(name for name, _ in NAMES),
    *(b"password ", b"password=", b"password=[masked]", b"password=a ", b'password="', b"pwd=a,"),
    *(b"--password a ", b"<password>a", b"password\\\\", b"token: bearer ", b"token=1 "),
    *(b"eyJ.", b"eyJaaaaaaaaaaaaa.", b"://a:", b"://a:b@", b"SG." + b"a" * 64, b"sk-" + b"a" * 60),
    *(b"-----BEGIN PRIVATE KEY", b"-----BEGIN PRIVATE KEY-----", b"-----BEGIN " + b"A" * 40),
    *(b"-----BEGIN PRIVATE KEY-----\n" + rest for rest in (b"[masked]", b"a", b"\n")),
    b"-----BEGIN PRIVATE KEY-----a-----END PRIVATE KEY-----",
    *(b"apikey ", b"apikey=", b"_pwd=", b"password:\n a", b"://a:b/c", b"://a:/b//"),
]
BEFORE = [b"", b"password=", b'password="', b"://a:"]


def spent(data: bytes) -> float:
    """Return how long masking takes at best (milliseconds of this process)."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        mask(data)
        times.append(time.process_time() - start)
    return min(times) * 1000


def repeated(before: bytes, unit: bytes, size: int) -> bytes:
    """Return `size` bytes of the same again and again."""
    return (before + unit * (size // len(unit) + 1))[:size]


def run() -> list[Row]:
    """Measure log lines without secrets, and the worst of what is nasty."""
    worst, steepest = 0.0, 0.0
    for before in BEFORE:
        for unit in NASTY:
            sizes = SHORT, BODY, LONG
            short, body, long = (spent(repeated(before, unit, size)) for size in sizes)
            worst, steepest = max(worst, body), max(steepest, long / short)
    return [
        at_most("100 kB of log lines", spent(repeated(b"", LINE, BODY)), 2, "ms"),
        at_most("1 kB of log lines", spent(repeated(b"", LINE, 1000)), 0.1, "ms", 3),
        at_most("100 kB of the nastiest input", worst, 50, "ms", 1),
        at_most("400 kB of what is nasty : 50 kB of it", steepest, 16, "times", 1),
    ]


if __name__ == "__main__":
    show("Masking", run())
