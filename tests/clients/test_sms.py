"""The SMS client against a receiver that answers as Twilio documents it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from earlywatch.clients.http import Http
from earlywatch.clients.sms import Sms
from earlywatch.clients.twilio import TwilioError
from tests.clients.servers import Receiver, http_server

ACCEPTED = {"sid": "SM0123456789abcdef0123456789abcdef", "status": "queued", "error_code": None}


@pytest.fixture
def twilio() -> Iterator[Receiver]:
    with http_server() as server:
        server.status, server.text = 201, json.dumps(ACCEPTED)
        yield server


@pytest.fixture
def http() -> Iterator[Http]:
    """No private address is allowed: the base that the operator chose is trusted."""
    client = Http()
    yield client
    client.close()


def make_sms(http: Http, twilio: Receiver, sender: str = "+15005550006") -> Sms:
    return Sms(http, "AC123", "token", sender, f"{twilio.url}/")


def refuse(twilio: Receiver, status: int, code: int, message: str) -> None:
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    said = {"code": code, "message": message, "more_info": more_info, "status": status}
    twilio.status, twilio.text = status, json.dumps(said)


def test_a_message_is_sent_as_twilio_documents_it(http: Http, twilio: Receiver) -> None:
    answer = make_sms(http, twilio).send("+4915112345678", "late", "id-1")

    [request] = twilio.requests
    assert answer == "201 queued SM0123456789abcdef0123456789abcdef"
    assert request.path == "/2010-04-01/Accounts/AC123/Messages.json"
    assert request.headers["Authorization"] == "Basic QUMxMjM6dG9rZW4="
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["Idempotency-Key"] == "id-1"
    assert parse_qs(request.body.decode()) == {
        "To": ["+4915112345678"],
        "From": ["+15005550006"],
        "Body": ["late"],
    }


def test_twilio_reports_where_it_can_reach_us(http: Http, twilio: Receiver) -> None:
    sms = Sms(http, "AC123", "token", "+15005550006", twilio.url, "https://earlywatch.test")

    answer = sms.send("+4915112345678", "late", "id-1")

    form = parse_qs(twilio.requests[0].body.decode())
    assert form["StatusCallback"] == [
        "https://earlywatch.test/webhooks/twilio/status?delivery=id-1"
    ]
    assert answer.provider_id == "SM0123456789abcdef0123456789abcdef"


def test_a_messaging_service_may_be_the_sender(http: Http, twilio: Receiver) -> None:
    make_sms(http, twilio, "MG9752274e9e519418a7406176694466fa").send("+49151", "late", "id-1")

    form = parse_qs(twilio.requests[0].body.decode())
    assert form["MessagingServiceSid"] == ["MG9752274e9e519418a7406176694466fa"]
    assert "From" not in form


@pytest.mark.parametrize(
    ("status", "code", "permanent"),
    [
        (400, 21211, True),
        (400, 21610, True),
        (400, 21614, True),
        (400, 21635, True),
        (400, 21606, False),
        (400, 21408, False),
        (429, 20429, False),
        (500, 20500, False),
    ],
)
def test_only_a_number_without_a_phone_is_refused_for_ever(
    status: int, code: int, permanent: bool, http: Http, twilio: Receiver
) -> None:
    refuse(twilio, status, code, "That did not work.")

    with pytest.raises(TwilioError) as caught:
        make_sms(http, twilio).send("+49151", "late", "id-1")

    assert str(caught.value) == f"Twilio answered {status}, error {code}: That did not work."
    assert caught.value.permanent is permanent


@pytest.mark.parametrize("status", [401, 403])
def test_trouble_with_our_account_is_not_the_numbers_fault(
    status: int, http: Http, twilio: Receiver
) -> None:
    refuse(twilio, status, 20003, "Authenticate")

    with pytest.raises(TwilioError, match="did not accept our account") as caught:
        make_sms(http, twilio).send("+49151", "late", "id-1")

    assert not caught.value.permanent


def test_the_wish_to_wait_is_passed_on(http: Http, twilio: Receiver) -> None:
    refuse(twilio, 429, 20429, "Too Many Requests")
    twilio.headers = {"Retry-After": "30"}

    with pytest.raises(TwilioError) as caught:
        make_sms(http, twilio).send("+49151", "late", "id-1")

    assert caught.value.retry_after == timedelta(seconds=30)


@pytest.mark.parametrize("text", ["<html>bad gateway</html>", "[]", ""])
def test_an_answer_that_is_not_twilios_is_temporary(
    text: str, http: Http, twilio: Receiver
) -> None:
    twilio.status, twilio.text = 502, text

    with pytest.raises(TwilioError, match=r"Twilio answered 502\.") as caught:
        make_sms(http, twilio).send("+49151", "late", "id-1")

    assert not caught.value.permanent


def test_twilio_out_of_reach_is_temporary(http: Http) -> None:
    sms = Sms(http, "AC123", "token", "+15005550006", "http://127.0.0.1:9")

    with pytest.raises(TwilioError, match="could not be reached") as caught:
        sms.send("+49151", "late", "id-1")

    assert not caught.value.permanent
