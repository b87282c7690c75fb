"""Buttons of alerts: they act for the channel that got the alert, and for no other."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from earlywatch.models import Channel, Fold, Incident, Workspace
from earlywatch.services import act_links, channels
from earlywatch.services.channels import ChannelValues
from earlywatch.services.links import Links
from earlywatch.services.tokens import InvalidToken
from tests.builders import make_channel, make_incident, make_monitor, make_workspace


@pytest.fixture
def channel(session: Session) -> Channel:
    return make_channel(session, make_workspace(session), name="Team mail")


@pytest.fixture
def incident(session: Session, channel: Channel) -> Incident:
    workspace = session.get_one(Workspace, channel.workspace_id)
    return make_incident(session, make_monitor(session, workspace, status="late"))


def unsubscribe(channel: Channel, now: datetime) -> None:
    channel.unsubscribed_at = now


def break_it(channel: Channel, now: datetime) -> None:
    channel.broken_at = now


def unconfirm(channel: Channel, _now: datetime) -> None:
    channel.verified_at = None


def move(channel: Channel, _now: datetime) -> None:
    channel.config = {"address": "successor@example.org"}


def test_whoever_holds_the_link_acts_as_the_channel_and_proves_it(
    session: Session, links: Links, channel: Channel, incident: Incident, now: datetime
) -> None:
    token = links.act_token(incident.id, channel)

    holder = act_links.read(session, links, token)
    assert (holder.incident, holder.by) == (incident, "through Team mail")
    assert channel.proven_at is None

    act_links.take(session, links, token, now)
    session.refresh(channel)
    assert channel.proven_at == now


@pytest.mark.parametrize("happens", [unsubscribe, break_it, unconfirm, move])
def test_a_channel_that_may_lead_elsewhere_now_acts_no_more(
    session: Session,
    links: Links,
    channel: Channel,
    incident: Incident,
    now: datetime,
    happens: Callable[[Channel, datetime], None],
) -> None:
    token = links.act_token(incident.id, channel)
    happens(channel, now)
    session.flush()

    with pytest.raises(InvalidToken):
        act_links.take(session, links, token, now)


def test_a_change_beside_the_target_kills_no_link(
    session: Session, links: Links, channel: Channel, incident: Incident, now: datetime
) -> None:
    workspace = session.get_one(Workspace, channel.workspace_id)
    phone = {"phone_number": "+4915112345678"}
    called = make_channel(session, workspace, "voice", config={**phone, "recoveries": False})
    token, drill = links.act_token(incident.id, called), links.drill(5, called)

    values = ChannelValues("", {**phone, "recoveries": True})
    channels.edit_channel(session, workspace, called.id, values, now)

    assert act_links.take(session, links, token, now).incident == incident
    assert links.may_answer(drill.rpartition("/")[2], called)


def test_the_link_to_an_old_address_stays_dead_when_the_new_one_got_its_own(
    session: Session, links: Links, channel: Channel, incident: Incident, now: datetime
) -> None:
    old = links.act_token(incident.id, channel)
    move(channel, now)
    session.flush()
    new = links.act_token(incident.id, channel)

    assert act_links.take(session, links, new, now).incident == incident
    with pytest.raises(InvalidToken):
        act_links.take(session, links, old, now)


def test_a_deleted_channel_or_incident_is_said_to_be_gone(
    session: Session, links: Links, channel: Channel, incident: Incident
) -> None:
    gone, unknown = links.act_token(incident.id + 1000, channel), make_channel(session)
    token = links.act_token(incident.id, unknown)
    session.delete(unknown)
    session.flush()

    for each in (gone, token):
        with pytest.raises(InvalidToken):
            act_links.read(session, links, each)


def test_a_channel_of_another_workspace_has_no_say(
    session: Session, links: Links, incident: Incident
) -> None:
    foreign = make_channel(session)

    with pytest.raises(InvalidToken):
        act_links.read(session, links, links.act_token(incident.id, foreign))


def test_the_link_of_one_that_is_back_is_for_those_that_are_not(
    session: Session, links: Links, channel: Channel, incident: Incident, now: datetime
) -> None:
    other = make_incident(
        session, make_monitor(session, session.get_one(Workspace, channel.workspace_id))
    )
    fold = Fold(
        workspace_id=channel.workspace_id,
        key="host",
        first_id=incident.id,
        shared="the host",
        opened_at=now,
        joined_at=now,
    )
    session.add(fold)
    session.flush()
    incident.fold_id = other.fold_id = fold.id
    session.flush()
    token = links.act_token(incident.id, channel)

    both = act_links.read(session, links, token).incident
    incident.resolved_at = now
    session.flush()
    left = act_links.read(session, links, token).incident
    other.resolved_at = now
    session.flush()

    assert (both, left) == (incident, other)
    assert act_links.read(session, links, token).incident == incident


@pytest.mark.parametrize("change", ["17.4.abcdef.aaaa", "", "...", "1.2", "é.1.2.3"])
def test_what_we_did_not_sign_is_refused(session: Session, links: Links, change: str) -> None:
    with pytest.raises(InvalidToken):
        act_links.read(session, links, change)


def test_no_number_of_a_link_can_be_exchanged(
    session: Session, links: Links, channel: Channel, incident: Incident
) -> None:
    parts = links.act_token(incident.id, channel).split(".")

    for place in range(3):
        forged = [*parts]
        forged[place] = "1" if forged[place] != "1" else "2"
        with pytest.raises(InvalidToken):
            act_links.read(session, links, ".".join(forged))


def test_a_button_fits_into_64_bytes_beside_its_name(links: Links, session: Session) -> None:
    channel = make_channel(session)
    token = links.act_token(10**12, channel)

    assert len(f"snooze1h:{token}") <= 64
