"""The main job: a curl that stops coming becomes an email, a Slack message and an SMS."""

import re
import subprocess
import time

import pytest

from tests.e2e.person import Person
from tests.e2e.sinks import MAIL, Inbox
from tests.e2e.stack import Stack

OWNER = "owner@example.org"
PERIOD, GRACE = 10.0, 2.0  # seconds
PROMPT = 2.0  # seconds from the deadline to the accepted message


def curl(url: str) -> float:
    """Ping as a job does; return when (Unix seconds) the ping was answered."""
    done = subprocess.run(
        ["curl", "-fsS", "-m", "10", "--retry", "5", url],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "OK"
    return time.time()


def add_slack(person: Person, receiver: str, inbox: Inbox) -> str:
    """Add a Slack channel and follow the link that it was sent. Return the receiver's path."""
    page = person.open("/channels/new/slack")
    person.submit(page, name="on call", webhook_url=f"{receiver}/slack")
    confirmation = inbox.wait_for("/channels/confirm/", "/slack")
    [link] = set(
        re.findall(r"http://[^\s|>\"\\]+/channels/confirm/[^\s|>\"\\]+", confirmation.text)
    )
    person.submit(person.open(link))
    return "/slack"


def add_sms(person: Person, inbox: Inbox) -> str:
    """Add an SMS channel and type the code that it was sent. Return the receiver's path."""
    page = person.submit(
        person.open("/channels/new/sms"), name="the phone", phone_number="+4915112345678"
    )
    message = inbox.wait_for("code")
    [code] = re.findall(r"\b\d{6}\b", message.text)
    person.submit(page, code=code)
    return message.path


@pytest.fixture(scope="module")
def person(stack: Stack) -> Person:
    """The owner of a workspace, signed in."""
    stack.add_account(OWNER)
    person = Person(stack.url)
    person.sign_in(OWNER)
    return person


def test_silence_is_told_through_every_channel_within_two_seconds(
    stack: Stack, inbox: Inbox, receiver: str, person: Person
) -> None:
    paths = [MAIL, add_slack(person, receiver, inbox), add_sms(person, inbox)]
    url = stack.add_monitor("nightly backup", OWNER, "--every", "10s", "--grace", "2s")

    deadline = curl(url) + PERIOD + GRACE
    for path in paths:
        late = inbox.wait_for("nightly backup is late", path)
        assert -0.5 < late.at - deadline < PROMPT, f"{path}: {late.at - deadline:.2f} s"

    returned = curl(url)
    for path in paths:
        back = inbox.wait_for("nightly backup is back", path)
        assert back.at - returned < PROMPT, f"{path}: {back.at - returned:.2f} s"
    assert [len(inbox.about("nightly backup is late", path)) for path in paths] == [1, 1, 1]


def test_mails_of_one_incident_form_a_thread_that_leads_to_its_page(
    stack: Stack, inbox: Inbox, person: Person
) -> None:
    every = ("--every", "10s", "--grace", "0s", "--tz", "Europe/Berlin")
    url = stack.add_monitor("hourly report", OWNER, *every)
    curl(url)
    alert = inbox.wait_for("hourly report is late", MAIL)
    curl(url)
    inbox.wait_for("hourly report is back", MAIL)

    late, back = [mail for mail in inbox.mails if "hourly report" in str(mail["Subject"])]
    [link] = set(re.findall(r"http://\S+/incidents/\d+", alert.text))
    assert "Europe/Berlin" in alert.text
    assert "UTC" in alert.text
    assert "hourly report" in person.open(link).text
    assert late["References"] == back["References"]
    assert late["Message-ID"] != back["Message-ID"]
    assert late["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
