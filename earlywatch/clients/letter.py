"""A mail as a value, and as the bytes that go over the wire."""

import binascii
import hashlib
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from earlywatch.errors import EarlywatchError


class MailError(EarlywatchError):
    """A mail was not accepted.

    `permanent`: this address will never take one. `timed_out`: the mail server hung.
    """

    def __init__(self, sentence: str, *, permanent: bool = False, timed_out: bool = False) -> None:
        super().__init__(sentence)
        self.permanent = permanent
        self.timed_out = timed_out


@dataclass(frozen=True)
class Mail:
    """What to write to whom; sender and date are added when it is sent.

    `id` is the same at every attempt, so that a receiver can drop a repeat. Mails with the
    same `thread` are shown as one conversation. With `tracked`, the id is a UUID, and what comes
    back undelivered is told to us, where we take mail in; so are answers to `reply_to`.
    """

    id: str
    to: str
    subject: str
    text: str
    html: str
    thread: str | None = None
    unsubscribe_url: str | None = None
    reply_to: str | None = None
    tracked: bool = False


def compose(mail: Mail, sender: str, domain: str, date: datetime) -> bytes:
    """Return the mail with its headers; `domain` makes its id unique in the world.

    Written by hand because `email.message` takes 0.8 ms for what takes 0.04 ms here, and a
    night with many alerts is when it matters. A test reads it back with the strict parser.
    """
    boundary = f"=_{hashlib.sha256(mail.id.encode()).hexdigest()[:32]}"
    headers = [
        ("From", sender),
        ("To", mail.to),
        ("Subject", mail.subject),
        ("Date", format_datetime(date)),
        ("Message-ID", f"<{mail.id}@{domain}>"),
        ("MIME-Version", "1.0"),
        ("Auto-Submitted", "auto-generated"),
        ("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
        *([("Reply-To", mail.reply_to)] if mail.reply_to else []),
        *_thread_headers(mail, domain),
        *_unsubscribe_headers(mail),
    ]
    head = "".join(f"{name}: {_one_line(name, value)}\r\n" for name, value in headers)
    return b"".join(
        (
            head.encode("ascii"),
            _part(boundary, "plain", mail.text),
            _part(boundary, "html", mail.html),
            f"\r\n--{boundary}--\r\n".encode("ascii"),
        )
    )


def _thread_headers(mail: Mail, domain: str) -> list[tuple[str, str]]:
    if mail.thread is None:
        return []
    root = f"<{mail.thread}@{domain}>"  # no mail has this id: the first may never have arrived
    return [("In-Reply-To", root), ("References", root)]


def _unsubscribe_headers(mail: Mail) -> list[tuple[str, str]]:
    if mail.unsubscribe_url is None:
        return []
    return [
        ("List-Unsubscribe", f"<{mail.unsubscribe_url}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ]


def _one_line(name: str, value: str) -> str:
    line = " ".join(value.split())  # a line break would start a header of somebody else's choice
    if line.isascii() and line.isprintable():
        return line
    return Header(line, "utf-8", header_name=name).encode(linesep="\r\n")


def _part(boundary: str, subtype: str, content: str) -> bytes:
    lines = "\r\n".join(content.splitlines()) + "\r\n"
    head = (
        f"\r\n--{boundary}\r\n"
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
    return head.encode("ascii") + binascii.b2a_qp(lines.encode(), istext=True)
