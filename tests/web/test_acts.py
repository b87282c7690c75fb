"""Acknowledging and snoozing on the site and through the link of an alert."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.models import Account, Channel, Fold, Incident
from earlywatch.services.wiring import wiring
from tests.builders import make_channel, make_incident, make_monitor
from tests.client import Browser
from tests.web.team import Team

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def channel(session: Session, team: Team) -> Channel:
    return make_channel(session, team.workspace, name="Team mail")


@pytest.fixture
def incident(session: Session, team: Team, channel: Channel) -> Incident:
    monitor = make_monitor(session, team.workspace, status="late", channels=[channel])
    return make_incident(session, monitor, opened_at=utcnow() - 5 * MINUTE)


def link(incident: Incident, channel: Channel) -> str:
    return urlsplit(wiring().links.act(incident.id, channel)).path


def press(client: Browser, incident: Incident, act: str, **data: object) -> str:
    """Press a button of the incident's page; return the page that comes."""
    page = f"/incidents/{incident.id}"
    answer = client.send(client.get(page), {"act": act, **data}, f"{page}/act")
    assert answer.status_code == 303, answer.text
    return client.follow(answer).text


def test_a_member_acknowledges_and_everybody_sees_who_did(
    client: Browser, session: Session, team: Team, incident: Incident
) -> None:
    client.sign_in(team.mate)

    page = press(client, incident, "ack")

    session.refresh(incident)
    assert incident.acknowledged_by == team.mate.email
    said = f"Acknowledged by {team.mate.email}"
    assert page.count(said) == 2  # beneath the heading, and in the timeline
    assert said in client.get(f"/monitors/{incident.monitor_id}").text
    assert said in client.get("/monitors").text


def test_a_mistake_can_be_taken_back(
    client: Browser, session: Session, team: Team, incident: Incident
) -> None:
    client.sign_in(team.owner)

    before = press(client, incident, "ack")
    after = press(client, incident, "undo")

    session.refresh(incident)
    assert "Take it back" in before
    assert incident.acknowledged_at is None
    assert "Snooze 1 h" in after
    assert f"taken back by {team.owner.email}" in after


@pytest.mark.parametrize(("act", "hours"), [("1h", 1), ("4h", 4)])
def test_a_snooze_says_until_when_and_by_whom(
    client: Browser, session: Session, team: Team, incident: Incident, act: str, hours: int
) -> None:
    client.sign_in(team.owner)

    page = press(client, incident, act)

    session.refresh(incident)
    assert incident.snoozed_until is not None
    assert timedelta(0) <= incident.snoozed_until - utcnow() - hours * HOUR + MINUTE < 2 * MINUTE
    assert f"UTC by {team.owner.email}" in page
    assert "End the snooze" in page


def test_until_it_is_back_is_said_as_such(
    client: Browser, session: Session, team: Team, incident: Incident
) -> None:
    client.sign_in(team.owner)

    page = press(client, incident, "back")

    assert f"Snoozed until it is back by {team.owner.email}" in page
    assert "Nobody is told anything more until it is back" in page


def test_the_button_of_the_monitors_page_leads_back_to_it(
    client: Browser, team: Team, incident: Incident
) -> None:
    client.sign_in(team.owner)

    page = client.get(f"/monitors/{incident.monitor_id}")
    monitor = {"act": "ack", "monitor": str(incident.monitor_id)}
    answer = client.send(page, monitor, f"/incidents/{incident.id}/act")

    assert answer.location == f"/monitors/{incident.monitor_id}"
    assert f'name="monitor" value="{incident.monitor_id}"' in page.text


def test_who_may_only_look_sees_no_buttons_and_changes_nothing(
    client: Browser, session: Session, viewer: Account, incident: Incident
) -> None:
    client.sign_in(viewer)
    page = client.get(f"/incidents/{incident.id}")

    answer = client.send(page, {"act": "ack"}, f"/incidents/{incident.id}/act")

    session.refresh(incident)
    assert 'id="act-ack"' not in page.text
    assert answer.status_code == 403
    assert incident.acknowledged_at is None


def test_a_stranger_finds_nothing_to_press(
    client: Browser, session: Session, team: Team, incident: Incident
) -> None:
    client.sign_in(team.stranger)
    page = client.get("/channels")

    answer = client.send(page, {"act": "ack"}, f"/incidents/{incident.id}/act")

    session.refresh(incident)
    assert answer.status_code == 404
    assert incident.acknowledged_at is None


def test_a_button_that_does_not_exist_is_refused(
    client: Browser, team: Team, incident: Incident
) -> None:
    client.sign_in(team.owner)
    page = client.get(f"/incidents/{incident.id}")

    for act in ("", "explode"):
        answer = client.send(page, {"act": act}, f"/incidents/{incident.id}/act")
        assert answer.status_code == 400


def test_acting_on_what_is_over_is_answered_kindly(
    client: Browser, session: Session, team: Team, incident: Incident
) -> None:
    client.sign_in(team.owner)
    page = client.get(f"/incidents/{incident.id}")
    incident.resolved_at = utcnow()
    session.flush()

    answer = client.send(page, {"act": "ack"}, f"/incidents/{incident.id}/act")

    after = client.follow(answer).text
    assert "This incident is over: nobody is told of it any more." in after
    assert 'id="act-ack"' not in after


def test_opening_the_link_changes_nothing_and_pressing_needs_no_cookie(
    client: Browser, session: Session, channel: Channel, incident: Incident
) -> None:
    path = link(incident, channel)

    for _ in range(2):
        page = client.get(path)
    client.head(path)
    session.refresh(incident)
    before = incident.acknowledged_at
    answer = client.post(path, data={"act": "ack"})

    session.refresh(incident)
    session.refresh(channel)
    assert "nightly backup has been late for 5 min" in page.text
    assert "Set-Cookie" not in page.headers
    assert before is None
    assert incident.acknowledged_by == "through Team mail"
    assert channel.proven_at is not None
    assert "Nobody is told anything more until it is back" in answer.text
    assert 'value="undo"' in answer.text


def test_the_secret_address_is_neither_kept_nor_handed_on(
    client: Browser, channel: Channel, incident: Incident
) -> None:
    for path in (link(incident, channel), "/incidents/act/17.4.abcdef.aaaa"):
        headers = client.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"


def test_the_page_says_nothing_that_the_alert_did_not(
    client: Browser, session: Session, team: Team, channel: Channel, incident: Incident
) -> None:
    incident.acknowledged_at, incident.acknowledged_by = utcnow(), team.owner.email
    session.flush()

    page = client.get(link(incident, channel)).text

    assert "Acknowledged." in page
    for secret in (team.owner.email, team.workspace.name, "ops@example.org", "/channels/"):
        assert secret not in page


def test_a_link_whose_incident_is_over_says_so_and_has_no_button(
    client: Browser, session: Session, channel: Channel, incident: Incident
) -> None:
    incident.resolved_at = utcnow()
    session.flush()

    for page in (
        client.get(link(incident, channel)),
        client.post(link(incident, channel), data={"act": "ack"}),
    ):
        assert page.status_code == 200
        assert "It is over" in page.text
        assert 'name="act"' not in page.text

    session.refresh(channel)
    assert channel.proven_at is None


def test_a_link_of_many_is_for_all_of_them(
    client: Browser, session: Session, team: Team, channel: Channel, incident: Incident
) -> None:
    fold = Fold(
        workspace_id=team.workspace.id,
        key="host",
        first_id=incident.id,
        shared="the host",
        opened_at=utcnow(),
        joined_at=utcnow(),
    )
    session.add(fold)
    session.flush()
    other = make_incident(session, make_monitor(session, team.workspace, status="late"))
    incident.fold_id = other.fold_id = fold.id
    session.flush()

    page = client.get(link(incident, channel)).text
    client.post(link(incident, channel), data={"act": "1h"})

    session.refresh(other)
    assert "Told of together with 1 other" in page
    assert other.snoozed_by == "through Team mail"


def test_a_link_that_does_not_hold_is_refused_with_a_sentence(
    client: Browser, session: Session, channel: Channel, incident: Incident
) -> None:
    path = link(incident, channel)
    channel.unsubscribed_at = utcnow()
    session.flush()

    for answer in (
        client.get(path),
        client.post(path, data={"act": "ack"}),
        client.get(path[:-2]),
        client.get("/incidents/act/nonsense"),
    ):
        assert answer.status_code == 410
        assert "This link does not work any more" in answer.text
    session.refresh(incident)
    assert incident.acknowledged_at is None


def test_nobody_tries_out_links_at_will(client: Browser) -> None:
    path = "/incidents/act/17.4.abcdef.aaaa"

    answers = [client.post(path, data={"act": "ack"}).status_code for _ in range(61)]

    assert answers == [410] * 60 + [429]
