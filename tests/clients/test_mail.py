"""The mail client against mail servers that accept, refuse, encrypt, hang and drip."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from email import policy
from email.parser import BytesParser
from pathlib import Path

import pytest

from earlywatch.clients import mail, smtp
from earlywatch.clients.mail import Mailer, MailError
from earlywatch.clients.return_path import ReturnPath
from tests.clients.mails import MAIL, SENDER, Make
from tests.clients.servers import Sink, mail_server, tcp_server

PATH = ReturnPath("ping.test", "a secret key of ours")
TRACKED = replace(MAIL, tracked=True, reply_to="ack+1.2.abc@ping.test")


@pytest.fixture
def sink() -> Iterator[Sink]:
    with mail_server() as sink:
        yield sink


@pytest.fixture
def tracking(sink: Sink, tmp_path: Path) -> Iterator[Mailer]:
    """A mailer that hears of what comes back."""
    with closing(Mailer(sink.url, SENDER, tmp_path, PATH)) as mailer:
        yield mailer


def test_an_accepted_mail_returns_the_servers_answer(make_mailer: Make) -> None:
    with mail_server() as sink:
        answer = make_mailer(sink.url).send(MAIL)

    [envelope] = sink.envelopes
    assert answer == "250 2.0.0 queued as 4711"
    assert envelope.mail_from == "alerts@earlywatch.test"
    assert envelope.rcpt_tos == ["alice@example.org"]
    message = BytesParser(policy=policy.default).parsebytes(sink.contents[0])
    assert message["From"] == SENDER
    assert message["Message-ID"] == f"<{MAIL.id}@earlywatch.test>"


def test_what_comes_back_to_a_tracked_mail_comes_to_an_address_of_its_own(
    tracking: Mailer, sink: Sink
) -> None:
    tracking.send(TRACKED)
    tracking.send(MAIL)

    tracked, other = sink.envelopes
    assert tracked.mail_from == PATH.address(MAIL.id)
    assert other.mail_from == "alerts@earlywatch.test"
    message = BytesParser(policy=policy.default).parsebytes(sink.contents[0])
    assert message["From"] == SENDER
    assert message["Reply-To"] == "ack+1.2.abc@ping.test"
    assert sink.connections == 1


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(("seconds", "times"), [(3600.0, 1), (0.0, 3)])
def test_where_that_address_may_not_send_the_usual_one_does_for_an_hour(
    step: str,
    seconds: float,
    times: int,
    tracking: Mailer,
    sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(mail, "UNTRACKED_SECONDS", seconds)
    sink.foreign, sink.refuses_at = "ping.test", step

    answers = [tracking.send(TRACKED) for _ in range(3)]

    assert answers == ["250 2.0.0 queued as 4711"] * 3
    assert {envelope.mail_from for envelope in sink.envelopes} == {"alerts@earlywatch.test"}
    assert caplog.messages == ["the mail server refuses the sender of tracked mails"] * times


def test_a_tracked_mail_to_nobody_says_nothing_about_its_sender(
    tracking: Mailer, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    sink.to_rcpt = "550 5.1.1 no such user"
    with pytest.raises(MailError) as caught:
        tracking.send(TRACKED)
    sink.to_rcpt = "250 OK"
    tracking.send(TRACKED)

    assert caught.value.permanent
    assert sink.envelopes[0].mail_from == PATH.address(MAIL.id)
    assert caplog.messages == []


@pytest.mark.parametrize("step", ["to_mail", "to_rcpt", "to_data"])
def test_a_tracked_mail_that_is_put_off_is_not_sent_with_another_sender(
    step: str, tracking: Mailer, sink: Sink
) -> None:
    setattr(sink, step, "451 4.7.1 try again later")

    with pytest.raises(MailError):
        tracking.send(TRACKED)

    assert sink.connections == 1


def test_without_an_address_that_takes_mail_in_a_tracked_mail_is_like_others(
    make_mailer: Make,
) -> None:
    with mail_server() as sink:
        make_mailer(sink.url).send(replace(MAIL, tracked=True))

    assert sink.envelopes[0].mail_from == "alerts@earlywatch.test"


def test_a_line_with_a_dot_alone_does_not_end_the_mail(make_mailer: Make) -> None:
    with mail_server() as sink:
        make_mailer(sink.url).send(MAIL)

    [part, _] = BytesParser(policy=policy.default).parsebytes(sink.contents[0]).iter_parts()
    assert part.get_content().replace("\r\n", "\n") == MAIL.text


def test_mails_share_a_connection(make_mailer: Make) -> None:
    with mail_server() as sink:
        mailer = make_mailer(sink.url)
        for _ in range(5):
            mailer.send(MAIL)

    assert len(sink.envelopes) == 5
    assert sink.connections == 1


def test_threads_share_connections_and_lose_nothing(make_mailer: Make) -> None:
    with mail_server() as sink:
        mailer = make_mailer(sink.url)
        mails = [replace(MAIL, id=str(number)) for number in range(80)]
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(mailer.send, mails))

    assert len(answers) == len(sink.envelopes) == 80
    assert sink.connections <= 8


def test_a_connection_closed_by_the_server_is_replaced(make_mailer: Make) -> None:
    with mail_server(timeout=0.2) as sink:
        mailer = make_mailer(sink.url)
        mailer.send(MAIL)
        time.sleep(0.5)

        mailer.send(MAIL)

    assert len(sink.envelopes) == 2
    assert sink.connections == 2


def test_a_connection_idle_for_long_is_not_used_again(
    make_mailer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "IDLE_SECONDS", 0.0)
    with mail_server() as sink:
        mailer = make_mailer(sink.url)
        mailer.send(MAIL)
        mailer.send(MAIL)

    assert sink.connections == 2


@pytest.mark.parametrize("step", ["to_mail", "to_data"])
def test_a_refusal_of_us_or_of_the_words_does_not_condemn_the_address(
    step: str, make_mailer: Make
) -> None:
    with mail_server() as sink:
        setattr(sink, step, "554 5.7.1 we do not like you")
        with pytest.raises(MailError, match=r"answered: 554 5\.7\.1") as caught:
            make_mailer(sink.url).send(MAIL)

    assert not caught.value.permanent


def test_a_temporary_refusal_leaves_the_next_mail_alone(make_mailer: Make) -> None:
    with mail_server() as sink:
        mailer = make_mailer(sink.url)
        sink.to_rcpt = "451 4.3.0 try again later"
        with pytest.raises(MailError):
            mailer.send(MAIL)
        sink.to_rcpt = "250 OK"

        assert mailer.send(MAIL).startswith("250")


def test_an_address_with_a_line_break_never_reaches_the_server(make_mailer: Make) -> None:
    with mail_server() as sink, pytest.raises(MailError) as caught:
        make_mailer(sink.url).send(replace(MAIL, to="a@example.org>\r\nRCPT TO:<b@example.org"))

    assert caught.value.permanent
    assert sink.connections == 0


def test_an_international_domain_travels_in_ascii(make_mailer: Make) -> None:
    with mail_server() as sink:
        make_mailer(sink.url).send(replace(MAIL, to="alice@straße.example"))

    assert sink.envelopes[0].rcpt_tos == ["alice@xn--strae-oqa.example"]
    assert b"To: alice@xn--strae-oqa.example" in sink.contents[0]


def test_a_server_that_says_nothing_is_given_up(
    make_mailer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "TOTAL_SECONDS", 0.3)
    with tcp_server(lambda _connection: time.sleep(3)) as port:
        _gives_up_in_time(make_mailer(f"smtp://127.0.0.1:{port}"))


def test_a_server_that_drips_is_given_up(
    make_mailer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"220 ")
        for _ in range(100):
            connection.sendall(b"z")
            time.sleep(0.05)

    monkeypatch.setattr(smtp, "TOTAL_SECONDS", 0.4)
    with tcp_server(drip) as port:
        _gives_up_in_time(make_mailer(f"smtp://127.0.0.1:{port}"))


def test_a_kept_connection_that_died_silently_costs_little(
    make_mailer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "PROBE_SECONDS", 0.3)
    first = threading.Event()

    def once_then_silence(connection: socket.socket) -> None:
        silent = first.is_set()
        _accept_one(connection)
        first.set()
        if not silent:
            time.sleep(3)

    with tcp_server(once_then_silence) as port:
        mailer = make_mailer(f"smtp://127.0.0.1:{port}")
        mailer.send(MAIL)
        began = time.monotonic()

        assert mailer.send(MAIL).startswith("250")
        assert time.monotonic() - began < 2


def test_nobody_listening_is_temporary(make_mailer: Make) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(MailError, match="could not be reached") as caught:
        make_mailer(f"smtp://127.0.0.1:{port}").send(MAIL)

    assert not caught.value.permanent


def test_a_mail_server_without_an_address_is_temporary(make_mailer: Make) -> None:
    with pytest.raises(MailError, match="host of the mail server could not be found") as caught:
        make_mailer("smtp://mail..test").send(MAIL)

    assert not caught.value.permanent
    assert not caught.value.timed_out


def _accept_one(connection: socket.socket) -> None:
    replies = [b"220 hello", b"250 hello", b"250 OK", b"250 OK", b"354 go on", b"250 thanks"]
    for reply in replies:
        connection.sendall(reply + b"\r\n")
        received = b""
        ending = b"\r\n.\r\n" if reply.startswith(b"354") else b"\r\n"
        while reply != replies[-1] and not received.endswith(ending):
            received += connection.recv(65536)


def _gives_up_in_time(mailer: Mailer) -> None:
    began = time.monotonic()
    with pytest.raises(MailError, match="did not answer in time") as caught:
        mailer.send(MAIL)

    assert not caught.value.permanent
    assert time.monotonic() - began < 1.5
