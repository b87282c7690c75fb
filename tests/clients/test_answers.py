"""What others answer is fit for people to read and for a database to keep."""

import json
from collections.abc import Callable

import pytest

from earlywatch.clients.http import Http
from earlywatch.clients.mail import MailError
from earlywatch.clients.sms import Sms
from earlywatch.clients.twilio import TwilioError
from tests.clients.mails import MAIL, Make
from tests.clients.servers import Receiver, mail_server, tcp_server

UNFIT = "a\x00b\x1b[31m\x7f\u202e"
LONG = "word " * 200


def fit(answer: str) -> bool:
    return answer.isprintable() and len(answer) <= 350 and "a b" in answer


def sms(http: Http, receiver: Receiver) -> Callable[[], str]:
    """Return what sends a message to a receiver in Twilio's place."""
    door = Sms(http, "AC123", "token", "+15005550006", receiver.url)
    return lambda: door.send("+4915112345678", "late", "id-1")


def test_the_answer_of_a_mail_server_that_accepts_is_tidied(make_mailer: Make) -> None:
    with mail_server() as sink:
        sink.to_data = f"250 a\x00b\x1b {LONG}"[:500]

        assert fit(make_mailer(sink.url).send(MAIL))


@pytest.mark.parametrize("step", ["to_mail", "to_rcpt", "to_data"])
def test_the_answer_of_a_mail_server_that_refuses_is_tidied(step: str, make_mailer: Make) -> None:
    with mail_server() as sink:
        setattr(sink, step, f"550 5.1.1 a\x00b\x1b {LONG}"[:500])
        with pytest.raises(MailError) as caught:
            make_mailer(sink.url).send(MAIL)

    assert fit(str(caught.value))


def test_the_greeting_of_a_mail_server_is_tidied(make_mailer: Make) -> None:
    greeting = f"554 {UNFIT} {LONG}\r\n".encode()

    with (
        tcp_server(lambda connection: connection.sendall(greeting)) as port,
        pytest.raises(MailError) as caught,
    ):
        make_mailer(f"smtp://127.0.0.1:{port}").send(MAIL)

    assert fit(str(caught.value))


@pytest.mark.parametrize("said", [UNFIT, f"{UNFIT} {LONG}", f"{UNFIT}\ud800"])
def test_the_answer_of_twilio_is_tidied(said: str, client: Http, receiver: Receiver) -> None:
    receiver.status, receiver.text = 201, json.dumps({"sid": said, "status": "queued"})
    assert fit(sms(client, receiver)())

    receiver.status, receiver.text = 400, json.dumps({"code": 21211, "message": said})
    with pytest.raises(TwilioError) as caught:
        sms(client, receiver)()
    assert fit(str(caught.value))
    assert caught.value.permanent


@pytest.mark.parametrize("text", ['{"code": [21211]}', '{"code": {}}', "[" * 60_000])
def test_an_answer_of_another_shape_is_temporary(
    text: str, client: Http, receiver: Receiver
) -> None:
    receiver.status, receiver.text = 400, text

    with pytest.raises(TwilioError, match=r"Twilio answered 400\.") as caught:
        sms(client, receiver)()

    assert not caught.value.permanent
