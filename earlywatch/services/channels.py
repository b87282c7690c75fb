"""What an owner does with channels: add, change, test, delete."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, insert, literal, select
from sqlalchemy.orm import Session

from earlywatch.channels.group import NAME as GROUP
from earlywatch.channels.registry import Kind, kind
from earlywatch.domain.alert import AlertKind
from earlywatch.domain.duration import rough_duration
from earlywatch.errors import EarlywatchError, NotFound
from earlywatch.models import Channel, Delivery, Monitor, Workspace
from earlywatch.models.channel import monitor_channel
from earlywatch.services import deliveries, folding, groups, limits, sms_cap, untold
from earlywatch.services.texts import printable

LONGEST_NAME = 100
BETWEEN_TESTS = timedelta(seconds=15)
# Each is a message that nobody at its target has asked for, and lets a code be guessed anew.
CONFIRMATIONS_A_DAY = 5
DAY = timedelta(days=1)


class InvalidChannelName(EarlywatchError):
    """The name cannot be kept."""


class TooSoon(EarlywatchError):
    """The same was asked for a moment ago, or too often."""


class NobodyThere(EarlywatchError):
    """None of a group's channels can be sent to."""


@dataclass(frozen=True)
class ChannelValues:
    """What the owner decides about a channel. `config` is what the kind's `check` returned."""

    name: str
    config: dict[str, Any]
    is_default: bool = True


def clean_channel_name(text: str) -> str:
    """Return `text` with single spaces; empty stays empty. Raises InvalidChannelName."""
    name = " ".join(text.split())
    if len(name) > LONGEST_NAME:
        raise InvalidChannelName(f"The name may have at most {LONGEST_NAME} characters.")
    if not printable(name):
        raise InvalidChannelName("The name holds a character that cannot be shown.")
    return name


def create_channel(
    session: Session,
    workspace: Workspace,
    kind_name: str,
    values: ChannelValues,
    now: datetime,
    everywhere: bool = False,
) -> Channel:
    """Add a channel and ask its recipient to confirm. Without a name it is called by its target.

    `everywhere` lets all monitors of the workspace use it. Raises LimitReached, and
    InvalidChannel for a group of nothing.
    """
    if kind_name in sms_cap.COUNTED:
        limits.check_sms_allowed(workspace)
    of_kind = kind(kind_name)
    channel = Channel(
        workspace_id=workspace.id,
        kind=kind_name,
        name=_name(values, of_kind),
        config=values.config,
        is_default=values.is_default,
        created_at=now,
    )
    session.add(channel)
    session.flush()
    if everywhere:
        _use_everywhere(session, channel)
    if kind_name == GROUP:
        groups.set_members(session, channel, values.config["channel_ids"])
    if of_kind.proof == "none":
        channel.verified_at = now
    else:
        deliveries.queue(session, channel, AlertKind.CONFIRM, now)
    return channel


def edit_channel(
    session: Session, workspace: Workspace, channel_id: int, values: ChannelValues, now: datetime
) -> bool:
    """Change a channel. Return whether it must be confirmed anew.

    That is when its target changed, or anything else that may mend a broken one. Raises NotFound,
    TooSoon when that was too often, and InvalidChannel for a group of nothing.
    """
    channel = lock_channel(session, workspace, channel_id)
    of_kind = kind(channel.kind)
    moved = _is_moved(channel, values.config, of_kind)
    if moved:
        refuse_often(session, channel, now)
    channel.name = _name(values, of_kind)
    channel.is_default = values.is_default
    channel.config = values.config
    if channel.kind == GROUP:
        groups.set_members(session, channel, values.config["channel_ids"])
    if moved:
        channel.verified_at = channel.broken_at = channel.unsubscribed_at = None
        channel.proven_at = channel.unproven_told_at = None
        channel.broken_reason = None
        channel.confirm_epoch += 1  # the link sent to the old target must not confirm the new one
        channel.confirm_guesses = 0
        deliveries.queue(session, channel, AlertKind.CONFIRM, now)
    return moved


def send_test(
    session: Session, workspace: Workspace, channel_id: int, now: datetime
) -> list[Delivery]:
    """Queue a test alert, of a group one to each of its channels that works.

    Raises NotFound, NobodyThere, and TooSoon when one was queued a moment ago.
    """
    channel = lock_channel(session, workspace, channel_id)
    if channel.kind != GROUP:
        refuse_soon(session, channel, AlertKind.TEST, BETWEEN_TESTS, now)
        return [deliveries.queue(session, channel, AlertKind.TEST, now)]
    members = [member for member in groups.members_of(session, channel) if member.usable]
    if not members:
        raise NobodyThere("None of its channels works, so no test was sent.")
    for member in members:
        refuse_soon(session, member, AlertKind.TEST, BETWEEN_TESTS, now)
    return [deliveries.queue(session, member, AlertKind.TEST, now) for member in members]


def delete_channel(session: Session, workspace: Workspace, channel_id: int, now: datetime) -> str:
    """Delete it with its deliveries; return the name it had. Raises NotFound.

    Incidents of which nobody heard yet, because their alerts waited in it, are told anew.
    """
    # One at a time: of two channels in which alerts wait, each would leave them to the other.
    Workspace.lock(session, workspace.id)
    folding.wait(session, workspace.id)
    channel, untold_ids = _lock_with_untold(session, workspace, channel_id)
    untold.tell_anew(session, untold_ids, now)
    groups.leave_all(session, channel.id)
    session.execute(delete(Channel).where(Channel.id == channel.id))
    return channel.name


def find_channel(session: Session, workspace: Workspace, channel_id: int) -> Channel:
    """Return one channel of the workspace. Raises NotFound."""
    channel = session.scalar(_one(workspace, channel_id))
    if channel is None:
        raise NotFound("There is no such channel.")
    return channel


def lock_channel(session: Session, workspace: Workspace, channel_id: int) -> Channel:
    """Lock one channel of the workspace until the transaction ends. Raises NotFound."""
    query = _one(workspace, channel_id).with_for_update()
    channel = session.scalar(query.execution_options(populate_existing=True))
    if channel is None:
        raise NotFound("There is no such channel.")
    return channel


def refuse_soon(
    session: Session, channel: Channel, alert: AlertKind, wait: timedelta, now: datetime
) -> None:
    """Raise TooSoon if such a message was queued less than `wait` before `now` (UTC)."""
    query = (
        select(Delivery.created_at)
        .where(Delivery.channel_id == channel.id, Delivery.alert == alert)
        .order_by(Delivery.id.desc())
        .limit(1)
    )
    last = session.scalar(query)
    if last is not None and now < last + wait:
        seconds = -((now - last - wait) // timedelta(seconds=1))
        raise TooSoon(f"One was sent a moment ago. Try again in {seconds} s.")


def refuse_often(session: Session, channel: Channel, now: datetime) -> None:
    """Raise TooSoon if the day before `now` (UTC) saw all requests to confirm it may see.

    The rows are counted, not a limit of the site alone: it must hold without Redis too.
    """
    query = (
        select(Delivery.created_at)
        .where(
            Delivery.channel_id == channel.id,
            Delivery.alert == AlertKind.CONFIRM,
            Delivery.created_at > now - DAY,
        )
        .order_by(Delivery.id.desc())
        .limit(CONFIRMATIONS_A_DAY)
    )
    asked = session.scalars(query).all()
    if len(asked) == CONFIRMATIONS_A_DAY:
        wait = rough_duration(asked[-1] + DAY - now)
        raise TooSoon(
            f"It was asked to confirm {CONFIRMATIONS_A_DAY} times within a day,"
            f" and nobody should be pestered. Try again in {wait}."
        )


def _one(workspace: Workspace, channel_id: int) -> Select[Channel]:
    return select(Channel).where(Channel.workspace_id == workspace.id, Channel.id == channel_id)


def _lock_with_untold(
    session: Session, workspace: Workspace, channel_id: int
) -> tuple[Channel, set[int]]:
    """Lock a channel, and before it the incidents that would be untold without it.

    Whoever plans locks in this order. Until the channel is locked, alerts may be queued for it.
    Raises NotFound.
    """
    find_channel(session, workspace, channel_id)
    while True:
        with session.begin_nested() as attempt:
            held = untold.find(session, channel_id)
            untold.hold(session, held)
            channel = lock_channel(session, workspace, channel_id)
            found = untold.find(session, channel_id)
            if found <= held:
                return channel, found
            attempt.rollback()


def _name(values: ChannelValues, of_kind: Kind) -> str:
    return values.name or of_kind.summary(values.config)[:LONGEST_NAME]


def _is_moved(channel: Channel, config: dict[str, Any], of_kind: Kind) -> bool:
    """Whether it must be confirmed anew; any change, a new token too, may mend a broken one."""
    if of_kind.proof == "none":
        return False
    if channel.broken_at is not None and config != channel.config:
        return True
    return of_kind.target(config) != of_kind.target(channel.config)


def _use_everywhere(session: Session, channel: Channel) -> None:
    monitors = select(Monitor.id, literal(channel.id)).where(
        Monitor.workspace_id == channel.workspace_id
    )
    session.execute(insert(monitor_channel).from_select(["monitor_id", "channel_id"], monitors))
