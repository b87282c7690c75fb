"""Outgoing mail: to a mail server, or to a directory where there is none."""

import logging
from dataclasses import replace
from email.utils import formataddr, parseaddr
from pathlib import Path
from time import monotonic

from email_validator import EmailNotValidError, validate_email

from earlywatch.clients import smtp
from earlywatch.clients.letter import Mail, MailError, compose
from earlywatch.clients.mailbox import keep_mail
from earlywatch.clients.return_path import ReturnPath
from earlywatch.clients.smtp import Refused, Relay
from earlywatch.clock import utcnow

__all__ = ["Mail", "MailError", "Mailer"]

UNTRACKED_SECONDS = 3600.0  # until the tracked sender is tried again, once it was refused

logger = logging.getLogger(__name__)


class Mailer:
    """Sends mails, from any number of threads.

    `smtp_url`: `smtp://` encrypts when the server offers it, `smtp+starttls://` insists on it
    and on a valid certificate, `smtps://` is encrypted from the start. A name and password in
    `smtp://` make it insist too, unless the server is on this machine. Without a URL, mails are
    kept in `mailbox_dir`. `return_path` is where tracked mails come back to, if we take mail in.
    """

    def __init__(
        self,
        smtp_url: str | None,
        mail_from: str,
        mailbox_dir: Path,
        return_path: ReturnPath | None = None,
    ) -> None:
        name, self._sender = parseaddr(mail_from)
        self._from = formataddr((name, self._sender))
        self._domain = self._sender.rpartition("@")[2] or "localhost"
        self._mailbox_dir = mailbox_dir
        self._return_path = return_path
        self._relay = Relay(smtp_url, self._domain) if smtp_url else None
        self._untracked_until = 0.0  # of `monotonic()`

    def send(self, mail: Mail) -> str:
        """Send and return the server's answer. Raises MailError with a sentence."""
        mail = replace(mail, to=_ascii_address(mail.to))
        content = compose(mail, self._from, self._domain, utcnow())
        if self._relay is not None:
            return self._hand_over(self._relay, mail, content)
        try:
            keep_mail(self._mailbox_dir, content, mail.id)
        except OSError as error:
            raise MailError("The local mailbox could not be written to.") from error
        return "Kept in the local mailbox."

    def _hand_over(self, relay: Relay, mail: Mail, content: bytes) -> str:
        """Send, with the plain sender if the server takes nothing from the tracked one.

        Servers may say that only when they hear the recipient or have the whole mail.
        """
        until = monotonic() + smtp.TOTAL_SECONDS
        tracked = self._tracked_sender(mail)
        if tracked is None:
            return relay.deliver(self._sender, mail.to, content, until)
        try:
            return relay.deliver(tracked, mail.to, content, until)
        except Refused:
            answer = relay.deliver(self._sender, mail.to, content, until)
        self._untracked_until = monotonic() + UNTRACKED_SECONDS
        logger.warning("the mail server refuses the sender of tracked mails")
        return answer

    def _tracked_sender(self, mail: Mail) -> str | None:
        if mail.tracked and self._return_path is not None and monotonic() >= self._untracked_until:
            return self._return_path.address(mail.id)
        return None

    def close(self) -> None:
        """Close the connections that are kept open."""
        if self._relay is not None:
            self._relay.close()


def _ascii_address(address: str) -> str:
    if address.isascii() and address.isprintable():
        return address
    try:
        checked = validate_email(address, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise MailError(
            "The address is not one that mail can be sent to.", permanent=True
        ) from None
    return checked.ascii_email or address
