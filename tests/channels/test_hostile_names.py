"""Names that try to break out: line breaks, markup, mentions, a thousand characters.

Each kind sends them for real, to a receiver on loopback, which looks at what came.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import pytest
from html5lib import HTMLParser
from hypothesis import example, given, settings
from hypothesis import strategies as st

from earlywatch.channels.registry import ChannelError, Doors, Kind, kinds
from earlywatch.clients.http import Http
from earlywatch.clients.mail import Mailer
from earlywatch.clients.sms import Sms
from earlywatch.clients.voice import Voice
from earlywatch.domain.alert import Alert
from earlywatch.setting_values import PROVIDERS
from tests.channels.moments import actionable
from tests.channels.test_registry import config_of
from tests.clients.servers import Receiver, Request, Sink, http_server, mail_server

PIECES = [
    *("\r\n", "\n\n", "\u2028", "\r\nBcc: mallory@example.org\r\n\r\n", "\x00", "\u202e"),
    *("@channel", "@here", "<!channel>", "<!here|x>", "<@U123>", "<#C123>", "@everyone", "@all"),
    *("<users/all>", "<at>Anna</at>", "<@&123>", "/start", "#topic", "~town-square"),
    *("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "&lt;b&gt;", "</td></table>"),
    *("[click](http://evil.example)", "<http://evil.example|click>", "http://evil.example/"),
    *("www.evil.example", "*bold*", "`code`", "~no~", "||spoiler||", "> quote", "# head", "1. a"),
    *(
        "{{ url }}",
        "{% raw %}",
        "{{DATE(2026-11-20,SHORT)}}",
        "${name}",
        "xx0xx",
        "%s",
        "\\",
        "]]>",
    ),
]
names = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=40)), max_size=30).map("".join)

# What all providers are glad to read, each looking at its own part.
GLAD = {"ok": True, "status": 1, "sid": "SM1", "receipt": "r" * 30, "result": {"message_id": 1}}
OUR_LINKS = re.compile(
    r"\[[\w ]+\]\(https://earlywatch\.test/[\w/.-]*\)"
    r"|<https://earlywatch\.test/[\w/.-]*\|[\w ]+>"
    r'|<a href="https://earlywatch\.test/[\w/.-]*">[\w ]+</a>'
    r"|https://earlywatch\.test/[\w/.-]*"
    r"|http://adaptivecards\.io/schemas/adaptive-card\.json"
)
# What a program for people may make a mention or a link of, even where it looks for no markup.
ALIVE = re.compile(r"@\w|://|\]\(|www\.")
# To these a name is data, or goes where nothing comes alive: mails, and telephones.
DATA = {"email", "sms", "voice", "webhook"}
# Those that take a word in angle brackets for a mention, a link or a tag.
ANGLES = {"slack", "mattermost", "google_chat", "telegram"}


@dataclass
class Outside:
    """All other sides, in one."""

    receiver: Receiver
    sink: Sink
    doors: Doors

    def hear(self, kind: Kind, alert: Alert) -> list[Request | bytes]:
        """Return what comes when a kind sends `alert`."""
        self.receiver.requests.clear()
        self.sink.envelopes.clear()
        config = {name: self._here(value) for name, value in config_of(kind).items()}
        with suppress(ChannelError):
            kind.send(config, alert, self.doors)
        return [*self.sink.contents, *self.receiver.requests]

    def _here(self, value: Any) -> Any:
        if not isinstance(value, str) or not value.startswith("https://"):
            return value
        return self.receiver.url + value.removeprefix(f"https://{urlsplit(value).netloc}")


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with http_server() as receiver, mail_server() as sink:
        receiver.text = json.dumps(GLAD)
        http = Http((ip_network("127.0.0.0/8"),))
        mail = Mailer(sink.url, "Earlywatch <alerts@earlywatch.test>", Path("unused"))
        account = ("AC1", "token", "+15005550006", receiver.url)
        doors = Doors(
            http,
            mail,
            Sms(http, *account),
            bases=dict.fromkeys(PROVIDERS, receiver.url),
            telegram_token="1:" + "a" * 35,
            pushover_token="a" * 30,
            voice=Voice(http, *account),
        )
        yield Outside(receiver, sink, doors)
        http.close()
        mail.close()


@pytest.mark.parametrize(
    "kind", [kind for kind in kinds() if kind.name != "group"], ids=lambda kind: kind.name
)
@settings(max_examples=25)
@given(name=names)
@example(name="".join(PIECES))
@example(name="x" * 1000)
@example(name="\r\n" * 500)
@example(name="@everyone " * 100)
def test_no_name_breaks_or_pings(kind: Kind, name: str, outside: Outside) -> None:
    usual = outside.hear(kind, renamed("nightly backup"))
    came = outside.hear(kind, renamed(name))

    assert usual
    assert len(came) == len(usual)
    for sent, expected in zip(came, usual, strict=True):
        if isinstance(sent, bytes):
            mail_holds_together(sent)
        else:
            assert isinstance(expected, Request)
            request_holds_together(sent, expected)
            says_nothing_alive(kind, sent, expected)


def renamed(name: str) -> Alert:
    """An incident of a monitor of this name, whose job says it too."""
    alert = actionable()
    assert alert.trouble is not None
    trouble = replace(alert.trouble, monitor_name=name, output=name, hint=name, also=(name,))
    return replace(alert, trouble=trouble, channel_name=name, workspace_name=name)


def mail_holds_together(content: bytes) -> None:
    """One recipient, one subject, and in its HTML no tag and no link that is not ours."""
    message = BytesParser(EmailMessage, policy=policy.default).parsebytes(content)
    page = message.get_body(("html",))
    assert page is not None
    root = HTMLParser(strict=True, namespaceHTMLElements=False).parse(page.get_content())

    assert message.defects == []
    assert message.get_all("Bcc") is None
    assert message.get_all("To") == ["alice@example.org"]
    assert len(str(message["Subject"])) < 150
    assert all(is_ours(a.get("href")) for a in root.iter("a"))
    assert not list(root.iter("script")) + list(root.iter("img"))


def request_holds_together(sent: Request, usual: Request) -> None:
    """The same place, the same headers, and a body that has no part which is not usual."""
    assert (sent.method, sent.path) == (usual.method, usual.path)
    assert sent.headers.keys() == usual.headers.keys()
    assert parts(read(sent)).keys() <= parts(read(usual)).keys()
    for text in texts(sent):
        assert len(text) <= 6000
        assert "\r" not in text
        assert "\u202e" not in text
        if text.startswith("<?xml"):
            speech_holds_together(text)


def speech_holds_together(text: str) -> None:
    """What is read out by telephone: our own elements, and no line broken within one."""
    tags = {"Response", "Say", "Gather", "Pause", "Hangup", "Redirect"}
    assert {element.tag for element in ET.fromstring(text).iter()} <= tags


def says_nothing_alive(kind: Kind, sent: Request, usual: Request) -> None:
    """No mention, no tag, and no link but ours; what is always said is of no interest."""
    if kind.name in DATA:
        return
    ours = texts(usual)
    for text in texts(sent):
        assert text in ours or not ALIVE.search(OUR_LINKS.sub("", text))
    if kind.name in ANGLES:
        for text in texts(sent, plain=kind.name != "slack"):
            assert not re.search(r"<(?!/?[bi]>|/?font\b)[\w!@#/]", OUR_LINKS.sub("", text))


def read(request: Request) -> Any:
    """Return the body as the receiver reads it: JSON, or a form."""
    body = request.body.decode()
    if request.headers["Content-Type"].startswith("application/json"):
        return json.loads(body)
    return parse_qs(body, keep_blank_values=True, strict_parsing=True)


def parts(value: Any, at: str = "") -> dict[str, list[str]]:
    """Return the texts of a document, by where they stand in it."""
    found: dict[str, list[str]] = {}
    branches: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        branches = [(f"{at}.{key}", each) for key, each in value.items()]
    elif isinstance(value, list):
        branches = [(f"{at}[]", each) for each in value]
    elif isinstance(value, str):
        found[at] = [value]
    for where, each in branches:
        for place, said in parts(each, where).items():
            found.setdefault(place, []).extend(said)
    return found


def texts(request: Request, *, plain: bool = True) -> list[str]:
    """Return all that is said; without what Slack takes as plain text, if so wished."""
    document = read(request)
    return [
        text for said in parts(document if plain else marked(document)).values() for text in said
    ]


def marked(value: Any) -> Any:
    """Return a document without the texts that say of themselves that they are plain."""
    if isinstance(value, list):
        return [marked(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "plain_text":
        return {}
    return {key: marked(each) for key, each in value.items()}


def is_ours(url: str | None) -> bool:
    return (url or "").startswith("https://earlywatch.test/")
