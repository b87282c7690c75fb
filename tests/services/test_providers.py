"""Whose machine it is, and whether a failure is the machine's or the one target's."""

import smtplib

import pytest

from earlywatch.channels.registry import ChannelError
from earlywatch.clients.http import Unreachable
from earlywatch.clients.mail import MailError
from earlywatch.clients.smtp import RecipientRefused
from earlywatch.services.providers import is_ill, place_of, provider_of

URL = "https://a.example/x"


def failed(sentence: str, *causes: Exception, permanent: bool = False) -> ChannelError:
    """A failure with what caused it, and what caused that."""
    error = ChannelError(sentence, permanent=permanent)
    last: Exception = error
    for cause in causes:
        last.__cause__ = cause
        last = cause
    return error


def test_all_mails_go_through_one_machine() -> None:
    assert provider_of("email", {"address": "a@example.org"}) == "email"
    assert provider_of("sms", {"phone_number": "+49151"}) == "sms"


def test_hosts_that_users_choose_are_machines_of_their_own() -> None:
    one = provider_of("webhook", {"method": "POST", "url": "https://a.example/x"})

    assert one == provider_of("webhook", {"url": "https://A.example:443/y"})
    assert (one, place_of(one)) == ("webhook:https://a.example:443", "a.example")
    assert place_of("email") == ""


@pytest.mark.parametrize(
    "url", ["https://b.example/x", "http://a.example/x", "https://a.example:8443/x"]
)
def test_another_host_scheme_or_port_is_another_machine(url: str) -> None:
    assert provider_of("webhook", {"url": url}) != provider_of("webhook", {"url": URL})


@pytest.mark.parametrize(
    ("kind", "beside"),
    [
        ("webhook", {"body_opened": "https://victim.example/ {{subject}}"}),
        ("webhook", {"body_opened": "https://[{{subject}}"}),
        ("incident_io", {"token": "https://victim.example"}),
        ("incident_io", {"token": "https://[::1"}),
    ],
)
def test_what_only_looks_like_an_address_names_no_machine(
    kind: str, beside: dict[str, str]
) -> None:
    assert provider_of(kind, {"url": URL, **beside}) == f"{kind}:https://a.example:443"


@pytest.mark.parametrize("key", ["https://victim.example", "https://[::1"])
def test_a_kind_that_asks_for_no_address_is_one_machine(key: str) -> None:
    assert provider_of("opsgenie", {"api_key": key, "region": "us"}) == "opsgenie"


@pytest.mark.parametrize("url", ["https://[::1", "https://a.example:x/", "https://", ""])
def test_an_address_that_nobody_can_read_raises_nothing(url: str) -> None:
    assert provider_of("webhook", {"url": url}) == "webhook"


@pytest.mark.parametrize(
    "error",
    [
        failed("Slack answered 503 Service Unavailable."),
        failed("x could not be reached.", Unreachable("x could not be reached.")),
        ChannelError("x did not answer in time.", timed_out=True),
        failed("The mail server could not be reached.", MailError("…"), ConnectionRefusedError()),
        failed("The mail server answered: 451", MailError("…"), smtplib.SMTPDataError(451, b"")),
    ],
)
def test_what_does_not_work_for_anybody_speaks_of_the_machine(error: ChannelError) -> None:
    assert is_ill(error)


@pytest.mark.parametrize(
    "error",
    [
        failed("Slack answered 404 no_service.", permanent=True),
        failed("Slack answered 429 rate_limited."),
        failed("The address is private.", Unreachable("…"), permanent=True),
        failed("The mail server refused the address", MailError("…"), RecipientRefused(450, b"")),
        failed("The mail server answered: 554", MailError("…"), smtplib.SMTPDataError(554, b"")),
    ],
)
def test_a_refusal_speaks_of_the_target(error: ChannelError) -> None:
    assert not is_ill(error)
