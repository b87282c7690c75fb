"""Alerts to Microsoft Teams, posted to a real HTTP server."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from earlywatch.channels.hooks import summary
from earlywatch.channels.registry import ChannelError, Doors, InvalidChannel
from earlywatch.channels.teams import OF_CONNECTOR, UNSIGNED, check, payload, send
from earlywatch.domain.alert import Alert
from earlywatch.domain.monitor import Cause
from tests.alerts import CONFIRM, TEST, opened, resolved
from tests.channels.large import DIGEST, FOLDED, HOSTILE
from tests.clients.servers import Receiver

CONFIG = {
    "webhook_url": "https://prod-12.westeurope.logic.azure.com:443/workflows/abc/triggers/manual"
    "/paths/invoke?api-version=2016-06-01&sv=1.0&sig=abcdefghXYZ1"
}


@pytest.fixture
def config(receiver: Receiver) -> dict[str, Any]:
    receiver.status, receiver.text = 202, ""
    return {"webhook_url": f"{receiver.url}/workflows/abc/triggers/manual/paths/invoke?sig=1"}


def card(alert: Alert) -> dict[str, Any]:
    [attachment] = payload(alert)["attachments"]
    found: dict[str, Any] = attachment["content"]
    return found


def runs(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in block.get("items", []):
        yield from runs(item)
    yield from block.get("inlines", [])


def test_an_alert_becomes_a_card(config: dict[str, Any], doors: Doors, receiver: Receiver) -> None:
    answer = send(config, opened(), doors)

    [request] = receiver.requests
    assert answer == "202"
    assert request.path == "/workflows/abc/triggers/manual/paths/invoke?sig=1"
    assert json.loads(request.body) == payload(opened())


def test_the_message_has_the_documented_shape() -> None:
    # https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
    # https://learn.microsoft.com/adaptive-cards/schema-explorer/adaptive-card
    message = payload(replace(opened(), act_url="https://earlywatch.test/incidents/act/1"))

    [attachment] = message["attachments"]
    shown = attachment["content"]
    head, opening, first, *_ = shown["body"]
    assert message["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert (shown["type"], shown["version"]) == ("AdaptiveCard", "1.4")
    assert [run["text"] for run in runs(head)] == ["nightly backup is late by 12 min"]
    assert opening["type"] == "RichTextBlock"
    assert [run["text"] for run in runs(first)] == ["Expected: ", "02:00 Europe/Berlin (01:00 UTC)"]
    assert shown["actions"] == [
        {
            "type": "Action.OpenUrl",
            "title": "Open the incident",
            "url": "https://earlywatch.test/incidents/17",
        },
        {
            "type": "Action.OpenUrl",
            "title": "Acknowledge or snooze",
            "url": "https://earlywatch.test/incidents/act/1",
        },
    ]


@pytest.mark.parametrize(
    ("alert", "style"),
    [
        (opened(), "warning"),
        (opened(cause=Cause.FAILED), "attention"),
        (resolved(), "good"),
        (TEST, "emphasis"),
        (FOLDED, "attention"),
    ],
)
def test_the_colour_is_that_of_the_status(alert: Alert, style: str) -> None:
    assert card(alert)["body"][0]["style"] == style


@pytest.mark.parametrize("alert", [opened(), resolved(), TEST, CONFIRM, FOLDED, DIGEST, HOSTILE])
def test_every_message_keeps_to_teams_limit(alert: Alert) -> None:
    # https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
    assert len(json.dumps(payload(alert))) <= 28_000
    assert len(card(alert)["actions"]) <= 6


@pytest.mark.parametrize("alert", [HOSTILE, FOLDED, DIGEST])
def test_what_people_typed_stands_in_runs_of_plain_text(alert: Alert) -> None:
    shown = card(alert)

    for block in shown["body"]:
        assert block["type"] in {"Container", "RichTextBlock"}
        for run in runs(block):
            assert run["type"] == "TextRun"
            assert "{{" not in run["text"]
            assert "${" not in run["text"]
            assert run["text"].strip()
    assert "entities" not in shown["msteams"]


def test_a_confirmation_carries_its_link_and_not_the_code() -> None:
    message = json.dumps(payload(CONFIRM))

    assert "https://earlywatch.test/channels/confirm/abc" in message
    assert "012345" not in message


@pytest.mark.parametrize(
    ("status", "code", "permanent"),
    [
        (404, "WorkflowNotFound", True),
        (400, "WorkflowTriggerNotFound", True),
        (400, "WorkflowTriggerIsNotEnabled", False),
        (401, "DirectApiAuthorizationRequired", False),
        (502, "NoResponse", False),
    ],
)
def test_a_refusal_says_whether_trying_again_makes_sense(
    status: int,
    code: str,
    permanent: bool,
    config: dict[str, Any],
    doors: Doors,
    receiver: Receiver,
) -> None:
    said = {"error": {"code": code, "message": "The workflow cannot run."}}
    receiver.status, receiver.text = status, json.dumps(said)

    with pytest.raises(ChannelError) as caught:
        send(config, opened(), doors)

    assert str(caught.value) == (
        f"Microsoft Teams answered {status} {code}: The workflow cannot run."
    )
    assert caught.value.permanent is permanent


@pytest.mark.parametrize("text", ["", "busy", '{"error": "busy"}', "[]", '{"error": {}}'])
def test_the_wish_to_wait_is_passed_on_whatever_the_text(
    text: str, config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    receiver.status, receiver.text, receiver.headers = 429, text, {"Retry-After": "9"}

    with pytest.raises(ChannelError, match="Microsoft Teams answered 429") as caught:
        send(config, opened(), doors)

    assert caught.value.retry_after == timedelta(seconds=9)
    assert not caught.value.permanent


def test_an_address_is_kept_as_pasted_and_its_secret_is_not_shown(doors: Doors) -> None:
    url = "https://1.1.1.1/workflows/abc?sig=x"

    assert check({"webhook_url": f" {url}\n"}, doors) == {"webhook_url": url}
    assert summary(CONFIG) == "prod-12.westeurope.logic.azure.com/…/…XYZ1"


@pytest.mark.parametrize("typed", ["", "https://1.1.1.1", "ftp://1.1.1.1/x", "https://1.1.1.1/a b"])
def test_what_is_no_address_is_refused(typed: str, doors: Doors) -> None:
    with pytest.raises(InvalidChannel) as caught:
        check({"webhook_url": typed}, doors)

    assert caught.value.field == "webhook_url"


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("acme.webhook.office.com/webhookb2/1/IncomingWebhook/2/3", OF_CONNECTOR),
        ("outlook.office.com/webhook/1", OF_CONNECTOR),
        ("prod-1.logic.azure.com/workflows/1/paths/invoke?sv=1.0", UNSIGNED),
        ("x.environment.api.powerplatform.com/workflows/1/invoke?api-version=1", UNSIGNED),
    ],
)
def test_addresses_that_cannot_work_are_refused_with_what_to_do(
    host: str, words: str, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors.http, "check_target", lambda _url: None)  # no names to look up here

    with pytest.raises(InvalidChannel) as caught:
        check({"webhook_url": f"https://{host}"}, doors)

    assert str(caught.value) == words
