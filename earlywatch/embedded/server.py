"""What the private servers have in common: a locked directory, a socket, a life cycle."""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import IO, ClassVar, Self

from earlywatch.embedded import process
from earlywatch.embedded.process import User
from earlywatch.errors import EarlywatchError

# The kernel takes 107 bytes (macOS 103) for the path of a unix socket.
LONGEST_SOCKET_PATH = 100
START_TIMEOUT = 60.0  # seconds; recovery after a crash is part of it
STOP_GRACE = 20.0  # seconds


class EmbeddedError(EarlywatchError):
    """A private server could not be started."""


class EmbeddedServer(ABC):
    """A server process of ours whose data lives in `directory` and outlives every crash.

    `start` and `spawn` raise EmbeddedError with a sentence. Call them from the main thread.
    """

    title: ClassVar[str]
    process_names: ClassVar[frozenset[str]]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    socket_name: ClassVar[str]
    # Lines that say nothing to people.
    small_talk: ClassVar[re.Pattern[str]]

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self.directory = directory.resolve()
        self.durable = durable
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address to hand to clients."""

    @property
    @abstractmethod
    def working_directory(self) -> Path:
        """The directory in which the process works."""

    @property
    def pid(self) -> int | None:
        """The process id while the server runs, else None."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process else None

    @property
    def socket_directory(self) -> Path:
        """In the data when its path is short enough for a socket, else under the temporary one."""
        if len(os.fsencode(self.working_directory / self.socket_name)) <= LONGEST_SOCKET_PATH:
            return self.working_directory
        return self._runtime_directory

    @property
    def socket_path(self) -> Path:
        return self.socket_directory / self.socket_name

    def is_served(self) -> bool:
        """Whether a server, of this process or of another one, answers at the socket."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket_path)) == 0

    def start(self) -> None:
        """Start and wait until clients are served; its words go to `<directory>/log`."""
        try:
            self._spawn_quietly()
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def _spawn_quietly(self) -> None:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with (self.directory / "log").open("wb") as output:
                self.spawn(output)
        except OSError as error:
            raise EmbeddedError(f"{self.directory} cannot be used: {error}") from error

    def spawn(self, output: int | IO[bytes] | None = None) -> subprocess.Popen[bytes]:
        """Start the process without waiting for it. May be called again when it has died."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            process.end_leftovers(self.process_names, self.working_directory, self.stop_signal)
            self._process = self._launch(output)
        except OSError as error:
            raise EmbeddedError(f"{self.directory} cannot be used: {error}") from error
        return self._process

    def wait_until_ready(self, timeout: float = START_TIMEOUT) -> None:
        """Return once clients are served; raise EmbeddedError when it dies or takes too long."""
        deadline = time.monotonic() + timeout
        while not self.is_ready():
            if self.pid is None:
                raise EmbeddedError(
                    f"The embedded {self.title} stopped while it started."
                    f" It said: {self._last_words()}"
                )
            if time.monotonic() > deadline:
                raise EmbeddedError(f"The embedded {self.title} was not ready in {timeout:.0f} s.")
            time.sleep(0.02)

    def stop(self, grace: float = STOP_GRACE) -> None:
        """Stop the server, if it runs, and free its directory for others."""
        if self._process is not None:
            process.stop(self._process, self.stop_signal, grace)
            self._process = None
        if self._lock is not None:  # else another process may use it
            shutil.rmtree(self._runtime_directory, ignore_errors=True)
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether clients are served now."""

    @abstractmethod
    def _launch(self, output: int | IO[bytes] | None) -> subprocess.Popen[bytes]:
        """Prepare the directory and start the process in it."""

    @property
    def _runtime_directory(self) -> Path:
        """A short path of our own that is the same at every start on this directory."""
        digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:12]
        base = Path("/tmp")  # noqa: S108  # short and reachable for all; checked in _make_runtime
        if not base.is_dir():
            base = Path(tempfile.gettempdir())
        return base / f"earlywatch-{os.geteuid()}-{digest}"

    def _make_runtime(self, owner: User) -> Path:
        """Make the runtime directory for `owner` alone; a stranger's is refused."""
        path = self._runtime_directory
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), owner.uid):
            raise EmbeddedError(f"{path} belongs to somebody else; remove it and start again.")
        os.chown(path, owner.uid, owner.gid)
        return path

    def _last_words(self) -> str:
        lines = (self.directory / "log").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "nothing."

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        lock = (self.directory / "lock").open("a+")
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # unlike flock, not kept by forks
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
            lock.close()
            raise EmbeddedError(
                f"The data in {self.directory} is in use by process {holder}; stop that one first."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock
