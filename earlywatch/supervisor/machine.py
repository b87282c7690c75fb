"""What runs on one machine: the private servers and our own processes."""

import os
import signal
import subprocess
import sys

from earlywatch import migrations
from earlywatch.config import Settings, child_environment, replace_environment
from earlywatch.db import in_words
from earlywatch.embedded import EmbeddedPostgres, EmbeddedServer, EmbeddedValkey
from earlywatch.embedded.process import spawn
from earlywatch.server import gunicorn_command
from earlywatch.smtpd import load_certificate
from earlywatch.supervisor.children import Child, Running
from earlywatch.supervisor.data import POSTGRES, VALKEY, secret_key_file
from earlywatch.supervisor.forked import CAN_FORK, Forked

MOST_WORKERS = 4
DATABASE_GRACE = 20.0  # seconds, as are the next
SERVER_GRACE = 8.0  # an idle kept-alive connection holds a gentle stop for six
MAIL_GRACE = 12.0  # for mails under way, and for their commit
WORKER_GRACE = 10.0  # a delivery cut off is made again when its lease has run out


class Machine:
    """What `earlywatch up` runs, from the first server to the last process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        if settings.ping_mail_domain:
            load_certificate(settings)  # one that cannot be used ends the start with a sentence
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
            *self._doors(),
        ]

    def migrate(self) -> None:
        """Bring the database up to date. Raises DatabaseError."""
        with in_words(self._database_url):
            migrations.upgrade(self._database_url)

    def _doors(self) -> list[list[Child]]:
        if self._settings.ping_mail_domain is None:
            return []
        return [[self._process("smtpd", ours("smtpd"), MAIL_GRACE)]]

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


def ours(kind: str) -> list[str]:
    """The command of a process of ours."""
    return [sys.executable, "-m", "earlywatch", kind]


def worker_count() -> int:
    """One worker per core that this process may use, up to a handful."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(cores, MOST_WORKERS)


def _server(server: EmbeddedServer) -> Child:
    return Child(
        server.title.lower(),
        lambda: server.spawn(subprocess.PIPE),
        stop_signal=server.stop_signal,
        grace=DATABASE_GRACE,
        small_talk=server.small_talk,
    )
