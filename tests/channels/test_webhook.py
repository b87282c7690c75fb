"""Alerts to any address on the web, sent to a real HTTP server."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from earlywatch.assets import TEMPLATES
from earlywatch.channels.registry import ChannelError, Doors, InvalidChannel
from earlywatch.channels.signing import signed
from earlywatch.channels.templating import PLACEHOLDERS
from earlywatch.channels.webhook import body, check, payload, send, summary
from earlywatch.clients.http import Http
from earlywatch.domain.alert import Alert
from tests.alerts import CONFIRM, NOW, TEST, opened, resolved
from tests.channels.moments import escalated, folded, reminder
from tests.clients.servers import Receiver

SECRET = "whsec_" + base64.b64encode(b"s" * 24).decode()
CONFIG = {
    "method": "POST",
    "url": "https://1.1.1.1/hooks/abcdefghXYZ1",
    "headers": "Authorization: Bearer abc",
    "content_type": "application/json",
    "body_opened": "",
    "body_reminder": "",
    "body_resolved": "",
    "signing_secret": SECRET,
}


@pytest.fixture
def config(receiver: Receiver) -> dict[str, Any]:
    return {**CONFIG, "url": f"{receiver.url}/hook"}


def test_an_alert_becomes_a_signed_document(
    config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    answer = send(config, opened(), doors)

    [request] = receiver.requests
    assert answer == "200 ok"
    assert (request.method, request.path) == ("POST", "/hook")
    assert json.loads(request.body) == payload(opened())
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Authorization"] == "Bearer abc"
    assert request.headers["Idempotency-Key"] == opened().id
    assert "Earlywatch-Confirm" not in request.headers


def test_a_signature_is_what_a_receiver_computes_from_what_came(
    config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    send(config, opened(), doors)

    [request] = receiver.requests
    message_id, stamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    content = f"{message_id}.{stamp}.".encode() + request.body
    expected = base64.b64encode(hmac.new(b"s" * 24, content, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert message_id == opened().id
    assert int(stamp) == NOW.timestamp()


def test_the_test_vector_of_standard_webhooks_holds() -> None:
    # https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries
    secret = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    headers = signed(
        secret,
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        b'{"test": 2432232314}',
    )

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_document_has_the_documented_shape() -> None:
    document = payload(opened(exit_status=3))

    assert document["event"] == "opened"
    assert document["sent_at"] == "2026-11-20T01:12:00Z"
    assert document["subject"] == "nightly backup is late by 12 min"
    assert document["details"][0] == {
        "name": "Expected",
        "value": "02:00 Europe/Berlin (01:00 UTC)",
    }
    assert document["incident"] == {
        "id": 17,
        "key": "earlywatch-17",
        "url": "https://earlywatch.test/incidents/17",
        "monitor": "nightly backup",
        "cause": "missed",
        "schedule": "at 02:00, in Europe/Berlin",
        "time_zone": "Europe/Berlin",
        "grace": None,
        "opened_at": "2026-11-20T01:10:00Z",
        "resolved_at": None,
        "expected_at": "2026-11-20T01:00:00Z",
        "last_ping_at": "2026-11-19T01:12:00Z",
        "exit_status": 3,
        "output": None,
        "hint": None,
        "also": [],
        "acknowledged_by": None,
    }


def test_the_help_names_every_part_of_the_document_and_every_placeholder() -> None:
    page = Path(TEMPLATES, "channels", "forms", "webhook.html").read_text()
    listed = Path(TEMPLATES, "channels", "_placeholders.html").read_text()
    document = payload(folded())
    parts = {*document, *document["incident"], *document["monitors"][0]}

    assert [part for part in sorted(parts) if f"<code>{part}</code>" not in page] == []
    assert [name for name in PLACEHOLDERS if f'("{name}", "' not in listed] == []


def test_all_monitors_of_a_message_are_listed() -> None:
    document = payload(folded())

    assert [each["monitor"] for each in document["monitors"]] == ["alpha", "beta"]
    assert document["monitors"][1]["cause"] == "failed"
    assert document["shared"] == "the host 192.0.2.7"
    assert payload(opened())["monitors"][0]["monitor"] == "nightly backup"


@pytest.mark.parametrize(
    ("alert", "event"),
    [
        (opened(), "opened"),
        (reminder(), "reminder"),
        (escalated(), "escalated"),
        (resolved(), "resolved"),
        (TEST, "test"),
        (CONFIRM, "confirm"),
    ],
)
def test_each_moment_has_its_event(alert: Alert, event: str) -> None:
    assert payload(alert)["event"] == event


def test_a_confirmation_names_nobody_and_carries_its_link_in_a_header_too(
    config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    send(config, CONFIRM, doors)

    [request] = receiver.requests
    document = json.loads(request.body)
    assert document["url"] == request.headers["Earlywatch-Confirm"] == CONFIRM.confirm_url
    assert (document["workspace"], document["channel"]) == (None, None)


@pytest.mark.parametrize(
    ("alert", "said"),
    [
        (opened(), b'{"a":"opened"}'),
        (TEST, b'{"a":"test"}'),
        (CONFIRM, b'{"a":"confirm"}'),
        (reminder(), b'{"b":"reminder"}'),
        (escalated(), b'{"b":"escalated"}'),
        (resolved(), b'{"c":"resolved"}'),
    ],
)
def test_each_moment_may_have_a_body_of_its_own(alert: Alert, said: bytes) -> None:
    bodies = {
        "body_opened": '{"a":"{{event}}"}',
        "body_reminder": '{"b":"{{event}}"}',
        "body_resolved": '{"c":"{{event}}"}',
    }

    assert body({**CONFIG, **bodies}, alert) == said


def test_a_reminder_without_a_body_of_its_own_is_told_as_the_beginning_is() -> None:
    config = {**CONFIG, "body_opened": '{"a":"{{event}}"}'}

    assert body(config, reminder()) == b'{"a":"reminder"}'
    assert json.loads(body(config, resolved())) == payload(resolved())


@pytest.mark.parametrize(
    ("content_type", "template", "said"),
    [
        ("application/json", '{"n":"{{monitor}}"}', '{"n":"\\"a\\" <b> & {{url}}\\\\ c"}'),
        ("application/vnd.x+json", '["{{monitor}}"]', '["\\"a\\" <b> & {{url}}\\\\ c"]'),
        ("application/x-www-form-urlencoded", "n={{monitor}}",
         "n=%22a%22+%3Cb%3E+%26+%7B%7Burl%7D%7D%5C+c"),
        ("application/xml", "<n>{{monitor}}</n>",
         "<n>&quot;a&quot; &lt;b&gt; &amp; {{url}}\\ c</n>"),
        ("text/plain", "n: {{monitor}}", 'n: "a" <b> & {{url}}\\ c'),
    ],
)  # fmt: skip
def test_a_value_stays_in_its_place(content_type: str, template: str, said: str) -> None:
    config = {**CONFIG, "content_type": content_type, "body_opened": template}

    assert body(config, opened(monitor_name='"a"\r\n<b> & {{url}}\\\nc')).decode() == said


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "GET"])
def test_the_address_may_hold_placeholders(
    method: str, config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    url = f"{receiver.url}/{{{{incident_id}}}}?n={{{{ monitor }}}}"
    send({**config, "method": method, "url": url}, opened(monitor_name="a/b&c=d #e\r\n"), doors)

    [request] = receiver.requests
    assert (request.method, request.path) == (method, "/17?n=a%2Fb%26c%3Dd%20%23e")
    assert (request.body == b"") is (method == "GET")
    assert ("Content-Type" in request.headers) is (method != "GET")


@pytest.mark.parametrize(
    ("status", "permanent"), [(410, True), (404, False), (401, False), (500, False), (302, False)]
)
def test_only_gone_means_for_good(
    status: int, permanent: bool, config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    receiver.status = status

    with pytest.raises(ChannelError, match=rf"127\.0\.0\.1 answered {status}") as caught:
        send(config, opened(), doors)

    assert caught.value.permanent is permanent
    assert ("redirects" in str(caught.value)) is (status == 302)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_2xx_is_taken_for_a_yes(
    status: int, config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    receiver.status, receiver.text = status, ""

    assert send(config, opened(), doors) == str(status)


def test_the_wish_to_wait_is_passed_on(
    config: dict[str, Any], doors: Doors, receiver: Receiver
) -> None:
    receiver.status, receiver.headers = 503, {"Retry-After": "30"}

    with pytest.raises(ChannelError) as caught:
        send(config, opened(), doors)

    assert caught.value.retry_after == timedelta(seconds=30)


def test_an_address_that_leads_inside_is_refused_when_saved_and_when_used(doors: Doors) -> None:
    public = Doors(Http(), doors.mail, doors.sms)

    for url in ("http://169.254.169.254/x", "http://0x7f.1/x", "http://[::ffff:10.0.0.1]/x"):
        with pytest.raises(InvalidChannel, match="not a public address"):
            check({**CONFIG, "url": url}, public)
        with pytest.raises(ChannelError, match="not a public address") as caught:
            send({**CONFIG, "url": url}, opened(), public)
        assert caught.value.permanent


def test_the_summary_hides_what_may_be_secret() -> None:
    assert summary(CONFIG) == "POST 1.1.1.1/…/…XYZ1"
