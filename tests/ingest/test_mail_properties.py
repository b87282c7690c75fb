"""Whatever comes as a mail, it can be read."""

from hypothesis import given, settings
from hypothesis import strategies as st

from earlywatch.ingest.mail import LONGEST_SUBJECT, MOST_KEPT, read_mail
from earlywatch.ingest.mail_html import text_of_html
from earlywatch.ingest.mail_names import read_name

HEADS = st.sampled_from(
    [
        b"Subject: =?utf-8?q?",
        b"Subject: =?utf-8?b?",
        b"Content-Type: multipart/mixed; boundary=b",
        b"Content-Type: multipart/alternative; boundary*0=b",
        b"Content-Type: message/rfc822",
        b"Content-Type: text/html; charset=",
        b"Content-Type: text/plain; charset*=utf-8''utf-8",
        b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: quoted-printable",
        b"Content-Transfer-Encoding: x-uuencode",
        b"Content-Disposition: attachment; filename*=x'y'%ff",
        b"--b",
        b"--b--",
        b"begin 644 x",
        b"\r\n\r\n",
    ]
)
BYTES = st.lists(st.one_of(HEADS, st.binary(max_size=20), st.just(b"\r\n")), max_size=30).map(
    b"".join
)
HTML = st.lists(
    st.one_of(
        st.text(max_size=5), st.sampled_from(["<", ">", "<p", "<!--", "-->", "<script>", "&"])
    )
).map("".join)


@settings(max_examples=300, deadline=None)
@given(BYTES)
def test_any_bytes_can_be_read_as_a_mail(content: bytes) -> None:
    mail = read_mail(content)

    assert mail.body is None or 0 < len(mail.body) <= MOST_KEPT
    assert mail.subject is None or 0 < len(mail.subject) <= LONGEST_SUBJECT
    assert "\0" not in (mail.subject or "")
    (mail.subject or "").encode()  # no half characters, which PostgreSQL would not take


@settings(max_examples=200, deadline=None)
@given(HTML)
def test_any_text_can_be_read_as_html(html: str) -> None:
    shown = text_of_html(html)

    assert len(shown) <= len(html) * 2  # an entity may stand for two characters
    assert shown == shown.strip()


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_can_be_looked_at_as_an_address(local: str) -> None:
    read_name(local)
