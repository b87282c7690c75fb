"""Proof that a channel's recipient wants the alerts: by link, by code; and the way out."""

import hmac
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from earlywatch.channels.registry import kind
from earlywatch.domain.alert import AlertKind
from earlywatch.errors import EarlywatchError, NotFound
from earlywatch.models import Channel, Workspace
from earlywatch.services import deliveries
from earlywatch.services.channels import lock_channel, refuse_often, refuse_soon
from earlywatch.services.links import Links, target_of
from earlywatch.services.tokens import InvalidToken

MOST_GUESSES = 5
BETWEEN_CONFIRMATIONS = timedelta(minutes=1)


class NoGuessesLeft(EarlywatchError):
    """The code was guessed wrong too often."""


class Unsubscribed(EarlywatchError):
    """The recipient does not want to be written to, not even to confirm."""


def request_confirmation(
    session: Session, workspace: Workspace, channel_id: int, now: datetime
) -> Channel:
    """Send a new link or code; what was sent before no longer confirms.

    A kind that asks for no proof works at once. Raises NotFound, TooSoon or Unsubscribed.
    """
    channel = lock_channel(session, workspace, channel_id)
    if channel.unsubscribed_at:
        raise Unsubscribed(
            "The recipient unsubscribed. Only the link in a mail they have can undo that."
        )
    if kind(channel.kind).proof == "none":
        _verify(session, channel, now)
        return channel
    refuse_soon(session, channel, AlertKind.CONFIRM, BETWEEN_CONFIRMATIONS, now)
    refuse_often(session, channel, now)
    channel.confirm_epoch += 1
    channel.confirm_guesses = 0
    deliveries.queue(session, channel, AlertKind.CONFIRM, now)
    return channel


def confirm_by_code(
    session: Session,
    workspace: Workspace,
    channel_id: int,
    code: str,
    links: Links,
    now: datetime,
) -> bool:
    """Return whether `code` was the one sent; if so the channel works from now on.

    Every guess counts, so a wrong one must be committed too. Raises NotFound or NoGuessesLeft.
    """
    channel = lock_channel(session, workspace, channel_id)
    if channel.confirm_guesses >= MOST_GUESSES:
        raise NoGuessesLeft("That code was tried too often. Ask for a new one.")
    channel.confirm_guesses += 1
    typed = "".join(code.split()).encode()
    if not hmac.compare_digest(typed, links.confirm_code(channel).encode()):
        return False
    _verify(session, channel, now)
    channel.confirm_epoch += 1  # a code seen once must not revive the channel another day
    return True


def find_by_confirm_link(session: Session, links: Links, token: str, now: datetime) -> Channel:
    """Return the channel that a confirmation link is for. Raises InvalidToken."""
    channel_id, epoch = links.read_confirm_channel(token, now)
    return _still_asked(session.get(Channel, channel_id), epoch)


def confirm_by_link(session: Session, links: Links, token: str, now: datetime) -> Channel:
    """Let alerts be sent to the channel of a link; twice is harmless. Raises InvalidToken."""
    channel_id, epoch = links.read_confirm_channel(token, now)
    channel = _still_asked(_lock(session, channel_id), epoch)
    _verify(session, channel, now)
    return channel


def find_by_unsubscribe_link(session: Session, links: Links, token: str, now: datetime) -> Channel:
    """Return the channel that an unsubscribe link is for. Raises InvalidToken or NotFound.

    A link that was sent to one address says nothing about the address that took its place.
    """
    channel_id, target = links.read_unsubscribe(token, now)
    return _still_leading_to(target, session.get(Channel, channel_id))


def unsubscribe(session: Session, links: Links, token: str, now: datetime) -> Channel:
    """Send nothing more to the channel of a link; twice is harmless.

    Raises InvalidToken or NotFound. Confirmation links sent before no longer hold.
    """
    channel = _lock_by_unsubscribe_link(session, links, token, now)
    if channel.unsubscribed_at is None:
        channel.unsubscribed_at = now
        channel.confirm_epoch += 1
    return channel


def subscribe_again(session: Session, links: Links, token: str, now: datetime) -> Channel:
    """Undo `unsubscribe` for the recipient who holds the link. Raises InvalidToken or NotFound."""
    channel = _lock_by_unsubscribe_link(session, links, token, now)
    channel.unsubscribed_at = None
    return channel


def _lock_by_unsubscribe_link(session: Session, links: Links, token: str, now: datetime) -> Channel:
    channel_id, target = links.read_unsubscribe(token, now)
    return _still_leading_to(target, _lock(session, channel_id))


def _lock(session: Session, channel_id: int) -> Channel | None:
    return session.get(Channel, channel_id, with_for_update=True, populate_existing=True)


def _still_asked(channel: Channel | None, epoch: int) -> Channel:
    if channel is None or channel.confirm_epoch != epoch:
        raise InvalidToken("This link no longer holds: a newer one was sent, or it was withdrawn.")
    return channel


def _still_leading_to(target: str, channel: Channel | None) -> Channel:
    if channel is None or target_of(channel) != target:
        raise NotFound("This channel no longer exists: nothing is sent to it.")
    return channel


def _verify(session: Session, channel: Channel, now: datetime) -> None:
    channel.verified_at = now
    if kind(channel.kind).proof != "none":
        channel.proven_at = now
    channel.broken_at = channel.broken_reason = None
    channel.confirm_guesses = 0
    deliveries.hasten(session, channel.id, now)
