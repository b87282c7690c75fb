"""Mails about an account on their way: the same outbox, with a person instead of a channel."""

import logging
import random
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from earlywatch.clients.mail import Mailer, MailError
from earlywatch.models import Account, AccountMail
from earlywatch.models.account_mail import AccountMailKind
from earlywatch.services.links import Links
from earlywatch.services.mails import account_mail
from earlywatch.services.outbox import Claim, Outbox, Outcome

logger = logging.getLogger(__name__)

OUTBOX = Outbox("account_mail")


@dataclass(frozen=True)
class OutgoingMail:
    """A claimed mail. Its link was made a moment ago and is stored nowhere."""

    claim: Claim
    kind: AccountMailKind
    to: str
    link: str


def claim(session: Session, links: Links, now: datetime) -> OutgoingMail | None:
    """Take the mail that has been due longest at `now` (UTC), or None."""
    claimed = OUTBOX.claim(session, now)
    if claimed is None:
        return None
    mail = session.get_one(AccountMail, claimed.id, populate_existing=True)
    account = session.get_one(Account, mail.account_id, populate_existing=True)
    kind = AccountMailKind(mail.kind)
    link = _link(kind, account, links, now)
    return OutgoingMail(claimed, kind, account.email, link)


def attempt(outgoing: OutgoingMail, mailer: Mailer) -> Outcome:
    """Send. Must be called with no transaction open."""
    message = account_mail(
        outgoing.kind, outgoing.to, outgoing.link, f"account-mail-{outgoing.claim.id}"
    )
    try:
        return Outcome(sent=True, answer=mailer.send(message))
    except MailError as error:
        return Outcome(sent=False, answer=str(error), permanent=error.permanent)


def record(session: Session, outgoing: OutgoingMail, outcome: Outcome, now: datetime) -> None:
    """Write how the attempt ended at `now` (UTC)."""
    jitter = random.random()  # noqa: S311 - spreads retries, keeps no secret
    OUTBOX.record(session, outgoing.claim, outcome, now, jitter)
    if not outcome.sent:
        logger.warning("account mail failed", extra={"account_mail_id": outgoing.claim.id})


def _link(kind: AccountMailKind, account: Account, links: Links, now: datetime) -> str:
    if kind is AccountMailKind.CONFIRM_EMAIL:
        return links.confirm_email(account, now)
    if kind is AccountMailKind.RESET_PASSWORD:
        return links.reset_password(account, now)
    return links.sign_in()
