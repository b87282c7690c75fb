"""Run `python -m …` in a fork of this process, in which everything is imported already.

Importing it anew in each of our processes is most of the work of a start, and its memory is shared.
"""

import ctypes
import multiprocessing
import os
import platform
import runpy
import signal
import sys
from collections.abc import Callable
from typing import IO

from earlywatch.embedded.leash import die_with_parent

CAN_FORK = platform.system() == "Linux"  # the libraries of macOS do not survive it
PR_SET_NAME = 15
FORK = multiprocessing.get_context("fork")


class Forked:
    """A forked process, with the part of `subprocess.Popen` that the supervisor uses."""

    def __init__(self, name: str, module: str, arguments: list[str], prepare: Callable[[], None]):
        """Run the module as a program after `prepare`; both in the new process, Linux only.

        Call from the main thread of a process that has no other one.
        """
        read, write = os.pipe()
        self.stdout: IO[bytes] | None = os.fdopen(read, "rb", buffering=0)
        self._process = FORK.Process(
            target=_run, args=(name, module, arguments, prepare, os.getpid(), write), name=name
        )
        sys.stdout.flush()
        self._process.start()
        os.close(write)
        self.pid = self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same as `returncode`."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, if the process still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)


def _run(
    name: str,
    module: str,
    arguments: list[str],
    prepare: Callable[[], None],
    parent: int,
    output: int,
) -> None:
    os.setsid()  # Ctrl-C reaches the supervisor alone
    die_with_parent(parent, signal.SIGKILL)
    ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode())
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(output, sys.stdout.fileno())
    os.dup2(output, sys.stderr.fileno())
    os.close(output)
    prepare()
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)
