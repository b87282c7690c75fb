"""A channel that broke works again, once its owner has shown that messages arrive."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.domain.alert import AlertKind
from earlywatch.models import Channel, Delivery
from earlywatch.services import deliveries
from earlywatch.services.outbox import Outcome
from earlywatch.services.wiring import wiring
from tests.builders import make_channel
from tests.client import Browser
from tests.services.sending import claimed
from tests.web.team import Team

FIELD = 'name="code"'


@pytest.fixture
def broken(session: Session, team: Team) -> Channel:
    """A phone that was confirmed long ago and that the network then gave up."""
    long_ago = utcnow() - timedelta(days=300)
    return make_channel(
        session, team.workspace, "sms", now=long_ago, broken_at=utcnow(), broken_reason="Gone."
    )


def sent_code(session: Session) -> str:
    """Send what is due as the worker does; return the code that came."""
    outgoing = claimed(session, wiring().links, utcnow())
    assert outgoing.refusal is None
    assert outgoing.alert.kind is AlertKind.CONFIRM
    deliveries.record(session, outgoing, Outcome(sent=True, answer="Sent."), utcnow())
    assert outgoing.alert.confirm_code is not None
    return outgoing.alert.confirm_code


def test_a_broken_phone_is_revived_by_a_new_code(
    client: Browser, session: Session, team: Team, broken: Channel
) -> None:
    here = f"/channels/{broken.id}"
    client.sign_in(team.owner)
    page = client.get(here)
    asked = client.follow(client.send(page, None, f"{here}/confirm-again"))

    code = sent_code(session)
    answer = client.send(asked, {"code": code}, f"{here}/code")
    session.refresh(broken)

    assert FIELD in page.text
    assert FIELD in asked.text
    assert "Confirmed." in client.follow(answer).text
    assert broken.usable
    assert FIELD not in client.get(here).text


def test_a_code_of_an_earlier_day_revives_nothing(
    client: Browser, session: Session, team: Team
) -> None:
    phone = make_channel(session, team.workspace, "sms", verified=False)
    here, code = f"/channels/{phone.id}", wiring().links.confirm_code(phone)
    client.sign_in(team.owner)
    page = client.get(here)
    client.send(page, {"code": code}, f"{here}/code")
    phone.broken_at = utcnow()

    answer = client.send(page, {"code": code}, f"{here}/code")
    session.refresh(phone)

    assert "That is not the code." in answer.text
    assert not phone.usable


def test_an_unsubscribed_phone_is_not_asked_again(
    client: Browser, session: Session, team: Team, broken: Channel
) -> None:
    broken.unsubscribed_at = utcnow()
    client.sign_in(team.owner)

    assert FIELD not in client.get(f"/channels/{broken.id}").text
    assert session.scalars(select(Delivery)).all() == []
