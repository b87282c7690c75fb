"""gunicorn, which serves the ASGI apps: its command line, its configuration, its worker.

gunicorn reads its settings from the lower-case names of this module.
"""

import contextlib
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.workers import gasgi

from earlywatch.config import Settings
from earlywatch.connection import Connection
from earlywatch.embedded.leash import die_with_parent
from earlywatch.logs import GUNICORN_LOGGING, configure_logging

MOST_WORKERS = 4
MOST_FILES = 65_536  # that a process asks for, if it is given them
SPARE_FILES = 128  # not for connections: the database, templates, our own wiring
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - for gunicorn's own heartbeat files

worker_class = "earlywatch.server.Worker"
asgi_lifespan = "on"  # a bad setting stops the start
control_socket_disable = True
preload_app = True  # imported once; nothing is opened before a worker starts
keepalive = 5  # seconds; also how long an idle connection can hold a gentle stop back
graceful_timeout = 20  # seconds
timeout = 30  # seconds without a sign of life from a worker's event loop
worker_connections = 20_000  # of which `Worker` takes as many as it has files for
limit_request_line = 8190  # bytes; `?m=` may be long
forwarded_allow_ips = ""  # our own code counts proxies, see TRUSTED_PROXIES
worker_tmp_dir = str(SHARED_MEMORY) if SHARED_MEMORY.is_dir() else None
accesslog = GUNICORN_LOGGING["accesslog"]
errorlog = GUNICORN_LOGGING["errorlog"]
logconfig_dict = GUNICORN_LOGGING["logconfig_dict"]


def on_starting(server: Arbiter) -> None:
    """Let gunicorn and the apps speak through our log format. Called by gunicorn."""
    configure_logging(server.proc_name, readable=sys.stderr.isatty())
    raise_file_limit()


def raise_file_limit() -> None:
    """Let this process and its children open as many files as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if wanted > soft:
        # macOS names a limit that it then refuses.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def post_fork(_server: Arbiter, worker: gasgi.ASGIWorker) -> None:
    """Let a worker die with its master, which would leave it on the port. Called by gunicorn.

    Nothing is lost: what was not answered yet is not promised yet.
    """
    if sys.platform == "linux":
        die_with_parent(worker.ppid, signal.SIGKILL)


gasgi.ASGIProtocol = Connection  # the worker takes it from there


class Worker(gasgi.ASGIWorker):  # type: ignore[misc]  # gunicorn is untyped
    """Ends live pages first when it is asked to stop: they would hold it back to the last."""

    asgi: Any
    worker_connections: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        room = max(files - SPARE_FILES, files // 2)
        self.worker_connections = min(self.worker_connections, room)
        self.idle: dict[Connection, None] = {}  # the one that is so for longest comes first

    def handle_exit_signal(self) -> None:
        """Begin to stop: finish the requests under way, take no new ones."""
        super().handle_exit_signal()
        self.asgi.end_streams()
        for connection in list(self.idle):
            connection.end_idle()


def gunicorn_command(settings: Settings, target: str) -> list[str]:
    """Return the command that serves `earlywatch.asgi:<target>` ("app" or "ingest_app").

    It listens on loopback alone while no address for the outside is set.
    """
    local = f"http://127.0.0.1:{settings.port}"
    outside = settings.base_url != local or settings.ping_base_url != f"{local}/ping"
    command = [sys.executable, "-m", "gunicorn", "--config", "python:earlywatch.server"]
    command += ["--name", "ingest" if target == "ingest_app" else "web"]
    command += ["--workers", str(min(_cores(), MOST_WORKERS))]
    command += ["--bind", f"{'0.0.0.0' if outside else '127.0.0.1'}:{settings.port}"]  # noqa: S104
    return [*command, f"earlywatch.asgi:{target}"]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
