"""The door for mails: which addresses are ours, and what a mail to them becomes."""

import asyncio
import logging
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from aiosmtpd.smtp import SMTP, Envelope, Session, TLSSetupException
from sqlalchemy import ColumnElement, Engine, and_, or_, select
from sqlalchemy.orm import Session as DatabaseSession

from earlywatch.clock import utcnow
from earlywatch.domain.address import read_address
from earlywatch.domain.monitor import PingKind
from earlywatch.ingest.batch import Batcher
from earlywatch.ingest.buckets import Guard
from earlywatch.ingest.line import Line
from earlywatch.ingest.mail import Mail
from earlywatch.ingest.mail_readers import Crowded, Readers
from earlywatch.ingest.request import ANY_UUID
from earlywatch.ingest.store import Unavailable
from earlywatch.models import Monitor, Workspace
from earlywatch.services.incoming import (
    LONGEST_AGENT,
    ByName,
    IncomingPing,
    Name,
    NotCreated,
    Outcome,
)
from earlywatch.services.slugs import SLUG

logger = logging.getLogger(__name__)

BY_NAME = re.compile(rf"([a-z0-9]{{22}})\+({SLUG.pattern})")
MOST_RECIPIENTS = 50
LOOK_UP_PATIENCE = 4.0  # seconds
HIDDEN = "…"  # stands for a key

OK = "250 2.0.0 OK"
PAUSED = "250 2.0.0 OK (paused - not monitored)"
PARTLY_PAUSED = "250 2.0.0 OK (some are paused - not monitored)"
MALFORMED = (
    "550 5.1.1 Before the @ stands the key of a monitor,"
    " or the ping key of a workspace, a + and a name."
)
UNKNOWN = "550 5.1.1 No monitor has this address."
AMBIGUOUS = (
    "550 5.1.1 Several monitors have this name. Use the address with the key of the one you mean."
)
WRONG_NETWORK = "550 5.7.1 This monitor takes no pings from your address, see its allowed networks."
TOO_MANY = f"452 4.5.3 A mail may have {MOST_RECIPIENTS} recipients."
SLOW_DOWN = "450 4.7.1 slow down"
NOT_LOOKED_UP = "451 4.3.0 The address could not be looked up. Please try again."
NOT_STORED = "451 4.3.0 The ping could not be stored. Please try again."
NO_TLS = "454 4.7.0 TLS did not come about."
FAILED = "451 4.3.0 Something went wrong here. Please try again."
REFUSALS = {
    Outcome.UNKNOWN: UNKNOWN,
    Outcome.AMBIGUOUS: AMBIGUOUS,
    Outcome.WRONG_NETWORK: WRONG_NETWORK,
}


def read_name(local: str) -> Name | None:
    """Return what the part before the @ stands for, or None.

    In upper case too, unlike in a URL: mail programs change the case of addresses as they like.
    """
    local = local.lower()
    if ANY_UUID.fullmatch(local):
        return UUID(local)
    found = BY_NAME.fullmatch(local)
    return ByName(*found.groups()) if found else None


class PingEnvelope(Envelope):
    """Knows what is pinged instead of addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[Name] = []


class Names:
    """Looks up the monitors that addresses name, on a line of its own."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def look_up(self, name: Name, now: datetime) -> Outcome:
        """Return RECORDED if one monitor has this name now, else UNKNOWN or AMBIGUOUS.

        Raises Unavailable when the database does not say.
        """
        look = self._line.run(_look_up, self._line.engine, name, now)
        done, _ = await asyncio.wait({look}, timeout=LOOK_UP_PATIENCE)
        if not done:
            self._line.hang_up()
            look.cancel()
            raise Unavailable
        if error := look.exception():
            fields = {"error": f"{type(error).__name__}: {error}".partition("\n")[0]}
            logger.warning("address could not be looked up", extra=fields)
            raise Unavailable from error
        return look.result()

    def close(self) -> None:
        """Let go of the thread and the connection."""
        self._line.hang_up()
        self._line.close()


class Door:
    """Answers what aiosmtpd asks: about recipients, and about mails."""

    def __init__(self, domain: str, batcher: Batcher, guard: Guard, names: Names) -> None:
        self._domain = domain
        self._batcher = batcher
        self._guard = guard
        self._names = names
        self._readers = Readers()

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name, as are the next
        self, _server: SMTP, session: Session, _envelope: Envelope, host: str, offers: list[str]
    ) -> list[str]:
        """Return what is offered: nothing to sign in with, since a key is all it takes."""
        session.host_name = host
        left = [offer for offer in offers if offer[4:].split()[0] not in ("AUTH", "HELP")]
        return [*left, "250 PIPELINING"]

    async def handle_RCPT(  # noqa: N802
        self,
        _server: SMTP,
        session: Session,
        envelope: PingEnvelope,
        address: str,
        _options: list[str],
    ) -> str:
        """Take a recipient, or say why not."""
        local, _, domain = address.rpartition("@")
        if domain.lower() != self._domain:
            return f"550 5.1.1 Only addresses at {self._domain} are served here."
        name = read_name(local)
        if name is None:
            return MALFORMED
        if name in envelope.names:
            return OK
        if len(envelope.names) >= MOST_RECIPIENTS:
            return TOO_MANY
        if self._guard.check(name, _peer(session)):
            return SLOW_DOWN
        try:
            outcome = await self._names.look_up(name, utcnow())
        except Unavailable:
            return NOT_LOOKED_UP
        if outcome in REFUSALS:
            return REFUSALS[outcome]
        envelope.names.append(name)
        return OK

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, session: Session, envelope: PingEnvelope
    ) -> str:
        """Store a ping for each recipient; answer once all of them are committed."""
        received_at = utcnow()
        assert isinstance(envelope.content, bytes)
        keys = [_key(name) for name in envelope.names]
        try:
            mail = await self._readers.read(keys[0], envelope.content)
        except Crowded:
            return SLOW_DOWN
        sender = hide_keys(envelope.mail_from or "<>", keys, self._domain)
        stored: list[asyncio.Future[Outcome | NotCreated]] = []
        full = False
        for name in envelope.names:
            try:
                ping = _ping(name, mail, received_at, _peer(session), sender)
                stored.append(self._batcher.submit(ping))
            except Unavailable:
                full = True
        outcomes = await asyncio.gather(*stored, return_exceptions=True)
        return NOT_STORED if full else answer(outcomes)

    async def handle_exception(self, error: Exception) -> str:
        """Answer what went wrong; a mail is kept by its sender then, and sent again."""
        if isinstance(error, TLSSetupException):
            return NO_TLS
        logger.error("mail session failed", exc_info=error)
        return FAILED

    def close(self) -> None:
        """Let go of the threads and the connection."""
        self._readers.close()
        self._names.close()


def answer(outcomes: Sequence[Outcome | NotCreated | BaseException]) -> str:
    """Return the one answer for all recipients: the one that asks most of the sender."""
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            if not isinstance(outcome, Unavailable):
                logger.error("ping of a mail failed", exc_info=outcome)
            return NOT_STORED
    for outcome in outcomes:
        if isinstance(outcome, Outcome) and outcome in REFUSALS:
            return REFUSALS[outcome]
    paused = outcomes.count(Outcome.UNWATCHED)
    if not paused:
        return OK
    return PAUSED if paused == len(outcomes) else PARTLY_PAUSED


def hide_keys(sender: str, keys: Iterable[str], domain: str) -> str:
    """Return the address of a sender without these keys, and of our domain with no name at all.

    Devices send from the address that they send to, and forwarders put that one into theirs.
    Whoever may look at pings is not always trusted with sending them.
    """
    _, at, own = sender.rpartition("@")
    if at and own.lower() == domain:
        return f"{HIDDEN}@{own}"
    return re.sub("|".join(map(re.escape, keys)), HIDDEN, sender, flags=re.IGNORECASE)


def _key(name: Name) -> str:
    return str(name) if isinstance(name, UUID) else name.ping_key


def _ping(
    name: Name, mail: Mail, received_at: datetime, address: str | None, sender: str
) -> IncomingPing:
    agent = f"From {sender}".encode("utf-8", "replace").decode().replace("\0", "?")
    return IncomingPing(
        name,
        PingKind.SUCCESS,
        received_at,
        method="MAIL",
        scheme="email",
        plain=True,
        message=mail.subject,
        body=mail.body,
        tail=mail.tail,
        remote_address=address,
        user_agent=agent[:LONGEST_AGENT],
    )


def _peer(session: Session) -> str | None:
    return read_address(session.peer[0]) if session.peer else None


def _look_up(engine: Engine, name: Name, now: datetime) -> Outcome:
    if isinstance(name, UUID):
        query = select(Monitor.id).where(_has_key(Monitor, name, now))
    else:
        query = select(Monitor.id).join(Workspace, Workspace.id == Monitor.workspace_id)
        query = query.where(_has_key(Workspace, name.ping_key, now), Monitor.slug == name.slug)
    with DatabaseSession(engine) as session:
        found = session.scalars(query.limit(2)).all()
    if not found:
        return Outcome.UNKNOWN
    return Outcome.RECORDED if len(found) == 1 else Outcome.AMBIGUOUS


def _has_key(
    table: type[Monitor] | type[Workspace], key: UUID | str, now: datetime
) -> ColumnElement[bool]:
    """Whether a row has this key: the one it has now, or the old one while that works."""
    return or_(table.ping_key == key, and_(table.old_ping_key == key, table.old_key_until > now))
