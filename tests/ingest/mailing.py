"""`earlywatch smtpd`, and what stands around it."""

import os
import signal
import smtplib
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from earlywatch.models import Monitor, Ping
from tests.serving import KNOWN, ROOT, START
from tests.waiting import free_port, wait_until

DOMAIN = "ping.test"
SECRET_KEY = "for the tests alone"
GREETING = b"220 ping.test ESMTP Earlywatch\r\n"
MAIL = b"Subject: done\r\n\r\nAll 4 files.\r\n"


class MailServer:
    """A process that takes mails."""

    def __init__(self, database_url: str, log: Path, **settings: str) -> None:
        self.port = free_port()
        self.log = log
        self._environment = {
            **{name: os.environ[name] for name in KNOWN if name in os.environ},
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": database_url,
            "EARLYWATCH_DATA_DIR": str(log.parent),
            "PING_MAIL_DOMAIN": DOMAIN,
            "SMTPD_PORT": str(self.port),
            **settings,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "earlywatch", "smtpd"],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(self._listens, START, f"the server; its log is {self.log}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def ask_to_stop(self) -> None:
        """Ask it to stop."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it without warning."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def connect(self) -> smtplib.SMTP:
        """A session, greeted."""
        return smtplib.SMTP("127.0.0.1", self.port, "job.test", timeout=20)

    def send(self, *recipients: str, mail: bytes = MAIL) -> tuple[int, bytes]:
        """Send a mail to addresses that must be taken; return the answer to it."""
        with self.connect() as session:
            session.ehlo_or_helo_if_needed()
            session.mail("cron@job.test")
            for recipient in recipients:
                assert session.rcpt(recipient) == (250, b"2.0.0 OK")
            return session.data(mail)

    def answer_to(self, recipient: str) -> bytes:
        """Return the answer to one recipient."""
        return self.speak(b"EHLO x", b"MAIL FROM:<>", f"RCPT TO:<{recipient}>".encode())[-1]

    def speak(self, *lines: bytes) -> list[bytes]:
        """Say lines, waiting for the answer to each; return the answers without line ends."""
        with self.call() as connection:
            return [ask(connection, line) for line in lines]

    def call(self) -> socket.socket:
        """A connection, greeted."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        assert connection.recv(1000) == GREETING
        return connection

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        try:
            self.call().close()
        except OSError:
            return False
        return True


def ask(connection: socket.socket, line: bytes) -> bytes:
    """Say a line; return the whole answer without its end, empty where there is none."""
    connection.sendall(line + b"\r\n")
    return hear(connection)


def hear(connection: socket.socket) -> bytes:
    """Return the next answer without its end; nothing once the other side has closed."""
    answer = b""
    while not answer.endswith(b"\r\n") or answer.splitlines()[-1][3:4] == b"-":
        if not (piece := connection.recv(65_536)):
            break
        answer += piece
    return answer.removesuffix(b"\r\n")


def address(key: UUID | str) -> str:
    """The address of a monitor."""
    return f"{key}@{DOMAIN}"


def pings(engine: Engine, key: UUID) -> list[Ping]:
    """Return what is stored for a monitor, oldest first."""
    query = select(Ping).join(Monitor, Monitor.id == Ping.monitor_id).filter_by(ping_key=key)
    with Session(engine) as session:
        return list(session.scalars(query.order_by(Ping.id)))
