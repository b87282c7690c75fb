"""`earlywatch up` in a directory of its own, and what a person does with it from outside."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import requests
from sqlalchemy import Engine, create_engine, text

from earlywatch.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.serving import UNGUARDED
from tests.waiting import free_port, wait_until

START = 60.0  # seconds, on a machine busy with other tests
PASSWORD = "correct horse battery"


class Stack:
    """One installation: its directory, its settings, and its processes while they run."""

    def __init__(self, directory: Path, settings: Mapping[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = directory / "var"
        self.log = directory / "log.txt"
        known = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")
        self.environment = {
            **{name: os.environ[name] for name in known if name in os.environ},
            "PORT": str(self.port),
            "EARLYWATCH_DATA_DIR": str(self.data),
            "PRIVATE_TARGETS": "127.0.0.0/8",
            "MAIL_FROM": "Earlywatch <alerts@watch.test>",
            **UNGUARDED,
            "CANARY": "false",  # tests count rows
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *words: str) -> None:
        """Start `earlywatch up` and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "earlywatch", *(words or ("up",))],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(self.healthy, START, f"a healthy answer; the log is {self.log}")

    def healthy(self) -> bool:
        """Whether /healthz says that all is well."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def stop(self) -> None:
        """Ask it to stop, and wait until it has."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)

    def processes(self) -> list[psutil.Process]:
        """Return all processes below `earlywatch up`, and itself, as they are now."""
        assert self.process is not None
        try:
            top = psutil.Process(self.process.pid)
            return [top, *top.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def deaths(self) -> int:
        """Return how many processes of `earlywatch up` died and were started again."""
        return self.log.read_text().count("child died")

    def command(self, *words: str, stdin: str = "") -> str:
        """Run an `earlywatch` command as an operator does; return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "earlywatch", *words],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def add_account(self, email: str) -> None:
        """Add a confirmed account with a password."""
        self.command("account", "add", email, "--password-stdin", stdin=f"{PASSWORD}\n")

    def add_monitor(self, name: str, owner: str, *options: str) -> str:
        """Add a monitor; return its ping URL."""
        return self.command("monitor", "add", name, "--owner", owner, *options)

    def make_monitors(self, count: int) -> list[str]:
        """Let pings make monitors of ten seconds, named job-00 and so on; return their ping URLs.

        The workspace must be the only one. Twenty times as fast as the command line.
        """
        with self.database() as engine, engine.connect() as connection:
            key = connection.scalar(text("SELECT ping_key FROM workspace"))
        urls = [f"{self.url}/ping/{key}/job-{number:02}" for number in range(count)]
        for url in urls:
            answer = requests.get(f"{url}/log?create=1&period=10s&grace=0s", timeout=10)
            assert answer.status_code == requests.codes.created, answer.text
        return urls

    @property
    def database_url(self) -> str:
        """Where the database is, embedded or not."""
        given = self.environment.get("DATABASE_URL")
        return given or EmbeddedPostgres(self.data / "postgres").url

    @property
    def redis_url(self) -> str:
        """Where Valkey is, embedded or not."""
        return self.environment.get("REDIS_URL") or EmbeddedValkey(self.data / "valkey").url

    @contextmanager
    def another(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run one more process of this installation, as on a second machine."""
        shared = {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}
        if "SECRET_KEY" not in self.environment:
            shared["SECRET_KEY_FILE"] = str(self.data / "secret_key")
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "earlywatch", *words],
                env={**self.environment, **shared},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)

    @contextmanager
    def database(self) -> Iterator[Engine]:
        """Look into the database from outside."""
        engine = create_engine(self.database_url)
        try:
            yield engine
        finally:
            engine.dispose()

    def tell_each_alone(self) -> None:
        """Let no incidents be told of together, as an owner may wish."""
        with self.database() as engine, engine.begin() as connection:
            connection.execute(text("UPDATE workspace SET fold_from = NULL"))

    def count(self, query: str) -> int:
        """Return the number that a query answers."""
        with self.database() as engine, engine.connect() as connection:
            return int(connection.scalar(text(query)) or 0)


@contextmanager
def running(directory: Path, settings: Mapping[str, str]) -> Iterator[Stack]:
    """Run an installation for the length of a test."""
    stack = Stack(directory, settings)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
