"""Confirming a channel by link and by code; unsubscribing and coming back."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.errors import NotFound
from earlywatch.models import Channel, Delivery, Workspace
from earlywatch.services import channel_proofs, channels
from earlywatch.services.channel_proofs import MOST_GUESSES, NoGuessesLeft, Unsubscribed
from earlywatch.services.channels import CONFIRMATIONS_A_DAY, ChannelValues, TooSoon
from earlywatch.services.links import Links
from earlywatch.services.tokens import InvalidToken
from tests.builders import make_channel, make_workspace

LINKS = Links("https://watch.test", "a secret that is long enough")
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def workspace(session: Session) -> Workspace:
    return make_workspace(session)


@pytest.fixture
def waiting(session: Session, workspace: Workspace) -> Channel:
    """A channel that is not confirmed yet."""
    return make_channel(session, workspace, "sms", verified=False)


def token(link: str) -> str:
    return link.rpartition("/")[2]


def guess(session: Session, workspace: Workspace, channel: Channel, code: str) -> bool:
    now = channel.created_at
    return channel_proofs.confirm_by_code(session, workspace, channel.id, code, LINKS, now)


def test_the_link_confirms_and_twice_is_harmless(
    session: Session, waiting: Channel, now: datetime
) -> None:
    link = token(LINKS.confirm_channel(waiting, now))

    channel_proofs.confirm_by_link(session, LINKS, link, now)
    channel_proofs.confirm_by_link(session, LINKS, link, now + MINUTE)

    assert waiting.usable


def test_a_newer_link_voids_the_older_one(
    session: Session, workspace: Workspace, waiting: Channel, now: datetime
) -> None:
    old = token(LINKS.confirm_channel(waiting, now))
    channel_proofs.request_confirmation(session, workspace, waiting.id, now)

    with pytest.raises(InvalidToken, match="no longer holds"):
        channel_proofs.confirm_by_link(session, LINKS, old, now)
    assert not waiting.usable


def test_a_link_to_unsubscribe_does_not_confirm(
    session: Session, waiting: Channel, now: datetime
) -> None:
    with pytest.raises(InvalidToken):
        channel_proofs.confirm_by_link(session, LINKS, token(LINKS.unsubscribe(waiting, now)), now)


def test_a_link_to_a_deleted_channel_says_so(
    session: Session, workspace: Workspace, waiting: Channel, now: datetime
) -> None:
    confirm = token(LINKS.confirm_channel(waiting, now))
    unsubscribe = token(LINKS.unsubscribe(waiting, now))
    channels.delete_channel(session, workspace, waiting.id, now)
    session.expire_all()

    with pytest.raises(InvalidToken):
        channel_proofs.confirm_by_link(session, LINKS, confirm, now)
    with pytest.raises(NotFound):
        channel_proofs.unsubscribe(session, LINKS, unsubscribe, now)


def test_the_code_confirms_also_with_spaces(
    session: Session, workspace: Workspace, waiting: Channel
) -> None:
    code = LINKS.confirm_code(waiting)

    assert guess(session, workspace, waiting, f" {code[:3]} {code[3:]} ")
    assert waiting.usable
    assert waiting.confirm_guesses == 0


def test_a_code_can_be_guessed_five_times_and_then_not_even_right(
    session: Session, workspace: Workspace, waiting: Channel
) -> None:
    wrong = [guess(session, workspace, waiting, text) for text in ("", "1", "ä", "12345", "x" * 99)]

    assert wrong == [False] * MOST_GUESSES
    with pytest.raises(NoGuessesLeft):
        guess(session, workspace, waiting, LINKS.confirm_code(waiting))
    assert not waiting.usable


def test_a_new_code_is_another_one_and_gives_five_tries_again(
    session: Session, workspace: Workspace, waiting: Channel, now: datetime
) -> None:
    old = LINKS.confirm_code(waiting)
    waiting.confirm_guesses = MOST_GUESSES

    channel_proofs.request_confirmation(session, workspace, waiting.id, now)

    assert waiting.confirm_guesses == 0
    assert not guess(session, workspace, waiting, old)
    assert guess(session, workspace, waiting, LINKS.confirm_code(waiting))


def test_confirmations_are_sent_at_most_once_a_minute(
    session: Session, workspace: Workspace, waiting: Channel, now: datetime
) -> None:
    channel_proofs.request_confirmation(session, workspace, waiting.id, now)
    with pytest.raises(TooSoon, match="in 30 s"):
        channel_proofs.request_confirmation(session, workspace, waiting.id, now + MINUTE / 2)
    channel_proofs.request_confirmation(session, workspace, waiting.id, now + MINUTE)

    assert len(session.scalars(select(Delivery)).all()) == 2


def test_nobody_is_asked_to_confirm_more_than_five_times_a_day(
    session: Session, workspace: Workspace, waiting: Channel, now: datetime
) -> None:
    for number in range(CONFIRMATIONS_A_DAY):
        then = now + number * HOUR
        channel_proofs.request_confirmation(session, workspace, waiting.id, then)

    with pytest.raises(TooSoon, match=r"5 times within a day.+ Try again in 19 h\.$"):
        channel_proofs.request_confirmation(session, workspace, waiting.id, now + 5 * HOUR)
    channel_proofs.request_confirmation(session, workspace, waiting.id, now + 24 * HOUR)


def test_changing_the_target_to_and_fro_asks_no_more_often(
    session: Session, workspace: Workspace, waiting: Channel, now: datetime
) -> None:
    for number in range(CONFIRMATIONS_A_DAY):
        values = ChannelValues("Phone", {"phone_number": f"+4915112345{number}"})
        channels.edit_channel(session, workspace, waiting.id, values, now)

    with pytest.raises(TooSoon, match="5 times within a day"):
        channels.edit_channel(
            session, workspace, waiting.id, ChannelValues("Phone", {"phone_number": "+1"}), now
        )
    renamed = ChannelValues("Other", waiting.config)
    assert not channels.edit_channel(session, workspace, waiting.id, renamed, now)


def test_a_broken_channel_works_again_once_confirmed(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    channel = make_channel(session, workspace, broken_at=now, broken_reason="404")

    channel_proofs.request_confirmation(session, workspace, channel.id, now)
    still_broken = not channel.usable
    link = token(LINKS.confirm_channel(channel, now))
    channel_proofs.confirm_by_link(session, LINKS, link, now)

    assert still_broken
    assert channel.usable
    assert channel.broken_reason is None


def test_unsubscribing_stops_alerts_and_confirmations(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    channel = make_channel(session, workspace)
    old = token(LINKS.confirm_channel(channel, now))
    link = token(LINKS.unsubscribe(channel, now))

    channel_proofs.unsubscribe(session, LINKS, link, now)
    channel_proofs.unsubscribe(session, LINKS, link, now + MINUTE)

    assert channel.unsubscribed_at == now
    assert not channel.usable
    with pytest.raises(Unsubscribed):
        channel_proofs.request_confirmation(session, workspace, channel.id, now)
    with pytest.raises(InvalidToken):
        channel_proofs.confirm_by_link(session, LINKS, old, now)


def test_the_recipient_alone_can_undo_it(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    channel = make_channel(session, workspace, unsubscribed_at=now)

    channel_proofs.subscribe_again(session, LINKS, token(LINKS.unsubscribe(channel, now)), now)

    assert channel.usable


def test_codes_and_confirmations_of_strangers_are_out_of_reach(
    session: Session, waiting: Channel, now: datetime
) -> None:
    strangers = make_workspace(session)

    with pytest.raises(NotFound):
        channel_proofs.request_confirmation(session, strangers, waiting.id, now)
    with pytest.raises(NotFound):
        guess(session, strangers, waiting, LINKS.confirm_code(waiting))
