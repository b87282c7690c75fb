"""Keep child processes alive, and show what they say as one stream of lines."""

import contextlib
import logging
import os
import re
import selectors
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import IO, Any, Protocol

from earlywatch.embedded import process
from earlywatch.logs import for_people

logger = logging.getLogger(__name__)

FIRST_WAIT = 1.0  # seconds until a dead child is started again; doubles each time
LONGEST_WAIT = 30.0
HEALTHY_AFTER = 60.0  # seconds of life after which a death is a first one again
LONGEST_LINE = 65_536  # bytes
GLANCE = 1.0  # seconds between two looks at children that keep their pipe open when they die
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Running(Protocol):
    """A started process; `subprocess.Popen` is one."""

    pid: int
    stdout: IO[bytes] | None

    @property
    def returncode(self) -> int | Any: ...

    def poll(self) -> int | None: ...

    def send_signal(self, number: signal.Signals, /) -> None: ...


@dataclass
class Child:
    """A command to keep alive. `spawn` starts it, with its output in its `stdout`."""

    name: str
    spawn: Callable[[], Running]
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 10.0  # seconds
    small_talk: re.Pattern[str] | None = None  # lines not to pass on
    running: Running | None = field(default=None, init=False)
    started_at: float = field(default=0.0, init=False)  # monotonic, as is the next
    start_at: float | None = field(default=None, init=False)
    wait: float = field(default=FIRST_WAIT, init=False)
    unfinished: bytes = field(default=b"", init=False)


class Supervisor:
    """Keeps children alive, and shows what they say as one stream of lines.

    `stages` are started in order and stopped in reverse; children of one stage stop together.
    All of it happens in the main thread, whose death the kernel reports to the children.
    """

    def __init__(self, stages: list[list[Child]], write: Callable[[str], None]) -> None:
        self._stages = stages
        self._write = write
        self._selector = selectors.DefaultSelector()
        self._signals = 0
        self.deaths = 0
        self._woken, self._wake = os.pipe()
        self._selector.register(self._woken, selectors.EVENT_READ)

    @property
    def stopping(self) -> bool:
        """Whether a signal asked us to stop."""
        return self._signals > 0

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Stop when asked by a signal; a second one takes all grace away."""
        before = {number: signal.signal(number, self._on_signal) for number in STOP_SIGNALS}
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake)  # a wait for output ends at once
        try:
            yield
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)

    def start(self, child: Child) -> None:
        """Start one child now. Whatever `spawn` raises goes through."""
        child.start_at = None
        child.started_at = time.monotonic()
        child.running = child.spawn()
        output = child.running.stdout
        assert output is not None
        os.set_blocking(output.fileno(), False)
        self._selector.register(output, selectors.EVENT_READ, child)

    def turn(self, timeout: float) -> None:
        """Relay what children say, for at most `timeout` seconds; restart the dead that are due."""
        now = time.monotonic()
        for child in self._children():
            if child.running is not None and child.running.poll() is not None:
                self._bury(child)
            elif child.start_at is not None and child.start_at <= now:
                self._restart(child)
        due = [child.start_at - now for child in self._children() if child.start_at is not None]
        self._relay(max(0.0, min([timeout, GLANCE, *due])))

    def stop(self) -> None:
        """Stop all children, last stage first; kill those that outlive their grace."""
        for stage in reversed(self._stages):
            self._stop_together([child for child in stage if child.running is not None])
        self._selector.close()
        os.close(self._woken)
        os.close(self._wake)

    def _stop_together(self, children: list[Child]) -> None:
        begin = time.monotonic()
        for child in children:
            _send(child, child.stop_signal)
        while any(_alive(child) for child in children):
            for child in children:
                spent = time.monotonic() - begin
                if _alive(child) and (spent > child.grace or self._signals > 1):
                    logger.warning("child did not stop in time, killing it", extra=_about(child))
                    _send(child, signal.SIGKILL)
            self._relay(0.1)
        for child in children:
            self._forget(child)

    def _children(self) -> Iterator[Child]:
        for stage in self._stages:
            yield from stage

    def _restart(self, child: Child) -> None:
        try:
            self.start(child)
        except Exception:  # a child that cannot even be started must not end the others
            logger.exception("child could not be started", extra=_about(child))
            self._schedule(child)

    def _bury(self, child: Child) -> None:
        """Note a death and set the time of the next start."""
        assert child.running is not None
        status = child.running.returncode
        self.deaths += 1
        if time.monotonic() - child.started_at >= HEALTHY_AFTER:
            child.wait = FIRST_WAIT
        self._forget(child)
        logger.error(
            "child died, starting it again",
            extra={**_about(child), "exit_status": status, "wait_seconds": child.wait},
        )
        self._schedule(child)

    def _schedule(self, child: Child) -> None:
        child.start_at = time.monotonic() + child.wait
        child.wait = min(child.wait * 2, LONGEST_WAIT)

    def _forget(self, child: Child) -> None:
        """Let go of an ended process, and end what it may have left of its session."""
        assert child.running is not None
        process.kill_session(child.running.pid)
        output = child.running.stdout
        assert output is not None
        if output.fileno() in self._selector.get_map():
            self._read(child, output.fileno())
            self._selector.unregister(output)
        output.close()
        child.running = None
        if child.unfinished:
            self._say(child, child.unfinished)
            child.unfinished = b""

    def _relay(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                os.read(self._woken, LONGEST_LINE)
            elif not self._read(key.data, key.fd):
                self._selector.unregister(key.fileobj)

    def _read(self, child: Child, descriptor: int) -> bool:
        """Pass on the complete lines of a child. Return False at the end of its output."""
        try:
            data = os.read(descriptor, LONGEST_LINE)
        except BlockingIOError:
            return True
        *lines, child.unfinished = (child.unfinished + data).split(b"\n")
        if len(child.unfinished) > LONGEST_LINE:
            lines, child.unfinished = [*lines, child.unfinished], b""
        for line in lines:
            self._say(child, line)
        return bool(data)

    def _say(self, child: Child, line: bytes) -> None:
        text = for_people(line.decode(errors="replace").rstrip())
        if child.small_talk is not None and child.small_talk.search(text):
            return
        try:
            self._write("".join(f"{child.name:<10}| {part}\n" for part in text.split("\n")))
        except BrokenPipeError:  # nobody reads us any more
            self._signals = max(self._signals, 1)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1


def _alive(child: Child) -> bool:
    return child.running is not None and child.running.poll() is None


def _send(child: Child, number: signal.Signals) -> None:
    if child.running is not None:
        child.running.send_signal(number)


def _about(child: Child) -> dict[str, str]:
    return {"child": child.name}
