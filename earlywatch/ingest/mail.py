"""A mail becomes what a ping says: its subject, and its words as a body. Never raises.

Mails come from strangers, and what the standard library makes of them takes time that grows with
the square of their size: hence the limits.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header
from email.message import Message
from email.policy import Compat32
from encodings import normalize_encoding
from encodings.aliases import aliases

from earlywatch.ingest.http import Kept
from earlywatch.ingest.mail_html import text_of_html
from earlywatch.services.incoming import (
    BODY_LIMIT,
    BODY_MARGIN,
    BODY_TAIL,
    MESSAGE_LIMIT,
    MESSAGE_MARGIN,
)

LONGEST_SUBJECT = MESSAGE_LIMIT + MESSAGE_MARGIN  # characters
MOST_KEPT = BODY_LIMIT + BODY_MARGIN  # bytes
# Bytes at both ends of a text, before they become characters.
MOST_DECODED, LAST_DECODED = 4 * MOST_KEPT, 4 * BODY_TAIL
LONGEST_HEADER = {"subject": 8_000}  # characters, as it was sent
LONGEST_OTHER_HEADER = 1_000
MOST_TEXTS = 100  # parts
MOST_NAMED = 20  # attachments
LONGEST_NAME = 100  # characters
# Of a mail with more of these, the text is kept as it came.
MOST_LINES = 300_000
MOST_DIVIDED = 100  # parts that have parts
MOST_WORK = 3_000_000  # lines, each as often as there are parts that it could end: 0.3 seconds
DASHES_WORK = 100  # what a line that may begin a part costs, in lines
REPORT_WORK = 100  # parts that each line of a delivery report could end
# What the standard library takes for headers, and the empty line after them.
HEAD = re.compile(
    rb"(?>(?:(?:From |[!-9;-~]*:|[\t ])[^\r\n]*+(?:\r\n|\r|\n|\Z))*)(?>(?:\r\n|\r|\n)?)"
)
# Python remembers each other name that it is asked for, for ever, and knows some that take the
# square of the time.
CHARSETS = frozenset({*aliases, *aliases.values(), "koi8_u"})


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail says. `body` has at most `MOST_KEPT` bytes, UTF-8 unless it is unreadable.

    `tail` as in IncomingPing; empty if only the middle of a text is missing in `body`.
    """

    subject: str | None
    body: bytes | None
    tail: bytes | None = None


class Unreadable(Exception):
    """A mail that would take too long to read."""


class Bounded(Compat32):
    """Reads headers as they are, and cuts the long ones."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Return name and value of a header."""
        name, value = super().header_source_parse(sourcelines)
        return name, value[: LONGEST_HEADER.get(name.lower(), LONGEST_OTHER_HEADER)]


POLICY = Bounded()


def read_mail(content: bytes) -> Mail:
    """Return what a mail (as it was sent, headers first) says.

    Of one that cannot be read, the body is all that came after its headers: these hold the
    address it was sent to, which is a key.
    """
    size = _size_of_head(content)
    subject, body, cut = None, content[size:], False
    try:
        subject = _subject(read_head(content))
        body, cut = _body(parsed(content))
    except Exception:  # noqa: BLE001, S110 - whatever a mail is, it is a ping
        pass
    kept = Kept(MOST_KEPT, BODY_TAIL)
    kept.take(body)
    tail = b"" if cut and not kept.cut else kept.tail
    return Mail(subject or None, kept.first or None, tail)


def _size_of_head(content: bytes) -> int:
    head = HEAD.match(content)
    return head.end() if head else 0


def read_head(content: bytes) -> Message:
    """Return the headers of a mail, or what fits of them."""
    return message_from_bytes(content[: min(_size_of_head(content), BODY_LIMIT)], policy=POLICY)


def parsed(content: bytes) -> Message:
    """Return a mail in its parts. Raises Unreadable, and whatever the standard library does."""
    small = content.lower()
    lines = content.count(b"\n") + content.count(b"\r") - content.count(b"\r\n")
    dashes = content.count(b"\n--") + content.count(b"\r--")
    divided = small.count(b"boundary")
    ends = divided + (REPORT_WORK if b"delivery-status" in small else 0)
    work = (lines + dashes * DASHES_WORK) * ends
    if lines > MOST_LINES or divided > MOST_DIVIDED or work > MOST_WORK:
        raise Unreadable
    return message_from_bytes(content, policy=POLICY)


def _subject(mail: Message) -> str:
    found = (value for name, value in mail.raw_items() if name.lower() == "subject")
    return " ".join(_words(str(next(found, ""))).split())[:LONGEST_SUBJECT]


def _words(header: str) -> str:
    """Return a header in characters: encoded as it should be, or as raw bytes."""
    words = ""
    unfolded = header.replace("\r", "").replace("\n", "")
    bytewise = unfolded.encode("utf-8", "surrogateescape").decode("latin-1")
    for part, charset in decode_header(bytewise):
        data = part.encode("latin-1", "replace") if isinstance(part, str) else part
        words += _decoded(data, charset or "")
    return words.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _body(mail: Message) -> tuple[bytes, bool]:
    """Return the text of a mail, and whether something in the middle of it is missing."""
    plain: list[Message] = []
    html: list[Message] = []
    attached: list[Message] = []
    for part in leaves(mail):
        shown = part.get_content_disposition() != "attachment"
        kinds = {"text/plain": plain, "text/html": html} if shown else {}
        kinds.get(part.get_content_type(), attached).append(part)
    if len(plain or html) > MOST_TEXTS:
        raise Unreadable
    read = [_text(part) for part in plain or html]
    texts = [text for text, _ in read]
    if not plain:
        texts = [text_of_html(text) or text for text in texts]
    lines = [text.strip("\n") for text in texts if text.strip()]
    body = "\n\n".join([*lines, *_named(attached)])
    return body.encode("utf-8", "replace"), any(cut for _, cut in read)


def leaves(mail: Message) -> Iterator[Message]:
    """Yield the parts that have no parts. A mail in a mail is one part."""
    if mail.get_content_maintype() != "multipart" or not mail.is_multipart():
        yield mail
        return
    for part in mail.get_payload():
        if isinstance(part, Message):
            yield from leaves(part)


def _named(attached: list[Message]) -> list[str]:
    """Return the names of what came along, as one piece of text, or none."""
    lines = []
    for part in attached[:MOST_NAMED]:
        name = " ".join((_name(part) or part.get_content_type()).split())
        lines.append(f"[attachment: {name[:LONGEST_NAME]}, {_size(len(_data(part)))}]")
    if len(attached) > MOST_NAMED:
        lines.append(f"[and {len(attached) - MOST_NAMED} more attachments]")
    return ["\n".join(lines)] if lines else []


def _name(part: Message) -> str:
    name = _parameter(part, "filename", "content-disposition")
    return name or _parameter(part, "name", "content-type")


def _size(count: int) -> str:
    return f"{count} bytes" if count < 1_000 else f"{round(count / 1_000):,} kB"


def _data(part: Message) -> bytes:
    if part.is_multipart():  # a mail that was attached
        inner = part.get_payload()
        return b"".join(mail.as_bytes() for mail in inner if isinstance(mail, Message))
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _text(part: Message) -> tuple[str, bool]:
    """Return the text of a part, and whether something in the middle of it is missing."""
    kept = Kept(MOST_DECODED, LAST_DECODED)
    kept.take(_data(part))
    data = kept.first + (kept.tail or b"")
    text = _decoded(data, _parameter(part, "charset", "content-type"))
    return text.replace("\r\n", "\n"), kept.missing > 0


def _parameter(part: Message, name: str, header: str) -> str:
    """Return a parameter of a header in characters, empty where there is none."""
    value = part.get_param(name, "", header)
    if isinstance(value, tuple):  # charset, language, text whose characters stand for bytes
        return _decoded(value[2].encode("latin-1", "replace"), value[0] or "")
    return _words(value)


def _decoded(data: bytes, charset: str) -> str:
    name = normalize_encoding(charset).lower()
    if name in CHARSETS and aliases.get(name, name) != "ascii":  # much says so and is not
        with contextlib.suppress(LookupError, ValueError):
            return data.decode(name, "replace")
    return data.decode("utf-8", "replace")
