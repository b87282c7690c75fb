"""`earlywatch up` for real: ready lines first, one stream, everything restarted, nothing left."""

import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from earlywatch.config import load_settings
from earlywatch.embedded import EmbeddedPostgres, EmbeddedValkey
from earlywatch.embedded.process import working_in
from earlywatch.supervisor.data import StartError, make_data_directory, secret_key_file
from earlywatch.supervisor.up import require_free_port, welcome

PATIENCE = 60.0  # seconds; the machine may be busy


def slow(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that starts everything."""
    for mark in (pytest.mark.slow, pytest.mark.timeout(180)):
        test = mark(test)
    return test


class Up:
    """A running `earlywatch up`."""

    def __init__(self, data: Path, port: int) -> None:
        self.data = data
        self.port = port
        self.lines: list[str] = []
        unset = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "SMTP_URL", "BASE_URL")
        kept = {name: value for name, value in os.environ.items() if name not in unset}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "earlywatch", "up"],
            env=kept | {"EARLYWATCH_DATA_DIR": str(data), "PORT": str(port)},
            cwd=Path(__file__).parent.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self.lines.extend(iter(output.readline, ""))

    def wait_for(self, what: str, happened: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not happened():
            assert time.monotonic() < deadline, f"no {what}: {''.join(self.lines[-40:])}"
            time.sleep(0.05)

    def wait_until_ready(self) -> "Up":
        self.wait_for("ready line", lambda: self.says("is ready"))
        return self

    def says(self, text: str) -> bool:
        return text in "".join(self.lines)

    def health(self) -> tuple[int, dict[str, object]]:
        """The status and the answer of /healthz; status 0 while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz") as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return 0, {}

    def servers(self) -> list[int]:
        """Process ids of the private servers."""
        return [
            *working_in(EmbeddedPostgres.process_names, self.data / "postgres" / "data"),
            *working_in(EmbeddedValkey.process_names, self.data / "valkey" / "data"),
        ]

    def processes(self) -> dict[str, int]:
        """Process ids of our own processes by their short names."""
        of_ours = [pid for pid, parent in processes().items() if parent == self.process.pid]
        return {command(pid): pid for pid in of_ours if pid not in self.servers()}

    def children(self) -> list[int]:
        """Process ids of all that runs because of this `up`, however deep."""
        found, parents = set(self.servers()), {self.process.pid}
        while parents:
            parents = {pid for pid, parent in processes().items() if parent in parents} - found
            found |= parents
        return sorted(found)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and wait for the end of it and of all that it started."""
        # Not by their ids alone: on a busy machine these are soon those of others.
        children = [psutil.Process(pid) for pid in self.children() if psutil.pid_exists(pid)]
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        self.wait_for("end of all", lambda: not [one for one in children if runs(one)])
        self.reader.join()
        return status


def runs(process: psutil.Process) -> bool:
    """Whether it has not ended."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def command(pid: int) -> str:
    """The short name of a process."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def processes() -> dict[int, int]:
    """The parent of every process that runs."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        parent = re.search(r"^PPid:\t(\d+)$", text, re.MULTILINE)
        if parent and "\nState:\tZ" not in text:
            found[int(status.parent.name)] = int(parent.group(1))
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that the tests of this module use one after the other."""
    return tmp_path_factory.mktemp("up") / "var"


@pytest.fixture
def start(data: Path) -> Iterator[Callable[[], Up]]:
    """Start `earlywatch up`; what still runs at the end of the test is killed."""
    started: list[Up] = []
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    def start() -> Up:
        started.append(Up(data, port))
        return started[-1]

    yield start
    for up in started:
        if up.process.poll() is None:
            up.end(signal.SIGKILL)


@slow
def test_the_first_lines_say_where_to_click(start: Callable[[], Up]) -> None:
    up = start().wait_until_ready()

    assert up.lines[0] == f"Earlywatch is ready: http://127.0.0.1:{up.port}\n"
    assert up.lines[1] == f"Data: {up.data}\n"
    assert up.says("Running upgrade")
    for noise in ("Context impl", "transactional DDL", "overcommit", "starting PostgreSQL"):
        assert not up.says(noise)
    assert (up.data / "address").read_text().splitlines()[0] == f"http://127.0.0.1:{up.port}"
    up.wait_for("health", lambda: up.health()[0] == 200)
    assert stat.S_IMODE((up.data / "secret_key").stat().st_mode) == 0o600
    assert up.end(signal.SIGINT) == 0
    assert not (up.data / "address").exists()


@slow
def test_everything_stops_in_order_on_sigterm(start: Callable[[], Up]) -> None:
    up = start().wait_until_ready()

    assert up.end(signal.SIGTERM) == 0

    assert not up.says("did not stop in time")
    assert not up.says("Traceback")


@slow
def test_nothing_outlives_a_killed_start_and_the_next_one_works(start: Callable[[], Up]) -> None:
    up = start().wait_until_ready()
    assert len(up.children()) > 8

    up.end(signal.SIGKILL)

    again = start().wait_until_ready()
    again.wait_for("health", lambda: again.health()[0] == 200)


@slow
def test_a_killed_server_comes_back_under_the_same_address(start: Callable[[], Up]) -> None:
    up = start().wait_until_ready()
    up.wait_for("health", lambda: up.health()[0] == 200)

    before = up.servers()
    for pid in before:
        # PostgreSQL ends its other processes when one of them is killed.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    up.wait_for("death of PostgreSQL", lambda: up.says("child=postgresql"))
    up.wait_for("death of Valkey", lambda: up.says("child=valkey"))
    up.wait_for("health", lambda: len(up.servers()) > 1 and up.health()[0] == 200)
    assert not set(before) & set(up.servers())


@slow
def test_every_killed_process_comes_back(start: Callable[[], Up]) -> None:
    up = start().wait_until_ready()
    up.wait_for("health", lambda: up.health()[0] == 200)
    named = up.processes()
    assert named.keys() >= {"beat", "web", "worker-1"}

    for pid in named.values():
        os.kill(pid, signal.SIGKILL)

    deaths = [f"child={name} exit_status=-9" for name in named]
    up.wait_for("deaths", lambda: all(up.says(death) for death in deaths))
    up.wait_for("return", lambda: up.processes().keys() == named.keys())
    up.wait_for("health", lambda: up.health()[0] == 200)
    assert up.end() == 0


@slow
def test_a_second_start_is_refused_with_a_sentence(start: Callable[[], Up]) -> None:
    up = start().wait_until_ready()

    second = start()
    second.process.wait(PATIENCE)
    second.reader.join()

    assert second.process.returncode == 1
    assert second.lines == [
        (
            f"Error: Port {up.port} cannot be used (address already in use);"
            " choose another one, for example PORT=8000.\n"
        )
    ]


@pytest.mark.parametrize(
    ("base_url", "place"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/mailbox"),
        ("https://x.example", "/d/mailbox"),
    ],
)
def test_the_first_lines_say_where_mail_can_be_read(base_url: str, place: str) -> None:
    settings = load_settings({"BASE_URL": base_url, "EARLYWATCH_DATA_DIR": "/d"})

    assert f"Mail: {place} (set SMTP_URL" in welcome(settings)


def test_a_taken_port_is_refused_with_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(StartError, match=f"Port {port} cannot be used"):
            require_free_port(port)

    require_free_port(port)


def test_a_data_directory_that_cannot_be_made_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StartError, match="set EARLYWATCH_DATA_DIR"):
        make_data_directory(tmp_path / "file" / "var")


def test_the_secret_key_is_made_once_and_for_our_eyes_alone(tmp_path: Path) -> None:
    path = secret_key_file(tmp_path)
    first = path.read_text()

    assert secret_key_file(tmp_path).read_text() == first
    assert len(first) > 60
    assert path.stat().st_mode & 0o777 == 0o600
