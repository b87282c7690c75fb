"""Start a process on a leash, and end processes that an earlier run left behind."""

import contextlib
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

LEASH = Path(__file__).with_name("leash.py")
PROC = Path("/proc")
Command = list[str | Path]


@dataclass(frozen=True)
class User:
    """Who runs a process; PostgreSQL refuses to be run by root."""

    uid: int
    gid: int

    @classmethod
    def current(cls) -> "User":
        return cls(os.geteuid(), os.getegid())

    @classmethod
    def not_root(cls) -> "User":
        """The current user, or `nobody` when that is root."""
        if os.geteuid() != 0:
            return cls.current()
        nobody = pwd.getpwnam("nobody")
        return cls(nobody.pw_uid, nobody.pw_gid)

    @classmethod
    def owner_of(cls, path: Path, otherwise: "User") -> "User":
        """For root, whoever owns `path`, so that its owner can go on with it; else `otherwise`."""
        if os.geteuid() != 0 or not path.exists():
            return otherwise
        found = path.stat()
        return cls(found.st_uid, found.st_gid)


def spawn(
    command: Command,
    *,
    death_signal: signal.Signals,
    user: User | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    output: int | IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own; stdout and stderr go to `output`.

    On Linux it receives `death_signal` when we die, however we die. Call from the main thread:
    the kernel means the thread that started it. `command[0]` must be a full path.
    """
    user = user or User.current()
    leash = [os.getpid(), int(death_signal), user.uid, user.gid]
    return subprocess.Popen(  # noqa: S603  # our own programs, no shell
        [sys.executable, "-I", "-S", LEASH, *map(str, leash), *map(str, command)],
        cwd=cwd,
        env=env,
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,  # Ctrl-C reaches us alone, and we stop children in order
    )


def stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals, grace: float) -> None:
    """Ask the process to end; after `grace` seconds kill it with all that it started."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    kill_session(process.pid)
    process.wait()


def kill_session(pid: int) -> None:
    """Kill the process group that `spawn` made for this process id."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def end_leftovers(names: frozenset[str], directory: Path, stop_signal: signal.Signals) -> None:
    """End the processes of these names that still work in `directory`; wait until all are gone.

    They are what a killed run left behind: the caller holds the directory's lock.
    """
    deadline = time.monotonic() + 10
    send = stop_signal
    while pids := working_in(names, directory):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, send)
        if time.monotonic() > deadline:
            send = signal.SIGKILL
        time.sleep(0.05)


def working_in(names: frozenset[str], directory: Path) -> list[int]:
    """Process ids of these names whose working directory this is (Linux; elsewhere none)."""
    found = []
    for entry in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            same = (entry / "cwd").readlink() == directory
            if same and (entry / "comm").read_text().strip() in names:
                found.append(int(entry.name))
    return found
