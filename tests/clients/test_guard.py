"""Which hosts the HTTP client sends to, whatever they call themselves."""

import socket
from pathlib import Path
from typing import Any

import pytest

from earlywatch.clients.http import Http, Unreachable
from tests.clients.servers import Receiver, http_server

PRIVATE = [
    "http://127.0.0.1/",
    "http://localhost:8000/",
    "http://0.0.0.0/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.1/",
    "http://10.1.2.3/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[0:0:0:0:0:ffff:10.0.0.1]/",
    "http://[::7f00:1]/",
    "http://[::ffff:0:7f00:1]/",
    "http://[::ffff:0:169.254.169.254]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b::169.254.169.254]/",
    "http://[64:ff9b:1::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
]


@pytest.mark.parametrize("url", PRIVATE)
def test_private_addresses_are_refused(url: str, stranger: Http) -> None:
    with pytest.raises(Unreachable, match="not a public address") as at_saving:
        stranger.check_target(url)
    with pytest.raises(Unreachable, match="not a public address") as at_sending:
        stranger.post(url, json={})

    assert at_saving.value.permanent
    assert at_sending.value.permanent


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1.",
        "0x7f.0.0.1.",
        "169.254.169.254.",
        "localhost.",
        "[fe80::1%25lo]",
        "\N{FULLWIDTH DIGIT ONE}27.0.0.1",
        "127\N{IDEOGRAPHIC FULL STOP}0\N{IDEOGRAPHIC FULL STOP}0\N{IDEOGRAPHIC FULL STOP}1",
    ],
)
def test_a_private_address_in_disguise_is_refused_or_not_found(host: str, stranger: Http) -> None:
    for call in (stranger.check_target, stranger.post):
        with pytest.raises(Unreachable, match=r"not a public address|not be found|not an address"):
            call(f"http://{host}/")


@pytest.mark.parametrize(
    "url",
    [
        "http://1.1.1.1@127.0.0.1/",
        "http://127.0.0.1@1.1.1.1/",
        "http://user:password@1.1.1.1/",
        "http://1.1.1.1:80@127.0.0.1:8000/",
        "http://1.1.1.1\\@127.0.0.1/",
        "http://127.0.0.1\\.1.1.1.1/",
        "http://@127.0.0.1/",
    ],
)
def test_where_the_host_begins_is_not_left_to_guessing(
    url: str, client: Http, receiver: Receiver
) -> None:
    for call in (client.check_target, client.post):
        with pytest.raises(Unreachable, match="right after https://") as caught:
            call(url)
        assert caught.value.permanent


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH"])
def test_no_method_follows_a_redirect_inside(method: Any, client: Http, receiver: Receiver) -> None:
    with http_server() as inside:
        receiver.status, receiver.headers = 302, {"Location": f"{inside.url}/latest/meta-data/"}

        assert client.request(method, receiver.url).status == 302
        assert inside.requests == []


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://[::7f00:1]/"])
def test_one_network_that_is_allowed_opens_no_other(url: str, client: Http) -> None:
    with pytest.raises(Unreachable, match="not a public address"):
        client.post(url)


@pytest.mark.parametrize(
    "url",
    ["", "hooks.slack.com", "ftp://example.org/", "file:///etc/passwd", "http://", "http://x:y/"],
)
def test_what_is_no_web_address_is_refused(url: str, client: Http) -> None:
    with pytest.raises(Unreachable, match="must start with https://") as caught:
        client.check_target(url)

    assert caught.value.permanent


def test_a_public_address_passes_the_check(stranger: Http) -> None:
    stranger.check_target("https://1.1.1.1/hook")


def test_a_trusted_host_may_be_private(stranger: Http, receiver: Receiver) -> None:
    assert stranger.post(receiver.url, trusted=True).status == 200


def test_a_name_cannot_change_its_meaning_after_the_check(
    client: Http, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _resolve(monkeypatch, "rebound.test", ["127.0.0.1", "10.0.0.1", "10.0.0.1"])
    url = receiver.url.replace("127.0.0.1", "rebound.test")

    assert client.post(url).status == 200
    assert asked == ["127.0.0.1"]
    assert receiver.requests[0].headers["Host"] == url.removeprefix("http://")


def test_a_name_that_was_public_when_saved_is_refused_when_it_is_private(
    stranger: Http, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    _resolve(monkeypatch, "rebound.test", ["1.1.1.1", "127.0.0.1"])
    url = receiver.url.replace("127.0.0.1", "rebound.test")
    stranger.check_target(url)

    with pytest.raises(Unreachable, match="not a public address"):
        stranger.post(url)
    assert receiver.requests == []


def test_an_unknown_host_is_temporary(client: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve(monkeypatch, "nowhere.test", [])

    for call in (client.post, client.check_target):
        with pytest.raises(Unreachable, match=r"host nowhere\.test could not be found") as caught:
            call("https://nowhere.test/hook")
        assert not caught.value.permanent


def test_a_certificate_is_checked_against_the_name(
    client: Http, certificate: tuple[Path, Path]
) -> None:
    client._guarded.verify = str(certificate[0])

    with http_server(certificate) as receiver:
        url = receiver.url.replace("http://127.0.0.1", "https://localhost")
        assert client.post(url).status == 200
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1 has no valid certificate"):
            client.post(receiver.url.replace("http://", "https://"))


def test_a_certificate_of_a_stranger_is_refused(
    client: Http, certificate: tuple[Path, Path]
) -> None:
    with http_server(certificate) as receiver:
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1 has no valid certificate"):
            client.post(receiver.url.replace("http://", "https://"))
        assert receiver.requests == []


def _resolve(monkeypatch: pytest.MonkeyPatch, name: str, addresses: list[str]) -> list[str]:
    """Let `name` stand for the next of `addresses` each time it is looked up; return a list of
    what was said."""
    real = socket.getaddrinfo
    left, asked = list(addresses), []

    def lookup(host: Any, *arguments: Any, **options: Any) -> Any:
        if host != name:
            return real(host, *arguments, **options)
        if not left:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        asked.append(left.pop(0))
        return real(asked[-1], *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return asked
