"""Mail sessions: what is said, what is offered, what is cut off."""

import re
import smtplib
import socket
import struct
from uuid import UUID

import pytest
from sqlalchemy import Engine

from tests.ingest.mailing import MailServer, address, ask, pings

OK = (250, b"2.0.0 OK")


def test_a_session_is_answered_word_for_word(smtpd: MailServer, engine: Engine, key: UUID) -> None:
    answers = smtpd.speak(
        b"EHLO job.test",
        b"MAIL FROM:<>",
        f"RCPT TO:<{address(key)}>".encode(),
        b"DATA",
        b"Subject: hello\r\n\r\n..dot\r\n.",
        b"RSET",
        b"NOOP",
        b"QUIT",
    )

    offers = b"250-ping.test\r\n250-SIZE 10000000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING"
    assert answers == [
        offers,
        b"250 OK",
        b"250 2.0.0 OK",
        b"354 End data with <CR><LF>.<CR><LF>",
        b"250 2.0.0 OK",
        b"250 OK",
        b"250 OK",
        b"221 Bye",
    ]
    [kept] = pings(engine, key)
    assert (kept.body, kept.user_agent) == (b".dot", "From <>")


def test_nothing_can_be_signed_in_to_or_asked_about(smtpd: MailServer, key: UUID) -> None:
    known = f"VRFY {address(key)}".encode()

    answers = smtpd.speak(b"EHLO x", known, b"VRFY nobody", b"AUTH PLAIN eA==", b"EXPN x", b"HELP")

    assert answers[1] == answers[2] == b"252 2.5.2 Send a mail, then you will see."
    assert [words[:3] for words in answers[3:]] == [b"500"] * 3


def test_a_mail_that_ends_at_once_is_a_ping(smtpd: MailServer, engine: Engine, key: UUID) -> None:
    answers = smtpd.speak(
        b"HELO x", b"MAIL FROM:<a@b.test>", f"RCPT TO:<{address(key)}>".encode(), b"DATA", b"."
    )

    assert answers[-1] == b"250 2.0.0 OK"
    assert [(kept.message, kept.body) for kept in pings(engine, key)] == [(None, None)]


def test_only_a_dot_alone_between_whole_line_ends_ends_a_mail(
    smtpd: MailServer, engine: Engine, key: UUID
) -> None:
    smuggled = b"\r\n\r\none\n.\nMAIL FROM:<x@y>\r.\r\n two\r\n."

    answers = smtpd.speak(
        b"EHLO x",
        b"MAIL FROM:<>",
        f"RCPT TO:<{address(key)}>".encode(),
        b"DATA",
        smuggled,
        b"NOOP",
    )

    assert answers[-2:] == [b"250 2.0.0 OK", b"250 OK"]
    assert len(pings(engine, key)) == 1


def test_a_mail_that_is_too_large_is_refused_at_its_announcement(
    smtpd: MailServer, key: UUID
) -> None:
    assert smtpd.speak(b"EHLO x", b"MAIL FROM:<a@b.test> SIZE=10000001")[-1].startswith(b"552 ")


def test_a_mail_that_turns_out_too_large_is_refused(
    smtpd: MailServer, engine: Engine, key: UUID
) -> None:
    line = b"x" * 998 + b"\r\n"

    assert smtpd.send(address(key), mail=line * 10_000) == OK
    assert smtpd.send(address(key), mail=line * 10_001) == (552, b"5.3.4 A mail may have 10 MB.")
    assert len(pings(engine, key)) == 1


def test_a_mail_without_end_is_cut_off(smtpd: MailServer, engine: Engine, key: UUID) -> None:
    with smtpd.call() as connection:
        for line in (b"EHLO x", b"MAIL FROM:<>", f"RCPT TO:<{address(key)}>".encode(), b"DATA"):
            ask(connection, line)
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            connection.sendall(b"x" * 50_000_000)

    assert pings(engine, key) == []


def test_a_mail_that_breaks_off_is_no_ping(smtpd: MailServer, engine: Engine, key: UUID) -> None:
    with smtpd.call() as connection:
        for line in (b"EHLO x", b"MAIL FROM:<>", f"RCPT TO:<{address(key)}>".encode(), b"DATA"):
            ask(connection, line)
        connection.sendall(b"Subject: half")

    assert smtpd.send(address(key)) == OK
    assert len(pings(engine, key)) == 1


@pytest.mark.parametrize(
    "line",
    [
        b"RCPT TO:<" + b"x" * 3_000 + b">",
        b"X" * 200_000,
        b"\xff\x00 \x80",
        b"MAIL FROM:<\xff\xfe@\x00>",
        b"MAIL FROM:" + b"(" * 400,
        b"MAIL FROM:<" + b'"' * 400,
        b"MAIL FROM:<@>",
        b"EHLO \xff",
        b"",
    ],
)
def test_odd_commands_are_answered_and_the_session_goes_on(smtpd: MailServer, line: bytes) -> None:
    _, odd, last = smtpd.speak(b"EHLO x", line, b"NOOP")

    assert re.match(rb"[25]\d\d ", odd.splitlines()[-1])
    assert last == b"250 OK"


def test_who_says_the_same_for_ever_is_sent_away(smtpd: MailServer) -> None:
    answers = smtpd.speak(b"EHLO x", *[b"NOOP"] * 21)

    assert answers[-1] == b"421 4.7.0 NOOP sent too many times"


def test_nothing_about_a_mail_is_logged(smtpd: MailServer, key: UUID) -> None:
    smtpd.send(address(key))
    smtpd.answer_to("somebody@example.org")
    with smtpd.call() as connection:
        ask(connection, b"EHLO job.test")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    said = smtpd.log.read_text()
    assert "ready for mails" in said
    assert not re.search(r"@|job\.test|127\.0\.0\.1|Traceback", said)


def test_a_session_that_is_not_encrypted_hears_nothing_of_tls(smtpd: MailServer) -> None:
    with smtpd.connect() as session, pytest.raises(smtplib.SMTPNotSupportedError):
        session.starttls()
