"""What a mail says, and which addresses are ours. No database, no connection."""

from email.message import EmailMessage
from uuid import UUID

import pytest

from earlywatch.ingest.mail import MOST_KEPT, Mail, read_mail
from earlywatch.ingest.mail_door import (
    NOT_STORED,
    OK,
    PARTLY_PAUSED,
    PAUSED,
    UNKNOWN,
    answer,
    hide_keys,
)
from earlywatch.ingest.mail_html import text_of_html
from earlywatch.ingest.mail_names import read_name
from earlywatch.ingest.store import Unavailable
from earlywatch.services.incoming import ByName, Name, Outcome

KEY = "8c9d1f9e-41a5-4a9d-9e3d-0a4d6d1f7c55"
PING_KEY = "a" * 20 + "42"


def made(subject: str = "done", text: str = "All fine.") -> EmailMessage:
    """A mail with a text."""
    mail = EmailMessage()
    mail["Subject"] = subject
    mail.set_content(text)
    return mail


def body_of(content: bytes | EmailMessage) -> str:
    """Return the body in characters."""
    whole = content if isinstance(content, bytes) else content.as_bytes()
    return (read_mail(whole).body or b"").decode()


@pytest.mark.parametrize(
    ("local", "name"),
    [
        (KEY, UUID(KEY)),
        (KEY.upper(), UUID(KEY)),
        (f"{PING_KEY}+nightly-backup_2", ByName(PING_KEY, "nightly-backup_2")),
        (f"{PING_KEY.upper()}+Nightly", ByName(PING_KEY, "nightly")),
        (f"{PING_KEY}+{'x' * 100}", ByName(PING_KEY, "x" * 100)),
        (f"{PING_KEY}+{'x' * 101}", None),
        (f"{PING_KEY}+", None),
        (f"{PING_KEY}+a+b", None),
        (f"{PING_KEY}", None),
        (f"{KEY}+fail", None),
        (KEY.replace("-", ""), None),
        ("postmaster", None),
        ("", None),
    ],
)
def test_an_address_names_a_monitor_in_any_case(local: str, name: Name | None) -> None:
    assert read_name(local) == name


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ([Outcome.RECORDED], OK),
        ([Outcome.UNWATCHED, Outcome.UNWATCHED], PAUSED),
        ([Outcome.UNWATCHED, Outcome.RECORDED], PARTLY_PAUSED),
        ([Outcome.RECORDED, Outcome.UNKNOWN], UNKNOWN),
        ([Outcome.UNKNOWN, Unavailable()], NOT_STORED),
    ],
)
def test_the_answer_is_what_asks_most_of_the_sender(
    outcomes: list[Outcome | BaseException], words: str
) -> None:
    assert answer(outcomes) == words


@pytest.mark.parametrize(
    ("sender", "shown"),
    [
        ("cron@job.test", "cron@job.test"),
        (f"{KEY}@ping.test", "…@ping.test"),
        ("ups-3@PING.test", "…@PING.test"),
        (f"bounce+{KEY.upper()}=ping.test@relay.test", "bounce+…=ping.test@relay.test"),
        (f"me+{PING_KEY}+backup=ping.test@relay.test", "me+…+backup=ping.test@relay.test"),
        ("<>", "<>"),
        ("root", "root"),
    ],
)
def test_a_sender_is_shown_without_keys(sender: str, shown: str) -> None:
    assert hide_keys(sender, [KEY, PING_KEY], "ping.test") == shown


def test_subject_and_text_are_decoded() -> None:
    assert read_mail(made("Größe ✓", "drei Würfel\n").as_bytes()) == Mail(
        "Größe ✓", "drei Würfel".encode()
    )


@pytest.mark.parametrize(
    ("header", "subject"),
    [
        (b"Subject: =?iso-8859-1?Q?gr=FCn?= und\r\n =?utf-8?b?cm90?=", "grün und rot"),
        ("Subject: grün".encode(), "grün"),
        (b"Subject: gr\xfcn", "gr�n"),
        (b"Subject: =?no-such-charset?q?green?=", "green"),
        (b"subject:\tgreen \r\n\t light", "green light"),
        (b"Subject: =?utf-8?q?a=00b?=", "a�b"),
        (b"Subject: " + b"x" * 5_000, "x" * 2_000),
        (b"Subject:", None),
        (b"X-Subject: green", None),
    ],
)
def test_a_subject_is_read_however_it_is_written(header: bytes, subject: str | None) -> None:
    assert read_mail(header + b"\r\n\r\n").subject == subject


def test_of_a_text_in_two_forms_the_plain_one_counts() -> None:
    mail = made()
    mail.add_alternative("<p>All <b>very</b> fine.</p>", subtype="html")

    assert body_of(mail) == "All fine."


def test_html_alone_becomes_text() -> None:
    mail = EmailMessage()
    mail.set_content(
        "<html><head><title>Report</title><style>p > a {}</style></head><body><!-- <p>no -->"
        "<h1>Backup &amp; more</h1><p>3 <b>of</b> 4<br>1 &lt; 2<script>if (a<b) {}</script></p>"
        "<table><tr><td>rows</td><td>12</td></tr></table></body></html>",
        subtype="html",
    )

    assert body_of(mail) == "Backup & more\n\n3 of 4\n1 < 2\n\nrows 12"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("a < b <c", "a < b <c"),
        ("<p>a<p>b", "a\nb"),
        ("a<!-- <b> > -- c", "a"),
        ("<script>x", ""),
        ("<div\nclass='x'>a</div >b", "a\nb"),
        ("a<br/>b<img src=x>", "a\nb"),
        ("&#" + "9" * 10_000, "&#" + "9" * 10_000),
    ],
)
def test_broken_html_is_shown_as_well_as_can_be(html: str, text: str) -> None:
    assert text_of_html(html) == text


def test_what_is_attached_is_named_in_the_end() -> None:
    mail = made()
    mail.add_attachment(b"x" * 12_345, maintype="text", subtype="csv", filename="umsätze.csv")
    mail.add_attachment("secret words", filename="notes.txt")
    mail.add_attachment(made("inner", "not shown"))

    shown = body_of(mail).splitlines()

    assert shown[:4] == [
        "All fine.",
        "",
        "[attachment: umsätze.csv, 12 kB]",
        "[attachment: notes.txt, 13 bytes]",
    ]
    assert shown[4].startswith("[attachment: message/rfc822, ")
    assert len(shown) == 5


def test_of_many_attachments_the_first_are_named() -> None:
    mail = made()
    for number in range(25):
        mail.add_attachment(b"", maintype="image", subtype="png", filename=f"{number}.png")

    assert body_of(mail).splitlines()[-2:] == [
        "[attachment: 19.png, 0 bytes]",
        "[and 5 more attachments]",
    ]


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "us-ascii", "x-unknown", "punycode"])
def test_a_text_in_any_charset_is_utf_8_afterwards(charset: str) -> None:
    known = {"latin-1", "utf-16"}
    words = "grün".encode(charset if charset in known else "utf-8")
    head = f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode()

    assert body_of(head + words) == "grün"


def test_a_long_text_is_cut() -> None:
    assert len(body_of(b"\r\n" + b"x" * 200_000)) == MOST_KEPT


@pytest.mark.parametrize("length", [100_990, 110_000, 500_000])
@pytest.mark.parametrize("charset", ["utf-8", "utf-16"])
def test_the_end_of_a_long_text_is_there_to_be_searched(length: int, charset: str) -> None:
    head = f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode()

    found = read_mail(head + ("." * length + "FATAL: disk full").encode(charset))

    assert b"FATAL: disk full" in (found.body or b"") + (found.tail or b"")


def test_a_page_whose_middle_was_not_read_is_cut() -> None:
    page = b"<p>first</p>" + b"<!-- -->" * 100_000 + b"<p>last</p>"

    found = read_mail(b"Content-Type: text/html\r\n\r\n" + page)

    assert (found.body, found.tail) == (b"first\n\nlast", b"")


def test_a_mail_without_anything_is_still_a_ping() -> None:
    assert read_mail(b"") == Mail(None, None)


LINE = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"
NESTED = b"".join(LINE % (n, n) for n in range(99))
TEXT = b"--b\nContent-Type: text/plain" + b";" * 900 + b"\n\n"


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: done\n" + b"Content-Type: message/rfc822\n\n" * 140_000,
        b"Subject: done\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 500_000,
        b"Subject: done\n" + b"".join(LINE % (n, n) for n in range(20_000)),
        b"Subject: done\n\n" + b"\n" * 9_000_000,
        b"Subject: done\n" + NESTED + b"\n" * 598_000,
        b"Subject: done\n" + NESTED + b"\r" * 40_000,
        b"Subject: done\nContent-Type: message/delivery-status\n\n" + b"a:b\n\n" * 149_000,
        b"Subject: done\nContent-Type: multipart/mixed; boundary=b\n\n" + TEXT * 4_900,
    ],
    ids=[
        *("mails in mails", "many parts", "parts in parts", "many lines"),
        *("lines in parts in parts", "carriage returns", "report", "parameters of parts"),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["bare", "whole"])
def test_of_a_mail_that_would_take_long_the_text_is_kept_as_it_came(
    content: bytes, end: bytes
) -> None:
    head, _, text = content.partition(b"\n\n")
    lines = [f"To: {KEY}@ping.test".encode(), *head.split(b"\n"), b"", b""]

    mail = read_mail(end.join(lines) + text)

    assert mail.subject == "done"
    assert mail.body == text[:MOST_KEPT]
    assert (mail.body + (mail.tail or b"")).endswith(text[-15_000:])


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (b"To: x\r\n\r\n", None),
        (b"To: x", None),
        (b"From a\nTo: x\n\tx:\n\n\ny", b"\ny"),
        (b"To: x\rSubject: y\r\rz", b"z"),
        (b"To: x\nno header\n\ny", b"no header\n\ny"),
        (b"\xff\n\ny", b"\xff\n\ny"),
    ],
)
def test_what_nobody_can_read_begins_after_the_headers(
    content: bytes, body: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("earlywatch.ingest.mail.MOST_LINES", -1)

    assert read_mail(content).body == body


def test_a_dump_full_of_comments_is_read_like_any_text() -> None:
    dump = b"-- Daten f\xfcr\n" * 20_000
    head = b"Content-Type: text/plain; charset=latin-1\n\n"

    assert body_of(head + dump).startswith("-- Daten für\n-- ")


@pytest.mark.parametrize(
    "content",
    [
        b"Content-Type: multipart/mixed; " + b";" * 5_000_000,
        b'Content-Type: multipart/mixed; a="' + b";" * 5_000_000,
        b"Content-Type: text/html\n\n" + b"<a " * 2_000_000,
        b"Content-Type: text/html\n\n" + b"<!--" * 2_000_000,
        b"Content-Type: text/plain; charset=idna\n\n" + b"a" * 5_000_000,
        b"Subject: " + b"=?" * 2_000_000,
        NESTED + b"\n" * 598_000,
        b"To: x\n" * 1_600_000,
    ],
    ids=["parameters", "quotes", "tags", "comments", "charset", "subject", "product", "headers"],
)
def test_a_mail_made_to_take_long_does_not(content: bytes) -> None:
    read_mail(content)  # pytest's time-out is what fails otherwise
