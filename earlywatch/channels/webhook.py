"""Alerts to any address on the web, in any shape."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from earlywatch.channels import signing
from earlywatch.channels.posts import accepted, checked_url, masked_url, posting
from earlywatch.channels.registry import Doors, Field, InvalidChannel, channel
from earlywatch.channels.templating import (
    PLACEHOLDERS,
    document,
    escape_for,
    in_json,
    in_url,
    values,
)
from earlywatch.domain import placeholders
from earlywatch.domain.alert import Alert, AlertKind
from earlywatch.domain.placeholders import UnknownPlaceholder

LONGEST_BODY, LONGEST_HEADERS = 20_000, 4_000  # characters
MOST_HEADERS = 20
HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}):[ \t]*([!-~][ -~]*)")
CONTENT_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(; ?[\w-]+=[\w.-]+)*", re.ASCII)
# Headers that say how a message travels, and those we write ourselves.
OURS = re.compile(
    "(?i)host|connection|keep-alive|te|trailer|upgrade|expect|content-length|transfer-encoding"
    "|accept-encoding|idempotency-key|proxy-.*|webhook-.*|earlywatch-.*"
)
BODIES = ("body_opened", "body_reminder", "body_resolved")
HOSTILE = 'a "word" \\'  # no JSON unless it stands between quotes
METHODS = (("POST", "POST"), ("PUT", "PUT"), ("PATCH", "PATCH"), ("GET", "GET"))


def check(raw: Mapping[str, str], doors: Doors) -> dict[str, Any]:
    """Return the config of a webhook. Raises InvalidChannel."""
    config = {
        "method": raw.get("method", "POST"),
        "url": _url(raw.get("url", ""), doors),
        "headers": _headers(raw.get("headers", "")),
        "content_type": _content_type(raw.get("content_type", "")),
        **{field: _body(field, raw) for field in BODIES},
        "signing_secret": raw.get("signing_secret", "").strip() or signing.make_secret(),
    }
    if config["method"] not in dict(METHODS):
        raise InvalidChannel("method", "Choose one of the methods.")
    if not signing.is_secret(config["signing_secret"]):
        raise InvalidChannel(
            "signing_secret",
            "A signing secret starts with whsec_, followed by 24 to 64 bytes as base64.",
        )
    return config


def summary(config: dict[str, Any]) -> str:
    """Return method, host and last characters: there may be a secret in the rest."""
    return f"{config['method']} {masked_url(config['url'])}"


@channel(
    "webhook",
    label="Webhook",
    proof="link",
    fields=(
        Field("method", "Method", "select", default="POST", choices=METHODS, target=False),
        Field("url", "URL", "url"),
        Field("headers", "Headers", "textarea", optional=True, secret=True, target=False),
        Field("content_type", "Content type", "text", default="application/json", target=False),
        Field("body_opened", "Body when trouble begins", "textarea", optional=True, target=False),
        Field("body_reminder", "Body while it lasts", "textarea", optional=True, target=False),
        Field("body_resolved", "Body when it is over", "textarea", optional=True, target=False),
        Field("signing_secret", "Signing secret", "text", optional=True, secret=True, target=False),
    ),
    check=check,
    summary=summary,
)
def send(config: dict[str, Any], alert: Alert, doors: Doors) -> str:
    """Send one request; return the other side's answer. Raises ChannelError."""
    url = placeholders.fill(config["url"], values(alert), in_url)
    sent = b"" if config["method"] == "GET" else body(config, alert)
    headers = dict(_parsed(config["headers"]))
    if sent:
        headers["Content-Type"] = config["content_type"]
    headers["Idempotency-Key"] = alert.id
    if alert.confirm_url:  # found in the log of whatever takes it, if its body has no place for it
        headers["Earlywatch-Confirm"] = alert.confirm_url
    headers |= signing.signed(config["signing_secret"], alert.id, alert.sent_at, sent)
    with posting():
        answer = doors.http.request(config["method"], url, body=sent, headers=headers)
    return accepted(answer, str(urlsplit(url).hostname), gone=answer.status == 410)


def body(config: dict[str, Any], alert: Alert) -> bytes:
    """Return what is sent: the template for this moment filled in, or the JSON document."""
    template = _template(config, alert.kind)
    if not template:
        return json.dumps(payload(alert)).encode()
    escape = escape_for(config["content_type"])
    return placeholders.fill(template, values(alert), escape).encode()


def payload(alert: Alert) -> dict[str, Any]:
    """Return the document that is sent where there is no template."""
    return document(alert)


def _template(config: dict[str, Any], kind: AlertKind) -> str:
    """Return the text for this kind. Whatever is neither a reminder nor the end reads the first,
    so that a test shows how an alert will be taken."""
    if kind is AlertKind.RESOLVED:
        return str(config["body_resolved"])
    first = str(config["body_opened"])
    if kind in {AlertKind.REMINDER, AlertKind.ESCALATED}:
        return config["body_reminder"] or first
    return first


def _url(typed: str, doors: Doors) -> str:
    url = typed.strip()
    try:
        placeholders.check(url, PLACEHOLDERS)
    except UnknownPlaceholder as error:
        raise InvalidChannel("url", str(error)) from error
    filled = placeholders.fill(url, dict.fromkeys(PLACEHOLDERS, "x"), in_url)
    checked_url("url", filled, doors)
    if "{{" in urlsplit(url).netloc:
        raise InvalidChannel("url", "The host cannot be a placeholder: write it out.")
    return url


def _content_type(typed: str) -> str:
    content_type = typed.strip() or "application/json"
    if len(content_type) > 100 or not CONTENT_TYPE.fullmatch(content_type):
        raise InvalidChannel(
            "content_type", "Write a content type, for example application/json or text/plain."
        )
    return content_type


def _headers(typed: str) -> str:
    if len(typed) > LONGEST_HEADERS:
        raise InvalidChannel("headers", f"Write at most {LONGEST_HEADERS:,} characters.")
    pairs = _parsed(typed)
    if len(pairs) > MOST_HEADERS:
        raise InvalidChannel("headers", f"Write at most {MOST_HEADERS} headers.")
    return "\n".join(f"{name}: {value}" for name, value in pairs)


def _parsed(text: str) -> list[tuple[str, str]]:
    """Return names and values of headers, one a line. Raises InvalidChannel."""
    pairs: list[tuple[str, str]] = []
    for line in filter(None, (line.strip() for line in text.split("\n"))):
        found = HEADER.fullmatch(line)
        if found is None:
            raise InvalidChannel(
                "headers",
                f"Write one header a line, as Name: value, in plain letters. This is"
                f" none: {line[:60]}",
            )
        _refuse_ours(found[1])
        pairs.append((found[1], found[2]))
    return pairs


def _refuse_ours(name: str) -> None:
    if name.lower() == "content-type":
        raise InvalidChannel("headers", "The content type has a field of its own.")
    if OURS.fullmatch(name):
        raise InvalidChannel("headers", f"{name} cannot be set: it is ours to write.")


def _body(field: str, raw: Mapping[str, str]) -> str:
    text = raw.get(field, "").strip()
    if not text:
        return ""
    if raw.get("method") == "GET":
        raise InvalidChannel(field, "A GET request has no body. Leave it empty, or choose POST.")
    if len(text) > LONGEST_BODY:
        raise InvalidChannel(field, f"Write at most {LONGEST_BODY:,} characters.")
    try:
        placeholders.check(text, PLACEHOLDERS)
    except UnknownPlaceholder as error:
        raise InvalidChannel(field, str(error)) from error
    if escape_for(raw.get("content_type", "") or "json") is in_json:
        _refuse_broken_json(field, text)
    return text


def _refuse_broken_json(field: str, text: str) -> None:
    for word in (HOSTILE, ""):
        filled = placeholders.fill(text, dict.fromkeys(PLACEHOLDERS, word), in_json)
        try:
            json.loads(filled)
        except (ValueError, RecursionError) as error:
            raise InvalidChannel(
                field,
                "That is no JSON once it is filled in. Each placeholder must stand between"
                " quotes. For another format, change the content type.",
            ) from error
