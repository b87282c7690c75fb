"""Alerts by text message, posted to a receiver that answers as Twilio does."""

import json
from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from earlywatch.channels.registry import ChannelError, Doors, InvalidChannel
from earlywatch.channels.sms import body, check, send, summary
from earlywatch.channels.text import in_gsm
from earlywatch.domain.alert import Alert
from tests.alerts import CONFIRM, TEST, opened, resolved
from tests.clients.servers import Receiver

CONFIG = {"phone_number": "+4915112345678"}


def test_an_alert_becomes_a_message(doors: Doors, twilio: Receiver) -> None:
    answer = send(CONFIG, opened(), doors)

    [request] = twilio.requests
    form = parse_qs(request.body.decode())
    assert answer == "201 queued SM1"
    assert form["To"] == ["+4915112345678"]
    assert form["Body"] == [body(opened())]
    assert request.headers["Idempotency-Key"] == opened().id


@pytest.mark.parametrize(
    ("alert", "said"),
    [
        (
            opened(),
            (
                "nightly backup is late by 12 min. Expected: 02:00 Europe/Berlin (01:00 UTC)."
                " Last ping: Thu 19 Nov 2026, 02:12 Europe/Berlin (01:12 UTC)."
                " https://earlywatch.test/incidents/17"
            ),
        ),
        (
            resolved(),
            "nightly backup is back after 12 min. https://earlywatch.test/incidents/17",
        ),
        (TEST, "Test of operations. This is a test. Alerts reach this channel."),
        (
            CONFIRM,
            (
                "012345 is your Earlywatch code."
                " If you did not ask for it, do nothing: nothing more will be sent."
            ),
        ),
    ],
)
def test_the_message_is_short_and_in_the_small_alphabet(alert: Alert, said: str) -> None:
    assert body(alert) == said
    assert in_gsm(said)


def test_a_long_name_is_shortened_and_the_link_kept() -> None:
    said = body(opened(monitor_name="backup of the big database " * 40))

    assert said.startswith("backup of the big database backup of th... is late by 12 min.")
    assert said.endswith(" https://earlywatch.test/incidents/17")
    assert len(said) <= 320
    assert in_gsm(said)


def test_a_long_link_is_kept_at_the_cost_of_words() -> None:
    url = f"https://earlywatch.test/{'a' * 250}"

    said = body(opened(url=url))

    assert said == f"nightly backup is late by 12 min. {url}"


def test_accents_the_networks_lack_are_made_plain() -> None:
    said = body(opened(monitor_name="Žluťoučký “kůň” \N{EN DASH} größte"))

    assert said.startswith('Zlutoucky "kun" - größte is late')
    assert in_gsm(said)


def test_a_name_in_another_script_stays_readable() -> None:
    assert body(opened(monitor_name="夜間バックアップ")).startswith("夜間バックアップ is late")


def test_a_refusal_says_whether_trying_again_makes_sense(doors: Doors, twilio: Receiver) -> None:
    twilio.status = 400
    twilio.text = json.dumps({"code": 21610, "message": "unsubscribed", "status": 400})

    with pytest.raises(ChannelError, match="error 21610") as caught:
        send(CONFIG, opened(), doors)

    assert caught.value.permanent


def test_without_twilio_nothing_is_sent_and_nothing_is_broken(doors: Doors) -> None:
    with pytest.raises(ChannelError, match="not set up") as caught:
        send(CONFIG, opened(), replace(doors, sms=None))

    assert not caught.value.permanent


@pytest.mark.parametrize("typed", ["+49 151 12345678", "+49 (0151) 123-45678", "+4915112345678"])
def test_a_number_is_kept_in_one_form(typed: str, doors: Doors) -> None:
    config = check({"phone_number": typed}, doors)

    assert config == CONFIG
    assert summary(config) == "+49 1511 2345678"


@pytest.mark.parametrize("typed", ["", "0151 12345678", "+49", "+1 555", "call me", "+49151\r\n1"])
def test_what_is_no_number_is_refused(typed: str, doors: Doors) -> None:
    with pytest.raises(InvalidChannel, match="country code") as caught:
        check({"phone_number": typed}, doors)

    assert caught.value.field == "phone_number"


@pytest.mark.parametrize(
    "typed",
    [
        "+1 900 234 5678",
        "+44 909 879 0000",
        "+44 70 1234 5678",
        "+49 180 12345",
        "+49 18500 123456",
        "+881 612 345 678",
        "+882 16 1234567",
        "+979 123 456 789",
    ],
)
def test_a_number_that_costs_more_than_others_is_refused(typed: str, doors: Doors) -> None:
    with pytest.raises(InvalidChannel, match="costs more than others") as caught:
        check({"phone_number": typed}, doors)

    assert caught.value.field == "phone_number"


@pytest.mark.parametrize("typed", ["+1 212 555 0123", "+44 20 7946 0958", "+41 44 668 18 00"])
def test_usual_numbers_are_taken(typed: str, doors: Doors) -> None:
    assert check({"phone_number": typed}, doors)["phone_number"] == typed.replace(" ", "")
