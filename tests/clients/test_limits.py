"""Every attempt ends in time, whatever name servers and the other side do, or do not do."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

import pytest

from earlywatch.clients import http, lookup, smtp
from earlywatch.clients.http import Http, Unreachable
from earlywatch.clients.mail import MailError
from tests.clients.mails import MAIL, Make
from tests.clients.names import Names
from tests.clients.servers import Receiver, mail_server, silent_listener, tcp_server
from tests.waiting import wait_until

LOOPBACK = "127.0.0.1"
TOTAL = 0.6  # seconds, in place of the 20 and 25 of production
LARGE = 8_000_000  # bytes: more than the buffers of both sides take


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TOTAL_SECONDS", TOTAL)
    monkeypatch.setattr(smtp, "TOTAL_SECONDS", TOTAL)


@pytest.fixture
def hung() -> Iterator[int]:
    """A port where connections come about, and that is all."""
    with tcp_server(lambda _connection: time.sleep(3)) as port:
        yield port


@contextmanager
def gives_up(kind: type[MailError | Unreachable], words: str) -> Iterator[None]:
    began = time.monotonic()
    with pytest.raises(kind, match=words) as caught:
        yield

    assert time.monotonic() - began < TOTAL + 1
    assert isinstance(caught.value, MailError | Unreachable)
    assert caught.value.timed_out
    assert not caught.value.permanent


@pytest.mark.parametrize("scheme", ["smtp", "smtps", "smtp+starttls"])
def test_a_silent_mail_server_is_given_up(scheme: str, hung: int, make_mailer: Make) -> None:
    with gives_up(MailError, "did not answer in time"):
        make_mailer(f"{scheme}://127.0.0.1:{hung}").send(MAIL)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_silent_web_server_is_given_up(scheme: str, hung: int, client: Http) -> None:
    with gives_up(Unreachable, "did not answer in time"):
        client.post(f"{scheme}://127.0.0.1:{hung}/")


def test_a_mail_server_with_many_silent_addresses_is_given_up(
    names: Names, make_mailer: Make
) -> None:
    with silent_listener() as port, gives_up(MailError, "did not answer in time"):
        names.known["mail.test"] = [(LOOPBACK, port)] * 5
        make_mailer("smtp://mail.test").send(MAIL)


@pytest.mark.parametrize("trusted", [True, False])
def test_a_web_server_with_many_silent_addresses_is_given_up(
    trusted: bool, names: Names, client: Http
) -> None:
    with silent_listener() as port, gives_up(Unreachable, "did not answer in time"):
        names.known["hooks.test"] = [(LOOPBACK, port)] * 5
        client.post("http://hooks.test/", trusted=trusted)


def test_a_silent_address_leaves_time_for_the_next_one(
    names: Names, make_mailer: Make, client: Http, receiver: Receiver
) -> None:
    with silent_listener() as silent, mail_server() as sink:
        names.known["mail.test"] = [(LOOPBACK, silent), (LOOPBACK, sink.port)]
        names.known["hooks.test"] = [(LOOPBACK, silent), (LOOPBACK, None)]

        assert make_mailer("smtp://mail.test").send(MAIL).startswith("250")
        assert client.post(receiver.url.replace("127.0.0.1", "hooks.test")).status == 200


def test_one_private_address_among_the_allowed_is_not_used(
    names: Names, client: Http, receiver: Receiver
) -> None:
    names.known["hooks.test"] = [("10.0.0.1", None), (LOOPBACK, None)]

    assert client.post(receiver.url.replace("127.0.0.1", "hooks.test")).status == 200


@pytest.mark.usefixtures("names")
def test_a_silent_name_server_of_the_mail_server_is_given_up(make_mailer: Make) -> None:
    with gives_up(MailError, "host of the mail server could not be looked up in time"):
        make_mailer("smtp://unheard.test").send(MAIL)


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("trusted", [True, False])
def test_a_silent_name_server_of_a_web_server_is_given_up(trusted: bool, client: Http) -> None:
    with gives_up(Unreachable, r"host unheard\.test could not be looked up in time"):
        client.post("http://unheard.test/", trusted=trusted)


@pytest.mark.usefixtures("names")
def test_a_silent_name_server_is_given_up_when_a_target_is_checked(client: Http) -> None:
    with gives_up(Unreachable, r"host unheard\.test could not be looked up in time"):
        client.check_target("http://unheard.test/")


def test_a_lookup_ends_before_the_whole_attempt_does(
    names: Names, client: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TOTAL_SECONDS", 20)
    monkeypatch.setattr(lookup, "LOOKUP_SECONDS", TOTAL)

    with gives_up(Unreachable, "could not be looked up in time"):
        client.post("http://unheard.test/")
    assert names.asked == ["unheard.test"]


def test_silent_name_servers_keep_no_other_host_waiting(
    names: Names, client: Http, receiver: Receiver
) -> None:
    others = [f"http://unheard{number}.test/" for number in range(30)]
    with _asking(client, others):
        wait_until(lambda: len(names.asked) == 30, 5, "30 lookups")
        names.known["hooks.test"] = [(LOOPBACK, None)]
        began = time.monotonic()

        assert client.post(receiver.url.replace("127.0.0.1", "hooks.test")).status == 200
        assert time.monotonic() - began < TOTAL


def test_lookups_of_one_host_are_one_lookup(names: Names, client: Http) -> None:
    with _asking(client, ["http://unheard.test/"] * 10):
        pass

    assert names.asked == ["unheard.test"]


def test_lookups_are_limited_and_addresses_need_none(
    names: Names, client: Http, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "MOST_LOOKUPS", 2)
    names.known["hooks.test"] = [(LOOPBACK, None)]
    with _asking(client, ["http://unheard1.test/", "http://unheard2.test/"]):
        wait_until(lambda: len(names.asked) == 2, 5, "2 lookups")

        with gives_up(Unreachable, "could not be looked up in time"):
            client.post("http://hooks.test/")
        assert client.post(receiver.url).status == 200

    names.end.set()
    wait_until(lambda: not lookup._running, 5, "the end of both lookups")
    assert client.post(receiver.url.replace("127.0.0.1", "hooks.test")).status == 200


@pytest.mark.parametrize("host", ["a..test", f"{'a' * 64}.test.invalid", "a\x00b"])
def test_what_cannot_be_a_host_name_is_not_found(host: str) -> None:
    with pytest.raises(socket.gaierror):
        lookup.look_up(host, 80, time.monotonic() + 5)


def test_a_web_server_that_does_not_read_is_given_up(hung: int, client: Http) -> None:
    with gives_up(Unreachable, "did not answer in time"):
        client.post(f"http://127.0.0.1:{hung}/", json="x" * LARGE)


def test_a_mail_server_that_does_not_read_is_given_up() -> None:
    with tcp_server(_taking_no_content) as port, gives_up(MailError, "did not answer in time"):
        relay = smtp.Relay(f"smtp://127.0.0.1:{port}", "earlywatch.test")
        relay.deliver("alerts@earlywatch.test", MAIL.to, b"x" * LARGE)


def test_a_refused_connection_is_no_time_out(make_mailer: Make, client: Http) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(MailError, match="could not be reached") as of_mail:
        make_mailer(f"smtp://127.0.0.1:{port}").send(MAIL)
    with pytest.raises(Unreachable, match="could not be reached") as of_http:
        client.post(f"http://127.0.0.1:{port}/")

    assert not of_mail.value.timed_out
    assert not of_http.value.timed_out


@contextmanager
def _asking(client: Http, urls: list[str]) -> Iterator[None]:
    """Let threads post to hosts whose name servers are silent; all of them must give up."""

    def ask(url: str) -> None:
        with suppress(Unreachable):
            client.post(url)

    threads = [Thread(target=ask, args=(url,)) for url in urls]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join(5)


def _taking_no_content(connection: socket.socket) -> None:
    for reply in (b"220 hello", b"250 hello", b"250 OK", b"250 OK", b"354 go on"):
        connection.sendall(reply + b"\r\n")
        if not reply.startswith(b"354"):
            connection.recv(65536)
    time.sleep(3)
