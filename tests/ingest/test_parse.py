"""Reading a request: what is a ping, and whose."""

from typing import Any
from uuid import UUID

import pytest

from earlywatch.domain.monitor import PingKind
from earlywatch.ingest.http import Scope
from earlywatch.ingest.parse import BAD_NAME, parse
from earlywatch.ingest.request import PingRequest, Refusal
from earlywatch.services.incoming import ByName

KEY = "2f1c9a52-6a9e-4f0b-9d7e-0c8d5b1f3a64"
NIGHTLY = ByName("k3y_-", "nightly")


def request(path: str = f"/ping/{KEY}", **more: Any) -> Scope:
    """An ASGI scope as gunicorn makes it."""
    return {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [],
        "client": ("192.0.2.1", 50_000),
        "scheme": "http",
        **more,
    }


def parsed(scope: Scope, trusted_proxies: int = 0) -> PingRequest:
    """Parse what must be a ping."""
    found = parse(scope, trusted_proxies)
    assert isinstance(found, PingRequest)
    return found


def refused(scope: Scope) -> Refusal:
    """Parse what must not be one."""
    found = parse(scope, 0)
    assert isinstance(found, Refusal)
    return found


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("ending", "kind", "exit_status"),
    [
        ("", PingKind.SUCCESS, None),
        ("/start", PingKind.START, None),
        ("/fail", PingKind.FAIL, None),
        ("/log", PingKind.LOG, None),
        ("/0", PingKind.SUCCESS, 0),
        ("/1", PingKind.FAIL, 1),
        ("/255", PingKind.FAIL, 255),
        ("/007", PingKind.FAIL, 7),
    ],
)
def test_the_ending_says_what_happened(
    ending: str, slash: str, kind: PingKind, exit_status: int | None
) -> None:
    for path, name in ((f"/ping/{KEY}", UUID(KEY)), ("/ping/k3y_-/nightly", NIGHTLY)):
        found = parsed(request(path + ending + slash)).address

        assert (found.name, found.kind, found.exit_status) == (name, kind, exit_status)
        assert found.plain is (ending == "")


@pytest.mark.parametrize("status", ["256", "1000", "9" * 5000])
def test_an_exit_status_over_255_is_refused_with_a_sentence(status: str) -> None:
    words = "The exit status must be a number from 0 to 255."

    assert refused(request(f"/ping/{KEY}/{status}")) == Refusal(400, words)


@pytest.mark.parametrize(
    "path",
    [
        "/ping/",
        "/ping/x",
        f"/ping/{KEY.upper()}",
        f"/ping/{KEY.replace('-', '')}",
        f"/ping/{KEY}x",
        f"/ping/{KEY}/stop",
        f"/ping/{KEY}/-1",
        f"/ping/{KEY}/²",
        f"/ping/{KEY}/٣",
        f"/ping/{KEY}//",
        f"/ping/{KEY}/start/0",
        f"/ping/{KEY}\n",
        f"/ping/{KEY}\0",
        f"/x/ping/{KEY}",
        f"/ping/{KEY.upper()}/start",
        "/ping/k3y/nightly/stop",
        "/ping/k3y/nightly//",
        "/ping/k\N{LATIN SMALL LETTER E WITH ACUTE}y/nightly",
        "/ping//nightly",
    ],
)
def test_what_is_no_ping_url_is_not_found(path: str) -> None:
    assert refused(request(path)) == Refusal(404, "not found")


def test_a_name_in_upper_case_is_refused_with_the_one_to_write() -> None:
    words = "Write the name in lower case: nightly-backup"

    assert refused(request("/ping/k3y/Nightly-Backup/start")) == Refusal(400, words)


@pytest.mark.parametrize("slug", ["x.y", "a b", "\N{LATIN SMALL LETTER E WITH ACUTE}", "x" * 101])
def test_a_name_that_no_monitor_can_have_is_refused_with_a_sentence(slug: str) -> None:
    assert refused(request(f"/ping/k3y/{slug}")) == BAD_NAME


def test_a_name_may_look_like_an_ending() -> None:
    found = parsed(request("/ping/k3y/start/7")).address

    assert (found.name, found.kind) == (ByName("k3y", "start"), PingKind.FAIL)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "get"])
def test_other_methods_are_refused(method: str) -> None:
    assert refused(request(method=method)).status == 405


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        ([], 0, "192.0.2.1"),
        ([b"203.0.113.9"], 0, "192.0.2.1"),
        ([b"203.0.113.9"], 1, "203.0.113.9"),
        ([b"6.6.6.6, 203.0.113.9"], 1, "203.0.113.9"),
        ([b"6.6.6.6", b"203.0.113.9"], 1, "203.0.113.9"),
        ([b"6.6.6.6, 203.0.113.9, 10.0.0.7"], 2, "203.0.113.9"),
        ([b"203.0.113.9:4711"], 1, "203.0.113.9"),
        ([b"[2001:DB8::1]:4711"], 1, "2001:db8::1"),
        ([b"fe80::1%eth0"], 1, "fe80::1"),
        ([b"unknown"], 1, "192.0.2.1"),
        ([b"203.0.113.9"], 2, "192.0.2.1"),
        ([b"\xff\x00"], 1, "192.0.2.1"),
        ([], 3, "192.0.2.1"),
    ],
)
def test_the_address_is_the_one_that_our_own_proxies_saw(
    forwarded: list[bytes], proxies: int, address: str
) -> None:
    headers = [(b"x-forwarded-for", value) for value in forwarded]

    assert parsed(request(headers=headers), proxies).sender.remote_address == address


@pytest.mark.parametrize(
    ("proxies", "said", "scheme"),
    [
        (0, b"https", "http"),
        (1, b"https", "https"),
        (1, b"http, HTTPS", "https"),
        (1, b"x", "http"),
    ],
)
def test_the_scheme_is_believed_from_our_own_proxies_only(
    proxies: int, said: bytes, scheme: str
) -> None:
    found = parsed(request(headers=[(b"x-forwarded-proto", said)]), proxies)

    assert found.sender.scheme == scheme


def test_a_request_over_a_unix_socket_has_no_address() -> None:
    assert parsed(request(client=None)).sender.remote_address is None


def test_a_long_user_agent_is_cut() -> None:
    headers = [(b"user-agent", b"x" * 500)]

    assert parsed(request(headers=headers)).sender.user_agent == "x" * 200


@pytest.mark.parametrize(
    ("headers", "has_body"),
    [
        ([], False),
        ([(b"content-length", b"0")], False),
        ([(b"content-length", b"3")], True),
        ([(b"transfer-encoding", b"chunked")], True),
    ],
)
def test_a_body_is_expected_where_the_head_announces_one(
    headers: list[tuple[bytes, bytes]], has_body: bool
) -> None:
    assert parsed(request(headers=headers)).has_body is has_body


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [(b"gzip", True), (b" GZip", True), (b"x-gzip", True), (b"br", False), (b"identity", False)],
)
def test_a_body_in_gzip_is_announced_by_its_encoding(encoding: bytes, packed: bool) -> None:
    headers = [(b"content-length", b"3"), (b"content-encoding", encoding)]

    assert parsed(request(headers=headers)).packed is packed


@pytest.mark.parametrize(
    "agent",
    [
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Slack-ImgProxy (+https://api.slack.com/robots)",
        "Twitterbot/1.0",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Facebot",
        "meta-externalagent/1.1",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        "TelegramBot (like TwitterBot)",
        "WhatsApp/2.23.20.0 A",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
        "LinkedInBot/1.0 (compatible; Mozilla/5.0)",
        "Pinterest/0.2 (+https://www.pinterest.com/bot.html)",
        "Mozilla/5.0 (compatible; redditbot/1.0; +http://www.reddit.com/feedback)",
        "http.rb/5.1.1 (Mastodon/4.2.0; +https://social.example/)",
        "Iframely/1.3.1 (+https://iframely.com/docs/about)",
        "Mozilla/5.0 (compatible; Embedly/0.2; +http://support.embed.ly/)",
        "Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)",
        "Viber/13.3.1",
        "Mozilla/5.0 (Windows NT 10.0) Chrome/120.0 Safari/537.36; MicrosoftPreview/2.0",
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        "Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0 Safari/537.36 Google-PageRenderer Google",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (Applebot/0.1)",
    ],
)
def test_a_program_that_previews_links_is_known_by_its_name(agent: str) -> None:
    assert parsed(request(headers=[(b"user-agent", agent.encode())])).sender.preview


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "curl/8.5.0",
        "Wget/1.21",
        "Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0 Safari/537.36",
        "mastodon-backup.sh",
        "our-Slackbot/1.0",
        "whatsapp-export",
        "python-telegram-bot/20",
    ],
)
def test_a_job_of_somebodys_own_is_no_preview(agent: str) -> None:
    assert not parsed(request(headers=[(b"user-agent", agent.encode())])).sender.preview
