"""Mails as bytes: read back by the strict parser of the standard library."""

from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from hypothesis import given
from hypothesis import strategies as st

from earlywatch.clients.letter import Mail, compose

DATE = datetime(2026, 11, 20, 5, 17, 3, tzinfo=UTC)
MAIL = Mail(
    id="8f2f5d7e-0000-4000-8000-000000000000",
    to="alice@example.org",
    subject="nightly backup is late by 12 min",
    text="Late.",
    html="<p>Late.</p>",
    thread="incident-17",
    unsubscribe_url=f"https://earlywatch.test/channels/unsubscribe/{'a' * 200}",
)


def read(mail: Mail) -> EmailMessage:
    content = compose(mail, "Earlywatch <alerts@earlywatch.test>", "earlywatch.test", DATE)
    assert max(len(line) for line in content.split(b"\r\n")) <= 998
    assert b"\n" not in content.replace(b"\r\n", b"")
    message = BytesParser(EmailMessage, policy=policy.strict).parsebytes(content)
    assert message.defects == []
    return message


def test_headers_say_what_the_mail_is() -> None:
    message = read(MAIL)

    assert message["From"] == "Earlywatch <alerts@earlywatch.test>"
    assert message["To"] == "alice@example.org"
    assert message["Subject"] == MAIL.subject
    assert message["Date"].datetime == DATE
    assert message["Message-ID"] == f"<{MAIL.id}@earlywatch.test>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["In-Reply-To"] == message["References"] == "<incident-17@earlywatch.test>"
    assert message["List-Unsubscribe"] == f"<{MAIL.unsubscribe_url}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message.get_content_type() == "multipart/alternative"


def test_a_mail_about_nothing_in_particular_has_no_thread_and_no_unsubscribe() -> None:
    message = read(replace(MAIL, thread=None, unsubscribe_url=None))
    assert message["Reply-To"] is None

    assert "References" not in message
    assert "In-Reply-To" not in message
    assert "List-Unsubscribe" not in message
    assert "List-Unsubscribe-Post" not in message


def test_the_same_mail_is_the_same_bytes_at_every_attempt() -> None:
    assert read(MAIL).as_bytes() == read(MAIL).as_bytes()


@given(subject=st.text(max_size=1000), text=st.text(), html=st.text())
def test_no_text_breaks_out_of_its_place(subject: str, text: str, html: str) -> None:
    text, html = f"a{text}", f"a{html}"

    message = read(
        replace(MAIL, subject=f"a{subject}\r\nBcc: mallory@example.org", text=text, html=html)
    )

    assert message.get_all("Bcc") is None
    assert message["To"] == "alice@example.org"
    assert message["Subject"].split() == f"a{subject} Bcc: mallory@example.org".split()
    plain, page = message.iter_parts()
    assert plain.get_content().splitlines() == text.splitlines()
    assert page.get_content().splitlines() == html.splitlines()
