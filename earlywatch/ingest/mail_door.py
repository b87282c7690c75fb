"""The door for mails: who may send them where, and what they become."""

import asyncio
import logging
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from aiosmtpd.smtp import SMTP, Envelope, Session, TLSSetupException

from earlywatch.clock import utcnow
from earlywatch.domain.address import read_address
from earlywatch.domain.monitor import PingKind
from earlywatch.ingest.batch import Batcher
from earlywatch.ingest.buckets import Guard
from earlywatch.ingest.mail import Mail
from earlywatch.ingest.mail_names import Names, read_name
from earlywatch.ingest.mail_readers import Crowded, Readers
from earlywatch.ingest.mail_reports import Own, Reports
from earlywatch.ingest.store import Unavailable
from earlywatch.services.incoming import (
    LONGEST_AGENT,
    IncomingPing,
    Name,
    NotCreated,
    Outcome,
)

logger = logging.getLogger(__name__)

MOST_RECIPIENTS = 50
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


class PingEnvelope(Envelope):
    """Knows what is pinged, and which mails of ours are answered, instead of addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[Name] = []
        self.own: list[Own] = []

    @property
    def count(self) -> int:
        """How many recipients were taken."""
        return len(self.names) + len(self.own)


class Door:
    """Answers what aiosmtpd asks: about recipients, and about mails.

    `reports` takes in what comes back to our own mails; None where they cannot be told from others.
    """

    def __init__(
        self,
        domain: str,
        batcher: Batcher,
        guard: Guard,
        names: Names,
        reports: Reports | None = None,
    ) -> None:
        self._domain = domain
        self._batcher = batcher
        self._guard = guard
        self._names = names
        self._reports = reports
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
        own = self._reports.read(local) if self._reports else None
        name = None if own else read_name(local)
        if own is None and name is None:
            return MALFORMED
        if own in envelope.own or name in envelope.names:
            return OK
        if envelope.count >= MOST_RECIPIENTS:
            return TOO_MANY
        if self._guard.check(own or name, _peer(session)):
            return SLOW_DOWN
        if name is not None:
            return await self._take_name(envelope, name)
        if own is not None:
            envelope.own.append(own)
        return OK

    async def _take_name(self, envelope: PingEnvelope, name: Name) -> str:
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
        try:
            for own in envelope.own:
                assert self._reports is not None
                await self._reports.take(own, envelope.content, self._readers, received_at)
            if not envelope.names:
                return OK
            keys = [_key(name) for name in envelope.names]
            mail = await self._readers.read(keys[0], envelope.content)
        except Crowded:
            return SLOW_DOWN
        except Unavailable:
            return NOT_STORED
        return await self._store(session, envelope, mail, keys, received_at)

    async def _store(
        self,
        session: Session,
        envelope: PingEnvelope,
        mail: Mail,
        keys: list[str],
        received_at: datetime,
    ) -> str:
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
        if self._reports is not None:
            self._reports.close()


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
