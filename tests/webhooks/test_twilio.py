"""What Twilio tells us, signed as its page "Webhooks security" documents it."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.clients.twilio import signature
from earlywatch.models import Attempt, Channel, Delivery
from earlywatch.services.wiring import Wiring
from tests.builders import make_channel, make_delivery, make_incident
from tests.client import Browser
from tests.webhooks.twilio_calls import TOKEN, call

STATUS, DIGIT = "/webhooks/twilio/status", "/webhooks/twilio/digit"
DRILL = "/webhooks/twilio/drill"
SID = "SM" + "0" * 32


@pytest.fixture
def delivery(session: Session, now: datetime) -> Delivery:
    """A message that Twilio took."""
    channel = make_channel(session, kind="sms")
    incident = make_incident(session)
    return make_delivery(
        session, channel, incident, state="sent", sent_at=now, provider_id=SID, fallback_at=now
    )


def noted(session: Session, delivery: Delivery) -> list[tuple[int, bool, str]]:
    query = select(Attempt).where(Attempt.delivery_id == delivery.id).order_by(Attempt.id)
    return [(row.number, row.sent, row.answer) for row in session.scalars(query)]


def test_the_signature_is_that_of_the_documented_example() -> None:
    # https://www.twilio.com/docs/usage/webhooks/webhooks-security
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }

    made = signature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form.items())

    assert made == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_a_message_that_arrived_is_noted_once(
    wired: Wiring, client: Browser, session: Session, delivery: Delivery
) -> None:
    answers = [call(client, STATUS, MessageSid=SID, MessageStatus="delivered") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 204]
    assert noted(session, delivery) == [(0, True, "Twilio reports: the message was delivered.")]
    assert delivery.state == "sent"


@pytest.mark.parametrize("state", ["queued", "sending", "sent", "accepted", ""])
def test_a_message_on_its_way_is_nothing_to_note(
    state: str, wired: Wiring, client: Browser, session: Session, delivery: Delivery
) -> None:
    answer = call(client, STATUS, MessageSid=SID, MessageStatus=state)

    assert answer.status_code == 204
    assert noted(session, delivery) == []


def test_a_message_that_did_not_arrive_counts_as_failed_again(
    wired: Wiring, client: Browser, session: Session, delivery: Delivery
) -> None:
    call(client, STATUS, MessageSid=SID, MessageStatus="undelivered", ErrorCode="30003")

    words = "Twilio reports: the message did not arrive (error 30003)."
    assert noted(session, delivery) == [(0, False, words)]
    assert (delivery.state, delivery.answer, delivery.fallback_at) == ("failed", words, None)
    assert session.get_one(Channel, delivery.channel_id).broken_at is None


def test_a_fallback_that_was_told_is_not_told_again(
    wired: Wiring, client: Browser, session: Session, delivery: Delivery, now: datetime
) -> None:
    other = make_channel(session)
    make_delivery(session, other, delivery.incident, fallback_for_id=delivery.id)

    call(client, STATUS, MessageSid=SID, MessageStatus="failed", ErrorCode="30008")

    assert (delivery.state, delivery.fallback_at) == ("failed", now)


def test_a_fallback_that_did_not_arrive_has_no_fallback(
    wired: Wiring, client: Browser, session: Session, delivery: Delivery, now: datetime
) -> None:
    first = make_delivery(session, make_channel(session), delivery.incident, state="failed")
    delivery.fallback_for_id = first.id

    call(client, STATUS, MessageSid=SID, MessageStatus="failed", ErrorCode="30008")

    assert (delivery.state, delivery.fallback_at) == ("failed", now)


def test_a_number_that_will_never_be_reached_breaks_the_channel(
    wired: Wiring, client: Browser, session: Session, delivery: Delivery
) -> None:
    call(client, STATUS, MessageSid=SID, MessageStatus="failed", ErrorCode="21610")

    channel = session.get_one(Channel, delivery.channel_id)
    assert channel.broken_at is not None
    assert channel.broken_reason == "Twilio reports: the message failed (error 21610)."


def test_a_number_that_was_changed_since_is_not_to_blame(
    wired: Wiring, client: Browser, session: Session, delivery: Delivery, now: datetime
) -> None:
    channel = session.get_one(Channel, delivery.channel_id)
    channel.verified_at = now + timedelta(minutes=1)

    call(client, STATUS, MessageSid=SID, MessageStatus="failed", ErrorCode="21610")

    assert delivery.state == "failed"
    assert channel.broken_at is None


@pytest.mark.parametrize(
    ("state", "sent", "words"),
    [
        ("completed", True, "Twilio reports: the call was answered."),
        ("busy", False, "Twilio reports: the call met a busy line."),
        ("no-answer", False, "Twilio reports: the call was not answered."),
        ("failed", False, "Twilio reports: the call failed (error 404)."),
    ],
)
def test_a_call_that_nobody_took_counts_as_failed(
    state: str,
    sent: bool,
    words: str,
    wired: Wiring,
    client: Browser,
    session: Session,
    delivery: Delivery,
) -> None:
    code = {"SipResponseCode": "404"} if state == "failed" else {}

    call(client, STATUS, CallSid=SID, CallStatus=state, **code)

    assert noted(session, delivery) == [(0, sent, words)]
    assert delivery.state == ("sent" if sent else "failed")
    assert session.get_one(Channel, delivery.channel_id).broken_at is None


def test_a_report_may_come_before_the_sid_is_known(
    wired: Wiring, client: Browser, session: Session, delivery: Delivery
) -> None:
    delivery.provider_id = None

    answer = call(
        client,
        f"{STATUS}?delivery={delivery.public_id}",
        MessageSid=SID,
        MessageStatus="delivered",
    )

    assert answer.status_code == 204
    assert len(noted(session, delivery)) == 1


@pytest.mark.parametrize("query", ["", "?delivery=x", f"?delivery={UUID(int=0)}"])
def test_what_is_no_message_of_ours_is_not_found(
    query: str, wired: Wiring, client: Browser, delivery: Delivery
) -> None:
    answer = call(client, STATUS + query, MessageSid="SMx", MessageStatus="delivered")

    assert (answer.status_code, answer.mimetype) == (404, "text/plain")


@pytest.mark.parametrize("path", [STATUS, f"{DIGIT}/1.2.abc", f"{DRILL}/1.abc"])
def test_what_twilio_did_not_sign_is_refused(
    path: str, wired: Wiring, client: Browser, session: Session, delivery: Delivery
) -> None:
    form = {"MessageSid": SID, "MessageStatus": "failed", "Digits": "1"}
    made = signature(TOKEN, f"http://localhost{path}", form.items())

    answers = [
        call(client, path, "another token", **form),
        client.post(path, data=form),
        client.post(path, data=form, headers={"X-Twilio-Signature": ""}),
        client.post(path, data={**form, "To": "x"}, headers={"X-Twilio-Signature": made}),
        client.post(f"{path}?a=b", data=form, headers={"X-Twilio-Signature": made}),
        client.post(path, data=form, headers={"X-Twilio-Signature": "ü"}),
    ]

    assert [answer.status_code for answer in answers] == [400] * 6
    assert answers[0].text == "Refused: wrong signature."
    assert delivery.state == "sent"


def test_where_twilio_is_not_set_up_there_is_no_such_place(client: Browser) -> None:
    assert call(client, STATUS, MessageSid=SID, MessageStatus="failed").status_code == 404
