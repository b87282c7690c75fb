"""Names that try to break out: line breaks, markup, mentions, a thousand characters."""

import json
import re
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from html5lib import HTMLParser
from hypothesis import example, given
from hypothesis import strategies as st

from earlywatch.channels import email, slack, sms
from earlywatch.clients.letter import compose
from tests.alerts import opened

DATE = datetime(2026, 11, 20, 1, 12, tzinfo=UTC)
LINK = "https://earlywatch.test/incidents/17"

PIECES = [
    *("\r\n", "\n\n", "\u2028", "\r\nBcc: mallory@example.org\r\n\r\n", "\x00", "\u202e"),
    *("@channel", "@here", "<!channel>", "<!here|x>", "<@U123>", "<#C123>", "@everyone"),
    *("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "&lt;b&gt;", "</td></table>"),
    *("[click](http://evil.example)", "<http://evil.example|click>", "http://evil.example/"),
    *("www.evil.example", "*bold*", "`code`", "~no~", "{{ url }}", "{% raw %}", "xx0xx", "%s"),
]
names = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=40)), max_size=30).map("".join)


@given(names)
@example("".join(PIECES))
@example("x" * 1000)
@example("\r\n" * 500)
def test_no_name_breaks_a_mail(name: str) -> None:
    mail = email.letter("alice@example.org", opened(monitor_name=name))

    content = compose(mail, "alerts@earlywatch.test", "earlywatch.test", DATE)
    message = BytesParser(EmailMessage, policy=policy.strict).parsebytes(content)
    root = HTMLParser(strict=True, namespaceHTMLElements=False).parse(mail.html)
    assert message.get_all("Bcc") is None
    assert message.get_all("To") == ["alice@example.org"]
    assert len(str(message["Subject"])) < 150
    assert mail.text.splitlines()[0] == mail.subject
    assert [a.get("href") for a in root.iter("a")] == [LINK, mail.unsubscribe_url]
    assert not list(root.iter("script")) + list(root.iter("img"))


@given(names)
@example("".join(PIECES))
@example("x" * 1000)
@example("\r\n" * 500)
def test_no_name_pings_or_links_in_slack(name: str) -> None:
    message = json.loads(json.dumps(slack.payload(opened(monitor_name=name))))

    said = message["text"].removesuffix(f"<{LINK}|Open the incident>")
    assert "<" not in said
    assert ">" not in said
    assert "\n" not in said
    for text in [said, *_user_texts(message)]:
        assert not re.search(r"@\w|://|\]\(|www\.", text)
        assert len(text) <= 2000
    assert all(text.isprintable() or "\u200b" in text for text in _markup_texts(message))
    assert _markup_texts(message)[-1] == f"<{LINK}|Open the incident>"
    assert not any("evil" in text or "channel" in text for text in _markup_texts(message))


@given(names)
@example("".join(PIECES))
@example("x" * 1000)
@example("\r\n" * 500)
def test_no_name_breaks_a_text_message(name: str) -> None:
    said = sms.body(opened(monitor_name=name))

    assert len(said) <= 320
    assert len(said.splitlines()) == 1
    assert said.endswith(f" {LINK}")


def _texts(message: dict[str, Any], kind: str) -> list[str]:
    found = []
    for block in message["blocks"]:
        found += [*([block["text"]] if "text" in block else []), *block.get("fields", [])]
    return [text["text"] for text in found if text["type"] == kind]


def _user_texts(message: dict[str, Any]) -> list[str]:
    return _texts(message, "plain_text")


def _markup_texts(message: dict[str, Any]) -> list[str]:
    return _texts(message, "mrkdwn")
