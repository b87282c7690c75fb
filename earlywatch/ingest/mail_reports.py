"""The door for what comes back to our own mails: addresses that only they carry."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from earlywatch.clients.return_path import ReturnPath
from earlywatch.domain.snooze import Act
from earlywatch.errors import EarlywatchError
from earlywatch.ingest.bounces import read_command, read_report
from earlywatch.ingest.line import Line
from earlywatch.ingest.mail_readers import Readers
from earlywatch.ingest.store import Unavailable
from earlywatch.services import replies, reports
from earlywatch.services.links import Links
from earlywatch.services.reports import Report
from earlywatch.services.tokens import InvalidToken

PATIENCE = 10.0  # seconds for the database
ACK = "ack+"  # before what a button would carry

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Returned:
    """An address for what mail servers say of a mail, by the id of its delivery."""

    public_id: UUID


@dataclass(frozen=True, slots=True)
class Answered:
    """An address for what people answer to an alert."""

    token: str


Own = Returned | Answered


class Reports:
    """Takes in what comes back, on a line of its own."""

    def __init__(self, line: Line, return_path: ReturnPath, links: Links) -> None:
        self._line = line
        self._return_path = return_path
        self._links = links

    def read(self, local: str) -> Own | None:
        """Return what the part before the @ stands for, None if we did not make it."""
        local = local.lower()
        if not local.startswith(ACK):
            about = self._return_path.read(local)
            return Returned(about) if about else None
        token = local.removeprefix(ACK)
        try:
            self._links.read_act(token)
        except InvalidToken:
            return None
        return Answered(token)

    async def take(self, about: Own, content: bytes, readers: Readers, now: datetime) -> None:
        """Do what a mail asks for; one that asks for nothing is dropped.

        Raises Crowded, and Unavailable when the database does not take it.
        """
        if isinstance(about, Returned):
            report = await readers.run(about, content, read_report)
            if report is not None:
                await self._run(_note, about, report, now)
            return
        act = await readers.run(about, content, read_command)
        if act is not None:
            await self._run(_obey, self._links, about.token, act, now)

    def close(self) -> None:
        """Let go of the thread and the connection."""
        self._line.hang_up()
        self._line.close()

    async def _run(self, function: Callable[..., None], *args: object) -> None:
        run = self._line.run(function, self._line.engine, *args)
        done, _ = await asyncio.wait({run}, timeout=PATIENCE)
        if not done:
            self._line.hang_up()
            run.cancel()
            raise Unavailable
        if error := run.exception():
            fields = {"error": f"{type(error).__name__}: {error}".partition("\n")[0]}
            logger.warning("what came back to a mail could not be stored", extra=fields)
            raise Unavailable from error


def _note(engine: Engine, about: Returned, report: Report, now: datetime) -> None:
    with Session(engine) as session, session.begin():
        delivery_id = reports.find(session, "", about.public_id)
        if delivery_id is not None:
            reports.take(session, delivery_id, report, now)


def _obey(engine: Engine, links: Links, token: str, act: Act, now: datetime) -> None:
    with Session(engine) as session, session.begin():
        try:
            replies.obey(session, links, token, act, now)
        except EarlywatchError:
            return  # nobody is written to, or two programs would write to each other for ever
