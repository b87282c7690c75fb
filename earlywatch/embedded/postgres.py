"""A private PostgreSQL on a unix socket."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO
from urllib.parse import quote

from earlywatch.embedded import binaries, process
from earlywatch.embedded.process import Command, User
from earlywatch.embedded.server import EmbeddedError, EmbeddedServer

DATABASE = "earlywatch"
FIRST_WITH_BUILTIN_LOCALE = 17
# Only the user who started it can reach the socket; nothing of our environment is inherited.
ENVIRONMENT = {"LC_ALL": "C", "PATH": os.defpath}
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",  # a worker process holds up to 30, the server some more
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_min_messages": "warning",
    "jit": "off",  # our queries are short
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",  # fewer full page images while pings stream in
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL with one database, reachable only over a socket for its own user.

    `durable=False` gives up crash safety for speed; for tests only.
    """

    title = "PostgreSQL"
    process_names = frozenset({"postgres"})
    stop_signal = signal.SIGINT  # PostgreSQL's fast shutdown: does not wait for its clients
    socket_name = ".s.PGSQL.5432"
    small_talk = re.compile(
        r"LOG:  (starting PostgreSQL|listening on|database system (was shut down|is ready))"
    )

    @property
    def url(self) -> str:
        host = quote(str(self.socket_directory), safe="/")
        return f"postgresql+psycopg://{DATABASE}@/{DATABASE}?host={host}&port=5432"

    @property
    def working_directory(self) -> Path:
        return self.directory / "data"

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError, IndexError):
            lines = (self.working_directory / "postmaster.pid").read_text().splitlines()
            return lines[7].strip() == "ready" and int(lines[0]) == self.pid
        return False

    def _launch(self, output: int | IO[bytes] | None) -> subprocess.Popen[bytes]:
        user = User.owner_of(self.working_directory, User.not_root())
        os.chown(self.directory, user.uid, user.gid)
        programs = self._reachable(binaries.find_postgres(), user)
        if not self.working_directory.exists():
            self._create(programs, user)
        self._forget_crash()
        command: Command = [programs / "postgres", "-D", _seen_by(user, self.working_directory)]
        for name, value in self._settings(user).items():
            command += ["-c", f"{name}={value}"]
        return self._run(command, user, self.working_directory, output=output)

    def _settings(self, user: User) -> dict[str, str]:
        sockets = self.socket_directory
        if sockets == self.working_directory:
            place = _seen_by(user, sockets)
        else:
            place = str(self._make_runtime(user))
        chosen = SETTINGS | {"unix_socket_directories": place}
        return chosen if self.durable else chosen | NOT_DURABLE

    def _forget_crash(self) -> None:
        """Remove the lock files of a killed server: their pid may be somebody else's by now.

        Safe, because no process works in the directory any more.
        """
        (self.working_directory / "postmaster.pid").unlink(missing_ok=True)
        self.socket_path.unlink(missing_ok=True)
        self.socket_path.with_name(f"{self.socket_name}.lock").unlink(missing_ok=True)

    def _create(self, programs: Path, user: User) -> None:
        """Make the database cluster aside and move it into place when it is complete."""
        draft = self.directory / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        os.chown(draft, user.uid, user.gid)
        data = _seen_by(user, draft)
        create: Command = [programs / "initdb", "-D", data, "-U", DATABASE]
        create += ["-E", "UTF8", "--locale=C"]
        create += ["--auth-local=trust", "--auth-host=reject"]
        if binaries.major_version(programs / "postgres", user) >= FIRST_WITH_BUILTIN_LOCALE:
            create += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if not self.durable:
            create.append("--no-sync")
        self._run_to_end(create, user, draft)
        single: Command = [programs / "postgres", "--single", "-D", data, "postgres"]
        self._run_to_end(single, user, draft, f"CREATE DATABASE {DATABASE};\n".encode())
        draft.rename(self.working_directory)

    def _run_to_end(self, command: Command, user: User, cwd: Path, words: bytes = b"") -> None:
        child = self._run(command, user, cwd, stdin=subprocess.PIPE, output=subprocess.PIPE)
        said, _ = child.communicate(words)
        if child.returncode:
            last = said.decode(errors="replace").strip().splitlines()[-1:]
            raise EmbeddedError(f"PostgreSQL could not create its data. It said: {''.join(last)}")

    def _run(
        self,
        command: Command,
        user: User,
        cwd: Path,
        *,
        output: int | IO[bytes] | None,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        return process.spawn(
            command,
            death_signal=self.stop_signal,
            user=user,
            cwd=cwd,
            env=ENVIRONMENT,
            stdin=stdin,
            output=output,
        )

    def _reachable(self, programs: Path, user: User) -> Path:
        """The directory of the programs, or of a copy when `user` cannot run them there."""
        if binaries.runs(programs / "postgres", user):
            return programs
        copy = binaries.copy_postgres(programs, self._make_runtime(user))
        if not binaries.runs(copy / "postgres", user):
            raise EmbeddedError(
                f"PostgreSQL cannot be run from {programs} nor from {copy}; set DATABASE_URL."
            )
        return copy


def _seen_by(user: User, directory: Path) -> str:
    """The path under which `user` reaches a directory that is its working directory.

    The directories above may be closed to that user (/root is); the link in /proc leads
    past them.
    """
    if user == User.current() or not sys.platform.startswith("linux"):
        return str(directory)
    return "/proc/self/cwd"
