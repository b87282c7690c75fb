"""Alerts by phone call: the shape of https://www.twilio.com/docs/voice/api/call-resource."""

import json
from dataclasses import replace
from urllib.parse import parse_qs
from xml.etree.ElementTree import fromstring

import pytest

from earlywatch.channels.registry import ChannelError, Doors, InvalidChannel, Said
from earlywatch.channels.voice import NOT_CALLED, answer, check, payload, send, skips
from earlywatch.clients.voice import Voice
from earlywatch.domain.alert import Alert, AlertKind
from tests.alerts import CONFIRM, TEST, opened, resolved
from tests.clients.servers import Receiver

CONFIG = {"phone_number": "+4915112345678", "recoveries": False}
DIGIT = "https://earlywatch.test/webhooks/twilio/digit/17.3.abc"
# https://www.twilio.com/docs/voice/twiml: what we use of it
VERBS = {"Response", "Gather", "Say", "Pause", "Hangup"}


def spoken(twiml: str) -> list[str]:
    """Return what is said; fails on what is no TwiML."""
    root = fromstring(twiml)
    assert root.tag == "Response"
    assert {element.tag for element in root.iter()} <= VERBS
    return [element.text or "" for element in root.iter("Say")]


def test_a_call_is_made_as_twilio_documents_it(doors: Doors, twilio: Receiver) -> None:
    said = send(CONFIG, opened(), doors)

    [request] = twilio.requests
    form = parse_qs(request.body.decode())
    assert request.path == "/2010-04-01/Accounts/AC1/Calls.json"
    assert request.headers["Authorization"].startswith("Basic ")
    assert form == {
        "To": ["+4915112345678"],
        "From": ["+15005550006"],
        "Twiml": [payload(opened())],
        "Timeout": ["30"],
    }
    assert isinstance(said, Said)
    assert said.provider_id == "SM1"


def test_the_words_are_said_twice() -> None:
    words = (
        "This is Earlywatch. nightly backup is late by 12 min."
        " No ping came by 02:10 Europe/Berlin (01:10 UTC)."
    )

    assert spoken(payload(opened())) == [words, words]


def test_where_twilio_can_reach_us_a_digit_acknowledges(doors: Doors, twilio: Receiver) -> None:
    alert = replace(opened(), act_token="17.3.abc")
    account = ("AC1", "token", "+15005550006", twilio.url)
    reachable = Voice(doors.http, *account, callbacks="https://earlywatch.test")

    send(CONFIG, alert, replace(doors, voice=reachable))

    [request] = twilio.requests
    form = parse_qs(request.body.decode())
    [gather] = fromstring(form["Twiml"][0]).iter("Gather")
    assert gather.attrib == {"numDigits": "1", "timeout": "10", "method": "POST", "action": DIGIT}
    assert spoken(form["Twiml"][0]).count("Press 1 to acknowledge.") == 2
    assert form["StatusCallback"] == [
        f"https://earlywatch.test/webhooks/twilio/status?delivery={alert.id}"
    ]


def test_in_a_drill_a_digit_says_that_somebody_got_it(doors: Doors, twilio: Receiver) -> None:
    page = "https://earlywatch.test/drills/answer/5.abc.def"
    alert = replace(TEST, kind=AlertKind.DRILL, drill_url=page, drill_token="5.abc.def")
    account = ("AC1", "token", "+15005550006", twilio.url)
    reachable = Voice(doors.http, *account, callbacks="https://earlywatch.test")

    send(CONFIG, alert, replace(doors, voice=reachable))
    send(CONFIG, alert, doors)

    asked, told = (parse_qs(each.body.decode())["Twiml"][0] for each in twilio.requests)
    words = "This is Earlywatch. Fire drill: operations. Nothing is wrong."
    press = "Press 1 to say that you got it."
    [gather] = fromstring(asked).iter("Gather")
    assert gather.attrib["action"] == "https://earlywatch.test/webhooks/twilio/drill/5.abc.def"
    assert spoken(asked) == [words, press, words, press, "Goodbye."]
    assert spoken(told) == [words, words]


@pytest.mark.parametrize("alert", [TEST, CONFIRM])
def test_where_there_is_nothing_to_acknowledge_no_digit_is_asked_for(
    alert: Alert, doors: Doors, twilio: Receiver
) -> None:
    account = ("AC1", "token", "+15005550006", twilio.url)
    reachable = Voice(doors.http, *account, callbacks="https://earlywatch.test")

    send(CONFIG, alert, replace(doors, voice=reachable))

    assert b"Gather" not in twilio.requests[0].body


def test_a_code_is_read_digit_by_digit_twice() -> None:
    said = spoken(payload(CONFIRM))

    assert len(said) == 2
    assert all("Your code is: 0, 1, 2, 3, 4, 5." in words for words in said)
    assert not any("operations" in words or "Acme" in words for words in said)


def test_it_does_not_ring_for_good_news_unless_wished(doors: Doors, twilio: Receiver) -> None:
    wished = {**CONFIG, "recoveries": True}

    assert skips(CONFIG, resolved()) == NOT_CALLED
    assert skips(CONFIG, opened()) is None
    assert skips(wished, resolved()) is None
    send(wished, resolved(), doors)
    assert len(twilio.requests) == 1


@pytest.mark.parametrize("name", ["x" * 1000, "<Dial>+1900</Dial>&" * 50, "\ufffe\x00\x1b]" * 90])
def test_no_name_breaks_a_call(name: str) -> None:
    twiml = payload(opened(monitor_name=name), DIGIT)

    assert len(twiml) <= 4000  # what Twilio takes
    assert len(spoken(twiml)) == 5


def test_an_answer_hangs_up() -> None:
    assert spoken(answer("Acknowledged. Goodbye.")) == ["Acknowledged. Goodbye."]
    assert answer("x").endswith("<Hangup/></Response>")


@pytest.mark.parametrize(("code", "permanent"), [(21211, True), (13224, True), (21215, False)])
def test_a_refusal_says_whether_trying_again_makes_sense(
    code: int, permanent: bool, doors: Doors, twilio: Receiver
) -> None:
    twilio.status, twilio.text = 400, json.dumps({"code": code, "message": "no", "status": 400})

    with pytest.raises(ChannelError, match=f"error {code}") as caught:
        send(CONFIG, opened(), doors)

    assert caught.value.permanent is permanent


def test_without_twilio_nothing_is_sent_and_nothing_is_broken(doors: Doors) -> None:
    with pytest.raises(ChannelError, match="not set up") as caught:
        send(CONFIG, opened(), replace(doors, voice=None))

    assert not caught.value.permanent


def test_a_number_is_kept_in_one_form(doors: Doors) -> None:
    typed = {"phone_number": "+49 151 12345678", "recoveries": "on"}

    assert check(typed, doors) == {"phone_number": "+4915112345678", "recoveries": True}
    with pytest.raises(InvalidChannel, match="country code"):
        check({"phone_number": "call me"}, doors)
