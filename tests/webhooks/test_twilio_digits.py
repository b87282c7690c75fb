"""Which digit was pressed in a call: it acknowledges, or says that a drill arrived."""

from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.domain.alert import AlertKind
from earlywatch.models import Channel, Delivery, Drill, Incident
from earlywatch.services import messages
from earlywatch.services.wiring import Wiring
from tests.builders import make_channel, make_delivery, make_incident, make_monitor, make_workspace
from tests.client import Browser
from tests.webhooks.twilio_calls import call

DIGIT, DRILL = "/webhooks/twilio/digit", "/webhooks/twilio/drill"


@pytest.fixture
def called(session: Session) -> tuple[Incident, Channel]:
    """An incident that somebody is called about."""
    workspace = make_workspace(session)
    channel = make_channel(session, workspace, kind="voice")
    incident = make_incident(session, make_monitor(session, workspace, status="late"))
    make_delivery(session, channel, incident, AlertKind.OPENED)
    return incident, channel


def test_a_pressed_one_acknowledges(
    wired: Wiring, client: Browser, called: tuple[Incident, Channel]
) -> None:
    incident, channel = called
    token = wired.links.act_token(incident.id, channel)

    answer = call(client, f"{DIGIT}/{token}", Digits="1", To="+4915112345678")

    assert (answer.status_code, answer.mimetype) == (200, "text/xml")
    assert answer.text == "<Response><Say>Acknowledged. Goodbye.</Say><Hangup/></Response>"
    assert incident.acknowledged_by == "Phone: …5678"


def test_a_second_press_says_who_was_first(
    wired: Wiring, client: Browser, called: tuple[Incident, Channel], now: datetime
) -> None:
    incident, channel = called
    incident.acknowledged_at, incident.acknowledged_by = now, "alice@example.org"
    token = wired.links.act_token(incident.id, channel)

    answer = call(client, f"{DIGIT}/{token}", Digits="1", To="+4915112345678")

    assert "Acknowledged before, by alice@example.org." in answer.text


@pytest.mark.parametrize("digits", [{"Digits": "2"}, {"Digits": ""}, {}])
def test_another_digit_changes_nothing(
    digits: dict[str, str], wired: Wiring, client: Browser, called: tuple[Incident, Channel]
) -> None:
    incident, channel = called

    answer = call(client, f"{DIGIT}/{wired.links.act_token(incident.id, channel)}", **digits)

    assert "Nothing was changed. Goodbye." in answer.text
    assert incident.acknowledged_at is None


def test_a_token_that_is_not_ours_changes_nothing(
    wired: Wiring, client: Browser, called: tuple[Incident, Channel]
) -> None:
    incident, channel = called

    answer = call(client, f"{DIGIT}/{incident.id}.{channel.id}.abcdef.aaaaaaaaaaaaaaaa", Digits="1")

    assert "not one of ours" in answer.text
    assert incident.acknowledged_at is None


@pytest.fixture
def drilled(session: Session) -> Delivery:
    """The call of a drill of this moment."""
    channel, now = make_channel(session, kind="voice"), utcnow()
    drill = Drill(workspace_id=channel.workspace_id, started_by="anna", started_at=now)
    session.add(drill)
    session.flush()
    return messages.queue(session, channel, AlertKind.DRILL, now, drill_id=drill.id)


def test_a_one_in_a_drill_proves_the_phone(
    wired: Wiring, client: Browser, session: Session, drilled: Delivery
) -> None:
    token = wired.links.drill_token(drilled.id, drilled.channel)

    answers = [call(client, f"{DRILL}/{token}", Digits="1") for _ in range(2)]

    session.expire_all()
    assert [(each.status_code, each.mimetype) for each in answers] == [(200, "text/xml")] * 2
    assert answers[0].text == "<Response><Say>Thank you. Goodbye.</Say><Hangup/></Response>"
    assert answers[1].text == answers[0].text
    assert drilled.answered_at is not None
    assert drilled.channel.proven_at == drilled.answered_at


@pytest.mark.parametrize(
    ("digit", "columns", "words"),
    [
        ("2", {}, "Nothing was changed."),
        ("", {}, "Nothing was changed."),
        ("1", {"config": {"phone_number": "+4915100000000"}}, "was changed since it was sent"),
        ("1", {"broken_at": utcnow()}, "does not work any more"),
    ],
)
def test_anything_else_in_a_drill_proves_nothing(
    digit: str,
    columns: dict[str, object],
    words: str,
    wired: Wiring,
    client: Browser,
    session: Session,
    drilled: Delivery,
) -> None:
    token = wired.links.drill_token(drilled.id, drilled.channel)
    for name, value in columns.items():
        setattr(drilled.channel, name, value)
    session.flush()

    answer = call(client, f"{DRILL}/{token}", Digits=digit)

    session.expire_all()
    assert words in answer.text
    assert drilled.answered_at is None


def test_a_press_in_a_drill_with_a_token_that_is_not_ours_proves_nothing(
    wired: Wiring, client: Browser, drilled: Delivery
) -> None:
    answer = call(client, f"{DRILL}/{drilled.id}.abcdef.aaaaaaaaaaaaaaaa", Digits="1")

    assert "not one of ours" in answer.text
    assert drilled.answered_at is None
