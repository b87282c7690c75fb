"""The `earlywatch` command as typed by people, without importing everything for each of them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
KNOWN = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")
# Runs each command in a fork of its own. What the command writes goes to files, since a server it
# starts may go on holding its output.
PROGRAM = """
import gc, json, os, signal, sys, traceback
from earlywatch.cli import main

place = sys.argv[1]
gc.freeze()
while request := sys.stdin.buffer.readline():
    words, environment = json.loads(request)
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        for number, name in enumerate(("in", "out", "err")):
            flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            os.dup2(os.open(os.path.join(place, name), flags), number)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv[1:] = words
        status = 1
        try:
            main()
        except SystemExit as end:
            status = end.code or 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # taking everything down would take longer than most commands
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(status, flush=True)
"""


@dataclass(frozen=True)
class Outcome:
    """What became of a command."""

    status: int
    out: str
    err: str


class Terminal:
    """Where commands are typed; `settings` are those of the environment."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, place],
            env={name: os.environ[name] for name in KNOWN if name in os.environ},
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, *words: str, **settings: str) -> Outcome:
        """Run a command to its end."""
        return self.feed(b"", *words, **settings)

    def feed(self, stdin: bytes, *words: str, **settings: str) -> Outcome:
        """Run a command that reads its standard input."""
        assert self._process.stdin
        assert self._process.stdout
        (self._place / "in").write_bytes(stdin)
        environment: Mapping[str, str] = {
            **{name: os.environ[name] for name in KNOWN if name in os.environ},
            "EARLYWATCH_DATA_DIR": str(self._place / "var"),
            **settings,
        }
        self._process.stdin.write(json.dumps([words, environment]).encode() + b"\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        return Outcome(status, self._said("out"), self._said("err"))

    def close(self) -> None:
        """End it; no command is under way."""
        self._process.communicate()

    def _said(self, name: str) -> str:
        return (self._place / name).read_text(errors="replace")


@contextmanager
def terminal(place: Path) -> Iterator[Terminal]:
    """Give a terminal whose data directory is `var` in `place`."""
    opened = Terminal(place)
    try:
        yield opened
    finally:
        opened.close()
