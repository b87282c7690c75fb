"""Alerts by email, sent to a real mail server."""

from dataclasses import replace
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest
from html5lib import HTMLParser

from earlywatch.channels.email import check, letter, send, summary
from earlywatch.channels.registry import ChannelError, Doors, InvalidChannel
from earlywatch.domain.alert import Alert, AlertKind
from earlywatch.domain.monitor import Cause
from tests.alerts import CONFIRM, TEST, opened, resolved
from tests.clients.servers import Sink

CONFIG = {"address": "alice@example.org"}


def read(sink: Sink) -> list[EmailMessage]:
    parser = BytesParser(EmailMessage, policy=policy.default)
    return [parser.parsebytes(content) for content in sink.contents]


def part(message: EmailMessage, subtype: str) -> str:
    found: Any = message.get_body((subtype,))
    return str(found.get_content())


def test_an_alert_becomes_a_mail_with_text_and_html(doors: Doors, mail_sink: Sink) -> None:
    answer = send(CONFIG, opened(), doors)

    [message] = read(mail_sink)
    assert answer.startswith("250")
    assert message["To"] == "alice@example.org"
    assert message["Subject"] == "nightly backup is late by 12 min"
    assert message["Message-ID"] == "<8f2f5d7e-0000-4000-8000-000000000000@earlywatch.test>"
    assert message["List-Unsubscribe"] == "<https://earlywatch.test/channels/unsubscribe/abc>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for subtype in ("plain", "html"):
        said = part(message, subtype)
        assert "nightly backup is late by 12 min" in said
        assert "02:00 Europe/Berlin (01:00 UTC)" in said
        assert "https://earlywatch.test/incidents/17" in said


def test_the_mails_of_one_incident_form_a_thread(doors: Doors, mail_sink: Sink) -> None:
    send(CONFIG, opened(), doors)
    send(CONFIG, resolved(), doors)
    send(CONFIG, TEST, doors)

    late, back, test = read(mail_sink)
    assert late["References"] == back["References"] == "<incident-17@earlywatch.test>"
    assert "References" not in test


def test_trouble_can_be_acknowledged_from_the_mail(doors: Doors, mail_sink: Sink) -> None:
    act = "https://earlywatch.test/incidents/act/17.4.abc"
    send(CONFIG, replace(opened(), act_url=act, reply_to="ack+17.4.abc@in.test"), doors)
    send(CONFIG, replace(opened(), act_url=act), doors)
    send(CONFIG, resolved(), doors)

    whole, without_replies, over = read(mail_sink)
    assert whole["Reply-To"] == "ack+17.4.abc@in.test"
    for subtype in ("plain", "html"):
        assert "Or reply to this mail with: ack" in part(whole, subtype)
        for message in (whole, without_replies):
            said = part(message, subtype)
            assert "Acknowledge or snooze" in said
            assert act in said
        assert "cknowledge" not in part(over, subtype)
    assert "Reply-To" not in without_replies
    assert "reply" not in part(without_replies, "plain")


def test_a_drill_has_one_button(doors: Doors, mail_sink: Sink) -> None:
    url = "https://earlywatch.test/drills/answer/17.abc"
    send(CONFIG, replace(TEST, kind=AlertKind.DRILL, drill_url=url), doors)

    [message] = read(mail_sink)
    for subtype in ("plain", "html"):
        assert "Got it" in part(message, subtype)
        assert url in part(message, subtype)


def test_the_end_says_who_took_care() -> None:
    by_name = letter("a@b.org", resolved(acknowledged_by="anna@example.org"))
    by_link = letter("a@b.org", resolved(acknowledged_by="through Team mail"))

    assert "Acknowledged: by anna@example.org" in by_name.text
    assert "Acknowledged: through Team mail" in by_link.text
    assert "Acknowledged" not in letter("a@b.org", resolved()).text


def test_the_text_part_says_what_the_html_part_says() -> None:
    mail = letter("alice@example.org", opened())

    assert mail.text == (
        "nightly backup is late by 12 min\n"
        "\n"
        "No ping came by 02:10 Europe/Berlin (01:10 UTC).\n"
        "\n"
        "Expected: 02:00 Europe/Berlin (01:00 UTC)\n"
        "Late by: 12 min when this was sent\n"
        "Last ping: Thu 19 Nov 2026, 02:12 Europe/Berlin (01:12 UTC)\n"
        "Schedule: at 02:00, in Europe/Berlin\n"
        "\n"
        "Open the incident:\n"
        "https://earlywatch.test/incidents/17\n"
        "\n"
        "-- \n"
        "Earlywatch\n"
        "Sent to the channel operations.\n"
        "Stop all mail to this address: https://earlywatch.test/channels/unsubscribe/abc\n"
    )


@pytest.mark.parametrize(
    ("alert", "look"),
    [
        (opened(), "late"),
        (opened(cause=Cause.FAILED), "failed"),
        (resolved(), "up"),
    ],
)
def test_the_card_has_the_colour_of_the_status(alert: Alert, look: str) -> None:
    assert f'class="card card-{look}"' in letter("alice@example.org", alert).html


@pytest.mark.parametrize("alert", [opened(), resolved(), TEST, CONFIRM])
def test_every_mail_is_small_and_valid(alert: Alert) -> None:
    mail = letter("alice@example.org", alert)

    HTMLParser(strict=True).parse(mail.html)
    assert len(mail.html) < 50_000


def test_a_mail_is_tracked_and_takes_an_answer() -> None:
    mail = letter("alice@example.org", replace(opened(), reply_to="ack+17.3.abc@ping.test"))

    assert mail.tracked
    assert mail.reply_to == "ack+17.3.abc@ping.test"


def test_a_confirmation_carries_a_link_and_nothing_that_was_typed() -> None:
    mail = letter("alice@example.org", CONFIRM)

    assert "https://earlywatch.test/channels/confirm/abc" in mail.text
    assert 'href="https://earlywatch.test/channels/confirm/abc"' in mail.html
    for typed in ("operations", "Acme", "012345"):
        assert typed not in mail.subject + mail.text + mail.html


@pytest.mark.parametrize(
    ("reply", "permanent"), [("550 5.1.1 unknown", True), ("450 4.2.0 later", False)]
)
def test_a_refusal_says_whether_trying_again_makes_sense(
    reply: str, permanent: bool, doors: Doors, mail_sink: Sink
) -> None:
    mail_sink.to_rcpt = reply

    with pytest.raises(ChannelError, match=reply) as caught:
        send(CONFIG, opened(), doors)

    assert caught.value.permanent is permanent


def test_an_address_is_checked_and_kept_as_typed(doors: Doors) -> None:
    config = check({"address": " Alice@EXAMPLE.org "}, doors)

    assert config == {"address": "Alice@example.org"}
    assert summary(config) == "Alice@example.org"


@pytest.mark.parametrize(
    "typed",
    ["", "alice", "alice@", "a@b@c", "alice@example.org\r\nBcc: x@y.org", "Alice <a@b.org>"],
)
def test_what_is_no_address_is_refused(typed: str, doors: Doors) -> None:
    with pytest.raises(InvalidChannel, match="Write an email address, for example") as caught:
        check({"address": typed}, doors)

    assert caught.value.field == "address"
