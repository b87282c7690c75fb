"""The supervisor: children kept alive, their words relayed, stopped in order, never left behind."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from earlywatch.embedded.process import spawn
from earlywatch.supervisor import children
from earlywatch.supervisor.children import Child, Supervisor

PATIENCE = 15.0  # seconds

SUPERVISE = """
    import signal, sys
    from subprocess import PIPE
    from earlywatch.embedded.process import spawn
    from earlywatch.supervisor.children import Child, Supervisor

    SLEEP = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"

    def sleeper(name):
        command = [sys.executable, "-c", SLEEP]
        return Child(name, lambda: spawn(command, death_signal=signal.SIGKILL, output=PIPE))

    both = [sleeper("one"), sleeper("two")]
    supervisor = Supervisor([[child] for child in both], sys.stdout.write)
    with supervisor.signals():
        for child in both:
            supervisor.start(child)
        while not supervisor.stopping:
            supervisor.turn(1)
        supervisor.stop()
"""


class Stage:
    """Supervisor under test, with everything it wrote."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.children: list[Child] = []

    def child(self, name: str, code: str, *, grace: float = 5.0) -> Child:
        command: list[str | Path] = [sys.executable, "-u", "-c", textwrap.dedent(code)]
        child = Child(
            name,
            lambda: spawn(command, death_signal=signal.SIGKILL, output=subprocess.PIPE),
            grace=grace,
        )
        self.children.append(child)
        return child

    def start(self) -> Supervisor:
        """Start all children, each a stage of its own."""
        self.supervisor = Supervisor([[child] for child in self.children], self.lines.append)
        for child in self.children:
            self.supervisor.start(child)
        return self.supervisor

    def turn_until(self, text: str, count: int = 1) -> None:
        """Let the supervisor work until it has written `text` this often."""
        deadline = time.monotonic() + PATIENCE
        while "".join(self.lines).count(text) < count:
            assert time.monotonic() < deadline, f"no {text!r} in {self.lines}"
            self.supervisor.turn(0.1)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A supervisor that waits less than in real life."""
    monkeypatch.setattr(children, "LONGEST_WAIT", 0.4)
    stage = Stage()
    yield stage
    for child in stage.children:
        if isinstance(child.running, subprocess.Popen):
            child.running.kill()
            child.running.communicate()


def test_every_line_carries_the_name_of_its_child(stage: Stage) -> None:
    stage.child("talker", "print('one\\ntwo'); print('three', end='')")
    stage.start()

    stage.turn_until("three")
    stage.supervisor.stop()

    assert stage.lines == ["talker    | one\n", "talker    | two\n", "talker    | three\n"]


def test_standard_error_is_part_of_the_stream(stage: Stage) -> None:
    stage.child("moaner", "import sys; print('oh dear', file=sys.stderr)")
    stage.start()

    stage.turn_until("moaner    | oh dear\n")
    stage.supervisor.stop()


def test_json_lines_are_shown_as_lines_for_people(stage: Stage) -> None:
    line = '{"process": "web", "level": "info", "timestamp": "now", "message": "pinged", "n": 1}'
    stage.child("web", f"print('{line}')")
    stage.start()

    stage.turn_until("web       | now [info     ] pinged n=1\n")
    stage.supervisor.stop()


def test_small_talk_is_not_passed_on(stage: Stage) -> None:
    child = stage.child("server", "print('LOG: starting\\nFATAL: disk full')")
    child.small_talk = re.compile("LOG: starting")
    stage.start()

    stage.turn_until("disk full")
    stage.supervisor.stop()

    assert stage.lines == ["server    | FATAL: disk full\n"]


def test_a_line_without_end_is_passed_on_in_pieces(stage: Stage) -> None:
    stage.child("endless", "print('x' * 200_000, end=''); import time; time.sleep(60)")
    stage.start()

    stage.turn_until("x", count=100_000)
    stage.supervisor.stop()


def test_a_dead_child_is_started_again_with_growing_waits(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(children, "LONGEST_WAIT", 0.3)
    child = stage.child("mortal", "print('born'); raise SystemExit(3)")
    child.wait = 0.1
    stage.start()

    stage.turn_until("born", count=4)
    stage.supervisor.stop()

    deaths = [record.__dict__ for record in caplog.records if "died" in record.message]
    assert [death["wait_seconds"] for death in deaths][:3] == [0.1, 0.2, 0.3]
    assert {(death["child"], death["exit_status"]) for death in deaths} == {("mortal", 3)}


def test_a_minute_of_life_makes_the_next_wait_short_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(children, "HEALTHY_AFTER", 0.0)
    monkeypatch.setattr(children, "FIRST_WAIT", 0.05)
    child = stage.child("mortal", "print('born')")
    child.wait = 30.0
    stage.start()

    stage.turn_until("born", count=3)
    stage.supervisor.stop()

    waits = [record.__dict__["wait_seconds"] for record in caplog.records]
    assert set(waits) == {0.05}


def test_a_child_that_cannot_be_started_again_does_not_end_the_others(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    child = stage.child("mortal", "print('born')")
    steady = stage.child("steady", "import time; print('here'); time.sleep(60)")
    child.wait = 0.05
    stage.start()
    stage.turn_until("here")
    works = child.spawn

    def fails() -> subprocess.Popen[bytes]:
        child.spawn = works
        raise OSError("no more processes")

    child.spawn = fails
    stage.turn_until("born", count=2)
    assert steady.running is not None
    assert steady.running.poll() is None
    stage.supervisor.stop()

    assert "child could not be started" in caplog.messages


def test_children_are_stopped_in_reverse_order(stage: Stage) -> None:
    code = """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("bye")))
        print("here")
        time.sleep(60)
    """
    for name in ("database", "worker", "web"):
        stage.child(name, code)
    stage.start()
    stage.turn_until("here", count=3)

    stage.supervisor.stop()

    goodbyes = [line.split()[0] for line in stage.lines if "bye" in line]
    assert goodbyes == ["web", "worker", "database"]


def test_a_child_that_does_not_stop_is_killed_after_its_grace(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    code = """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("here")
        time.sleep(60)
    """
    child = stage.child("stubborn", code, grace=0.2)
    stage.start()
    stage.turn_until("here")

    stage.supervisor.stop()

    assert child.running is None
    assert "child did not stop in time, killing it" in caplog.messages


def test_what_a_dead_child_had_started_dies_before_its_next_start(stage: Stage) -> None:
    code = """
        import subprocess, sys
        print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid)
    """
    stage.child("forgetful", code)
    stage.start()
    stage.turn_until("\n")
    grandchild = int(stage.lines[0].split()[-1])

    deadline = time.monotonic() + PATIENCE
    while is_alive(grandchild):
        assert time.monotonic() < deadline
        stage.supervisor.turn(0.1)
    stage.supervisor.stop()


def test_a_signal_ends_a_turn_at_once(stage: Stage) -> None:
    stage.child("quiet", "import time; time.sleep(60)")
    supervisor = stage.start()

    with supervisor.signals():
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM))
        timer.start()
        begin = time.monotonic()
        while not supervisor.stopping:
            supervisor.turn(30)
        spent = time.monotonic() - begin
        timer.join()

    assert spent < 0.9
    supervisor.stop()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_no_child_outlives_the_supervisor(number: signal.Signals) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-u", "-c", textwrap.dedent(SUPERVISE)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert supervisor.stdout is not None
    try:
        pids = [int(supervisor.stdout.readline().split()[-1]) for _ in range(2)]
        supervisor.send_signal(number)
        supervisor.wait(PATIENCE)
    finally:
        supervisor.kill()
        supervisor.communicate()

    deadline = time.monotonic() + PATIENCE
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "children outlived their supervisor"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended but was not collected does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
