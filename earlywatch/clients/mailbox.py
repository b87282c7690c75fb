"""Mail that is kept in a directory, for a first run without a mail server."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from earlywatch.clock import utcnow
from earlywatch.errors import NotFound

NAME = re.compile(r"\d{8}T\d{12}-[0-9a-f]{12}")
OPEN_TO_OTHERS = 0o077
MOMENT = "%Y%m%dT%H%M%S%f"


@dataclass(frozen=True)
class KeptMail:
    """A mail as its reader sees it; `name` finds it again. `received_at` is UTC."""

    name: str
    received_at: datetime
    sender: str
    to: str
    subject: str
    text: str
    html: str


def keep_mail(directory: Path, content: bytes, mail_id: str) -> None:
    """Write a mail so that a reader finds it whole or not at all. Raises OSError.

    Its links open accounts, so nobody else on this machine may read it.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if directory.stat().st_mode & OPEN_TO_OTHERS:
        directory.chmod(0o700)
    digest = hashlib.sha256(mail_id.encode()).hexdigest()[:12]
    path = directory / f"{utcnow():{MOMENT}}-{digest}.eml"
    unfinished = path.with_suffix(".tmp")
    unfinished.touch(mode=0o600)
    unfinished.write_bytes(content)
    unfinished.replace(path)


def list_mailbox(directory: Path, limit: int = 50) -> list[KeptMail]:
    """Return the newest mails, newest first."""
    names = sorted((path.stem for path in directory.glob("*.eml")), reverse=True)
    return [read_mail(directory, name) for name in filter(NAME.fullmatch, names[:limit])]


def read_mail(directory: Path, name: str) -> KeptMail:
    """Return one mail. Raises NotFound."""
    if not NAME.fullmatch(name):  # also keeps paths out of it
        raise NotFound("There is no such mail.")
    try:
        content = (directory / f"{name}.eml").read_bytes()
    except FileNotFoundError:
        raise NotFound("There is no such mail.") from None
    message = BytesParser(EmailMessage, policy=policy.default).parsebytes(content)
    return KeptMail(
        name=name,
        received_at=datetime.strptime(name.partition("-")[0], MOMENT).replace(tzinfo=UTC),
        sender=str(message["From"]),
        to=str(message["To"]),
        subject=str(message["Subject"]),
        text=_body(message, "plain"),
        html=_body(message, "html"),
    )


def _body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    return str(part.get_content()) if part is not None else ""
