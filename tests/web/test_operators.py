"""The operators' page: for who runs the installation, and nobody else."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.models import Account, ReceivedEvent
from earlywatch.services import events
from earlywatch.services.event_lists import PER_PAGE
from earlywatch.services.wiring import EXTENSION
from tests.builders import make_account
from tests.client import Browser
from tests.events import make_event
from tests.web.team import Team

URL = "/operators/events"


@pytest.fixture
def operator(app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch) -> Account:
    """A person whom the settings name; they need no workspace."""
    wired = app.extensions[EXTENSION]
    settings = wired.settings.model_copy(update={"operator_emails": ("ops@example.org",)})
    monkeypatch.setitem(app.extensions, EXTENSION, replace(wired, settings=settings))
    return make_account(session, "ops@example.org")


@pytest.fixture
def desk(client: Browser, operator: Account) -> Browser:
    """The operator's browser."""
    client.sign_in(operator)
    return client


def fresh(session: Session, event: ReceivedEvent) -> ReceivedEvent:
    return session.get_one(ReceivedEvent, event.id, populate_existing=True)


def handle(session: Session, outcome: str) -> None:
    now = utcnow()
    claimed = events.claim(session, now)
    assert claimed is not None
    events.settle(session, claimed, outcome, now)


@pytest.mark.parametrize("who", ["owner", "mate", "stranger"])
def test_for_everybody_else_there_is_no_such_page(
    client: Browser, session: Session, team: Team, operator: Account, who: str
) -> None:
    event = make_event(session)
    client.sign_in(getattr(team, who))
    token = {"csrf_token": client.token(client.get("/account"))}

    assert client.get(URL).status_code == 404
    assert client.post(f"{URL}/{event.id}/replay", data=token).status_code == 404
    assert "Events from providers" not in client.get("/account").text


def test_who_is_not_signed_in_is_asked_to(client: Browser, operator: Account) -> None:
    answer = client.get(URL)

    assert answer.status_code == 303
    assert answer.location == "/sign-in?next=/operators/events"


def test_where_nobody_is_named_nobody_is_an_operator(client: Browser, session: Session) -> None:
    client.sign_in(make_account(session, "ops@example.org"))

    assert client.get(URL).status_code == 404


def test_an_address_that_is_not_confirmed_opens_nothing(
    client: Browser, session: Session, operator: Account
) -> None:
    operator.email_confirmed_at = None
    session.flush()
    client.sign_in(operator)

    assert client.get(URL).status_code == 303


def test_the_menu_leads_an_operator_there(desk: Browser) -> None:
    assert f'href="{URL}"' in desk.get("/account").text


def test_before_anything_came_the_page_says_so(desk: Browser) -> None:
    page = desk.get(URL).text

    assert "Nothing yet" in page
    assert "No call was refused." in page


def test_each_event_is_shown_with_what_became_of_it(desk: Browser, session: Session) -> None:
    now = utcnow()
    make_event(session, now=now - timedelta(minutes=2))
    handle(session, "Set to active.")
    make_event(session, "charge.dispute.created", None, object_id="dp_7", now=now)

    page = desk.get(URL).text

    for words in ("invoice.paid", "in_1", "cus_1", "Handled", "Set to active."):
        assert words in page
    for words in ("charge.dispute.created", "dp_7", "Waits"):
        assert words in page


def test_refused_calls_are_counted_there(desk: Browser, session: Session) -> None:
    for _ in range(17):
        events.refuse(session, "stripe", "wrong signature", utcnow())

    page = desk.get(URL).text

    assert "Wrong signature" in page
    assert '<td data-label="Calls" class="number">17</td>' in page


def test_the_list_is_narrowed_and_says_when_nothing_fits(desk: Browser, session: Session) -> None:
    now = utcnow()
    make_event(session, now=now)
    handle(session, "Set to active.")
    make_event(session, "sms.failed", None, provider="twilio", now=now)

    assert "sms.failed" not in desk.get(f"{URL}?provider=stripe").text
    assert "invoice.paid" not in desk.get(f"{URL}?state=unhandled").text
    assert "sms.failed" not in desk.get(f"{URL}?q=cus_1").text
    assert "No event fits." in desk.get(f"{URL}?q=nowhere").text
    assert desk.get(f"{URL}?q=%00&provider=%ff&before=x&after=-1").status_code == 200


def test_older_events_are_on_further_pages(desk: Browser, session: Session) -> None:
    made = [make_event(session, now=utcnow()) for _ in range(PER_PAGE + 1)]

    newest = desk.get(f"{URL}?provider=stripe").text
    oldest = desk.get(f"{URL}?provider=stripe&before={made[1].id}").text

    assert f"{URL}?before={made[1].id}&amp;provider=stripe" in newest
    assert f"· {made[0].event_id}<" in oldest
    assert f"· {made[1].event_id}<" not in oldest


def test_a_press_lets_an_event_be_handled_again(desk: Browser, session: Session) -> None:
    event = make_event(session, now=utcnow())
    handle(session, "Set to active.")

    answer = desk.send(desk.get(URL), None, f"{URL}/{event.id}/replay")

    assert answer.location == f"{URL}?q={event.event_id}"
    assert f"{event.event_id} is handled again within seconds." in desk.follow(answer).text
    assert fresh(session, event).handled_at is None


@pytest.mark.parametrize("number", [0, 4711, 2**63])
def test_an_event_that_is_not_there_cannot_be_handled(desk: Browser, number: int) -> None:
    token = {"csrf_token": desk.token(desk.get("/account"))}

    assert desk.post(f"{URL}/{number}/replay", data=token).status_code == 404


def test_a_press_without_the_pages_token_does_nothing(desk: Browser, session: Session) -> None:
    event = make_event(session, now=utcnow())
    handle(session, "Set to active.")

    assert desk.post(f"{URL}/{event.id}/replay").status_code == 400
    assert fresh(session, event).handled_at is not None


def test_what_providers_say_cannot_break_the_page(desk: Browser, session: Session) -> None:
    make_event(session, "<script>alert(1)</script>", object_id='"><img src=x>', now=utcnow())

    page = desk.get(f"{URL}?q=%3Cscript%3E").text

    assert "<script>alert" not in page
    assert "<img src=x" not in page
