"""What can be typed to set up a webhook, and what is refused."""

import pytest

from earlywatch.channels.registry import Doors, InvalidChannel
from earlywatch.channels.signing import is_secret, make_secret
from earlywatch.channels.webhook import check
from tests.channels.test_webhook import CONFIG, SECRET


def test_what_was_typed_becomes_a_config(doors: Doors) -> None:
    typed = {**CONFIG, "headers": "\n X-A:  1 \n\nX-B: two words\n", "signing_secret": ""}

    config = check(typed, doors)

    assert config["headers"] == "X-A: 1\nX-B: two words"
    assert is_secret(config["signing_secret"])
    assert config["signing_secret"] != make_secret()
    assert check({**typed, "signing_secret": SECRET}, doors)["signing_secret"] == SECRET


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("url", "", "must start with"),
        ("url", "https://1.1.1.1/{{name}}", r"no placeholder \{\{name\}\}.*\{\{monitor\}\}"),
        ("url", "https://{{monitor}}/", "could not be found|host cannot be a placeholder"),
        ("url", "https://1.1.1.1:8443{{url}}/x", "must start with|host cannot be"),
        ("url", "{{url}}", "must start with"),
        ("url", "https://u:p@1.1.1.1/", "no user name or password"),
        ("url", f"https://1.1.1.1/{'x' * 2000}", "whole address"),
        ("method", "DELETE", "one of the methods"),
        ("content_type", "text/plain\r\nX: y", "Write a content type"),
        ("content_type", "json", "Write a content type"),
        ("headers", "no colon", "one header a line"),
        ("headers", "X-A: a\rX-B: b", "one header a line"),
        ("headers", "Sp ace: x", "one header a line"),
        ("headers", "X: ümlaut", "one header a line"),
        ("headers", "X:", "one header a line"),
        ("headers", "Host: example.org", "cannot be set"),
        ("headers", "content-LENGTH: 5", "cannot be set"),
        ("headers", "Transfer-Encoding: chunked", "cannot be set"),
        ("headers", "Connection: close", "cannot be set"),
        ("headers", "Proxy-Authorization: x", "cannot be set"),
        ("headers", "webhook-signature: v1,x", "cannot be set"),
        ("headers", "Content-Type: text/plain", "field of its own"),
        ("headers", "X: y\n" * 21, "at most 20"),
        ("headers", f"X: {'y' * 4000}", "at most 4,000"),
        ("body_opened", "{{monitor}}", "no JSON once it is filled in"),
        ("body_opened", '{"a": {{exit_status}}}', "between quotes"),
        ("body_reminder", '{"a": "{{nmae}}"}', r"no placeholder \{\{nmae\}\}.*\{\{monitor\}\}"),
        ("body_resolved", '{"a": "{{monitor}"}', "not closed"),
        ("body_resolved", "[" * 10_000, "no JSON"),
        ("body_opened", f'"{"x" * 20_000}"', "at most 20,000"),
        ("signing_secret", "secret", "starts with whsec_"),
        ("signing_secret", "whsec_c2hvcnQ=", "24 to 64 bytes"),
        ("signing_secret", "whsec_!!!", "starts with whsec_"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_beside_its_field(
    field: str, typed: str, words: str, doors: Doors
) -> None:
    with pytest.raises(InvalidChannel, match=words) as caught:
        check({**CONFIG, field: typed}, doors)

    assert caught.value.field == field


def test_a_get_request_takes_no_body(doors: Doors) -> None:
    with pytest.raises(InvalidChannel, match="GET request has no body"):
        check({**CONFIG, "method": "GET", "body_resolved": '"x"'}, doors)
