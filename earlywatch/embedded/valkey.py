"""A private Valkey on a unix socket."""

import contextlib
import re
import signal
import socket
import subprocess
from pathlib import Path
from typing import IO
from urllib.parse import quote

from earlywatch.embedded import binaries, process
from earlywatch.embedded.process import User
from earlywatch.embedded.server import EmbeddedServer

ANSWER_TIMEOUT = 1.0  # seconds


class EmbeddedValkey(EmbeddedServer):
    """Valkey, reachable only over a socket for its own user."""

    title = "Valkey"
    process_names = frozenset({"valkey-server", "redis-server"})
    stop_signal = signal.SIGTERM
    socket_name = "valkey.sock"
    # About saving in the background, which a doorbell can do without; it needs root to change.
    small_talk = re.compile("WARNING Memory overcommit")

    @property
    def url(self) -> str:
        """The address as Celery writes it; see `client_url` for redis-py."""
        return f"redis+socket://{quote(str(self.socket_path), safe='/')}"

    @property
    def client_url(self) -> str:
        """The address as redis-py writes it."""
        return f"unix://{quote(str(self.socket_path), safe='/')}"

    @property
    def working_directory(self) -> Path:
        return self.directory / "data"

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(ANSWER_TIMEOUT)
            client.connect(str(self.socket_path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        return False

    def _launch(self, output: int | IO[bytes] | None) -> subprocess.Popen[bytes]:
        self.working_directory.mkdir(mode=0o700, exist_ok=True)
        user = User.owner_of(self.working_directory, User.current())
        # By its name alone: the directories above may be closed to that user.
        place = self.socket_name
        if self.socket_directory != self.working_directory:
            place = str(self._make_runtime(user) / self.socket_name)
        self.socket_path.unlink(missing_ok=True)
        return process.spawn(
            [binaries.find_valkey(), *self._options(place)],
            death_signal=self.stop_signal,
            user=user,
            cwd=self.working_directory,
            env={"LC_ALL": "C"},
            output=output,
        )

    def _options(self, place: str) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": place,
            "unixsocketperm": "700",
            "appendonly": "yes" if self.durable else "no",
            "save": "",
            "maxmemory-policy": "noeviction",  # a queue must refuse, never forget silently
            "daemonize": "no",
            "loglevel": "warning",
        }
        return [word for name, value in options.items() for word in (f"--{name}", value)]
