"""Mails about money and watching on their way: composed when queued, linked when sent."""

import logging
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from earlywatch.clients.mail import Mail, Mailer, MailError
from earlywatch.clients.mail_templates import render
from earlywatch.domain.alert_words import one_line
from earlywatch.domain.letter import Letter
from earlywatch.models import Account, BillingMail, Member, Workspace
from earlywatch.models.columns import OutboxState
from earlywatch.models.workspace import Role
from earlywatch.services.links import SIGNED_BILLING, Links
from earlywatch.services.outbox import Claim, Outbox, Outcome

logger = logging.getLogger(__name__)

OUTBOX = Outbox("billing_mail")
PAYING = (Role.OWNER.value, Role.ADMIN.value)  # who may act on the bill

LinkedButton = tuple[str, str]  # address, words


class Whom(StrEnum):
    """Which people of a workspace are told."""

    OWNERS = "owners"  # owners and admins: who may act on the bill
    TEAM = "team"  # everybody


@dataclass(frozen=True)
class OutgoingMail:
    """A claimed mail. Its links were made a moment ago and are stored nowhere."""

    claim: Claim
    to: str
    letter: Letter
    workspace: str  # its name
    buttons: tuple[LinkedButton, ...]


def tell(
    session: Session,
    workspace_id: int,
    kind: str,
    about: str,
    letter: Letter,
    now: datetime,
    whom: Whom,
) -> int:
    """Queue the letter for people of a workspace; return how many mails were new.

    Nobody gets a second mail of the same `kind` and `about`. Monitors that stop being watched
    must all be named, so a letter with more names than fit goes out in parts.
    """
    return tell_operators(
        session, addresses_of(session, workspace_id, whom), workspace_id, kind, about, letter, now
    )


def tell_operators(
    session: Session,
    addresses: Iterable[str],
    workspace_id: int,
    kind: str,
    about: str,
    letter: Letter,
    now: datetime,
) -> int:
    """Queue the letter for some addresses, about a workspace; return how many mails were new."""
    rows = [
        {
            "workspace_id": workspace_id,
            "address": address,
            "kind": kind,
            "about": about if part == 1 else f"{about}/{part}",
            "letter": each.to_json(),
            "created_at": now,
            "next_attempt_at": now,
        }
        for part, each in enumerate(letter.in_parts(), start=1)
        for address in addresses
    ]
    if not rows:
        return 0
    added = insert(BillingMail).values(rows).on_conflict_do_nothing().returning(BillingMail.id)
    return len(session.scalars(added).all())


def forget_failed(session: Session, workspace_id: int, kind: str, about: str) -> bool:
    """Let what nobody took be told anew by the next `tell`; return whether there was any."""
    given_up = delete(BillingMail).where(
        BillingMail.workspace_id == workspace_id,
        BillingMail.kind == kind,
        BillingMail.about == about,
        BillingMail.state == OutboxState.FAILED.value,
    )
    return session.scalars(given_up.returning(BillingMail.id)).first() is not None


def addresses_of(session: Session, workspace_id: int, whom: Whom) -> list[str]:
    """Return the addresses of people of a workspace, sorted."""
    query = (
        select(Account.email)
        .join(Member, Member.account_id == Account.id)
        .where(Member.workspace_id == workspace_id)
        .order_by(Account.email)
    )
    if whom is Whom.OWNERS:
        query = query.where(Member.role.in_(PAYING))
    return list(session.scalars(query))


def claim(session: Session, links: Links, now: datetime) -> OutgoingMail | None:
    """Take the mail that has been due longest at `now` (UTC), or None."""
    claimed = OUTBOX.claim(session, now)
    if claimed is None:
        return None
    mail = session.get_one(BillingMail, claimed.id, populate_existing=True)
    workspace = session.get_one(Workspace, mail.workspace_id)
    letter = Letter.from_json(mail.letter)
    # A link that acts on the bill is for those who may; anybody else finds a page to sign in.
    may_act = mail.address in addresses_of(session, workspace.id, Whom.OWNERS)
    buttons = tuple(
        (links.billing(purpose, workspace.id, mail.address, now), words)
        for purpose, words in letter.buttons
        if may_act or purpose not in SIGNED_BILLING
    )
    return OutgoingMail(claimed, mail.address, letter, one_line(workspace.name, 80), buttons)


def attempt(outgoing: OutgoingMail, mailer: Mailer) -> Outcome:
    """Send. Must be called with no transaction open."""
    try:
        return Outcome(sent=True, answer=mailer.send(compose(outgoing)))
    except MailError as error:
        return Outcome(sent=False, answer=str(error), permanent=error.permanent)


def compose(outgoing: OutgoingMail) -> Mail:
    """Return the mail; its id is the same at every attempt."""
    letter = outgoing.letter
    values = {
        "subject": letter.subject,
        "first": letter.first,
        "paragraphs": letter.paragraphs,
        "rows": letter.rows,
        "names": letter.names,
        "buttons": outgoing.buttons,
        "workspace": outgoing.workspace,
    }
    text, html = render("billing", values)
    message_id = f"billing-mail-{outgoing.claim.id}"
    return Mail(message_id, outgoing.to, letter.subject, text, html)


def record(session: Session, outgoing: OutgoingMail, outcome: Outcome, now: datetime) -> None:
    """Write how the attempt ended at `now` (UTC)."""
    jitter = random.random()  # noqa: S311 - spreads retries, keeps no secret
    OUTBOX.record(session, outgoing.claim, outcome, now, jitter)
    if not outcome.sent:
        logger.warning("billing mail failed", extra={"billing_mail_id": outgoing.claim.id})
