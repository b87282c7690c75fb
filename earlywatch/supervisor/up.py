"""Start the private servers and our own processes, say where to click, stop in order."""

import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from itertools import chain
from pathlib import Path

from sqlalchemy.exc import OperationalError

from earlywatch import migrations
from earlywatch.config import Settings, child_environment, replace_environment
from earlywatch.embedded import EmbeddedError, EmbeddedPostgres, EmbeddedServer, EmbeddedValkey
from earlywatch.embedded.process import spawn
from earlywatch.errors import EarlywatchError
from earlywatch.logs import configure_logging
from earlywatch.server import gunicorn_command
from earlywatch.supervisor.children import Child, Running, Supervisor
from earlywatch.supervisor.forked import CAN_FORK, Forked

POSTGRES = "postgres"  # its directory in the data directory
POSTGRES = "postgres"  # the directories of the private servers inside the data directory
VALKEY = "valkey"
# What our processes import late; imported here once, while the servers start.
PRELOADED = (
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.bin.celery",
    "earlywatch.asgi",
    "gunicorn.app.wsgiapp",
    "kombu.transport.redis",
)
MOST_WORKERS = 4
ANSWER_TIMEOUT = 0.5  # seconds
PORT_PATIENCE = 3.0  # seconds; a server that was killed a moment ago may still hold it
GLANCE_WHILE_STARTING = 0.05  # seconds between two looks
GLANCE = 1.0
LONGEST_SILENCE = 10.0  # seconds
SERVER_GRACE = 8.0  # seconds; an idle kept-alive connection holds a gentle stop for six
WORKER_GRACE = 10.0  # a delivery cut off is made again when its lease has run out


class StartError(EarlywatchError):
    """Earlywatch cannot be started as asked."""


class Screen:
    """Standard output that holds everything back until the first lines are out."""

    def __init__(self) -> None:
        self._held: list[str] | None = []

    def write(self, text: str) -> None:
        if self._held is not None:
            self._held.append(text)
        else:
            sys.stdout.write(text)
            self.flush()

    def flush(self) -> None:
        """Pass everything on that is not held back."""
        sys.stdout.flush()

    def release(self, first: str = "") -> None:
        """Show `first`, then what was held back, and from now on everything at once."""
        held, self._held = self._held or [], None
        self.write(first + "".join(held))


class Machine:
    """What `earlywatch up` runs, from the first server to the last process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        data = settings.earlywatch_data_dir
        self.servers: list[EmbeddedServer] = []
        changes: dict[str, str] = {}
        self._database_url = settings.database_url or ""
        if settings.database_url is None:
            postgres = EmbeddedPostgres(data / POSTGRES)
            self._database_url = changes["DATABASE_URL"] = postgres.url
            self.servers.append(postgres)
        if settings.redis_url is None:
            valkey = EmbeddedValkey(data / VALKEY)
            changes["REDIS_URL"] = valkey.url
            self.servers.append(valkey)
        if settings.secret_key is None:
            changes["SECRET_KEY_FILE"] = str(secret_key_file(data))
        self._environment = child_environment(changes)

    def stages(self) -> list[list[Child]]:
        """All children in the order of their start."""
        names = [f"worker-{number}" for number in range(1, worker_count() + 1)]
        return [
            *([_server(server)] for server in self.servers),
            [self._process(name, ours("worker"), WORKER_GRACE) for name in names],
            [self._process("beat", ours("beat"), WORKER_GRACE)],
            [self._process("web", gunicorn_command(self._settings, "app"), SERVER_GRACE)],
        ]

    def migrate(self) -> None:
        """Bring the database up to date; raise StartError when it cannot be reached."""
        try:
            migrations.upgrade(self._database_url)
        except OperationalError as error:
            raise StartError(f"The database does not answer: {error.orig}") from error

    def _process(self, name: str, command: list[str], grace: float) -> Child:
        """A child for `python -m MODULE ARGUMENTS...`."""
        _python, _m, module, *arguments = command

        def start() -> Running:
            if CAN_FORK:
                return Forked(name, module, arguments, self._prepare)
            return spawn(
                [*command],
                death_signal=signal.SIGKILL,
                env=self._environment,
                output=subprocess.PIPE,
            )

        return Child(name, start, grace=grace)

    def _prepare(self) -> None:
        replace_environment(self._environment)


def up(settings: Settings) -> int:
    """Run everything on this machine until a signal asks us to stop; return the exit status.

    Raises EarlywatchError with a sentence when it cannot be started.
    """
    screen = Screen()
    configure_logging("up", readable=True, stream=screen)
    require_free_port(settings.port)
    make_data_directory(settings.earlywatch_data_dir)
    machine = Machine(settings)
    stages = machine.stages()
    supervisor = Supervisor(stages, screen.write)
    try:
        with supervisor.signals():
            try:
                _run(settings, machine, stages, supervisor, screen)
            finally:
                screen.release()
                supervisor.stop()
    finally:
        for server in machine.servers:
            server.stop()
    return 0


def _run(
    settings: Settings,
    machine: Machine,
    stages: list[list[Child]],
    supervisor: Supervisor,
    screen: Screen,
) -> None:
    servers, processes = stages[: len(machine.servers)], stages[len(machine.servers) :]
    for [child] in servers:
        supervisor.start(child)
    for module in PRELOADED:
        import_module(module)
    for server in machine.servers:
        _wait_for(server, supervisor)
    if supervisor.stopping:
        return
    machine.migrate()
    for child in chain.from_iterable(processes):
        supervisor.start(child)
    _wait_until_ready(settings, supervisor, screen)
    while not supervisor.stopping:
        supervisor.turn(GLANCE)


def _wait_until_ready(settings: Settings, supervisor: Supervisor, screen: Screen) -> None:
    patience = time.monotonic() + LONGEST_SILENCE
    while not supervisor.stopping and not answers(settings.port):
        supervisor.turn(GLANCE_WHILE_STARTING)
        if supervisor.deaths or time.monotonic() > patience:
            screen.release()  # people should see why it takes so long
    if not supervisor.stopping:
        screen.release(welcome(settings))


def _wait_for(server: EmbeddedServer, supervisor: Supervisor) -> None:
    while not supervisor.stopping and not server.is_ready():
        if server.pid is None:
            raise EmbeddedError(
                f"The embedded {server.title} stopped while it started; the lines above say why."
            )
        supervisor.turn(GLANCE_WHILE_STARTING)


def welcome(settings: Settings) -> str:
    """The first lines printed."""
    lines = [f"Earlywatch is ready: {settings.base_url}", f"Data: {settings.earlywatch_data_dir}"]
    if settings.smtp_url is None:
        lines.append(f"Mail: {settings.base_url}/mailbox (set SMTP_URL to send it for real)")
    lines.append("Stop with Ctrl-C.")
    return "\n".join(lines) + "\n\n"


def ours(kind: str) -> list[str]:
    """The command of a process of ours."""
    return [sys.executable, "-m", "earlywatch", kind]


def worker_count() -> int:
    """One worker per core that this process may use, up to a handful."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(cores, MOST_WORKERS)


def require_free_port(port: int) -> None:
    """Raise StartError when nobody can listen on this port, after waiting for one who leaves it."""
    end = time.monotonic() + PORT_PATIENCE
    while error := _listening_error(port):
        if time.monotonic() > end:
            raise StartError(
                f"Port {port} cannot be used ({os.strerror(error).lower()});"
                f" choose another one, for example PORT={8000 if port != 8000 else 8080}."
            )
        time.sleep(GLANCE_WHILE_STARTING)


def _listening_error(port: int) -> int | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno
        return None


def answers(port: int) -> bool:
    """Whether the server answers, healthy or not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_TIMEOUT)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def make_data_directory(directory: Path) -> None:
    """Make the data directory; raise StartError when we may not make or fill it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise StartError(
            f"The data directory {directory} cannot be used ({error.strerror});"
            " set EARLYWATCH_DATA_DIR to one that can."
        ) from None


def secret_key_file(directory: Path) -> Path:
    """The file that holds our secret key, for our eyes alone; made at the first start."""
    path = directory / "secret_key"
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        draft.rename(path)  # complete or not there at all
    return path


def _server(server: EmbeddedServer) -> Child:
    return Child(
        server.title.lower(),
        lambda: server.spawn(subprocess.PIPE),
        stop_signal=server.stop_signal,
        grace=20.0,
    )
