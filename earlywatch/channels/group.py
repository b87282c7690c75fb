"""A set of other channels, used like one of them."""

from collections.abc import Mapping
from typing import Any

from earlywatch.channels.registry import ChannelError, Doors, Field, InvalidChannel, channel
from earlywatch.domain.alert import Alert

NAME = "group"
MOST_MEMBERS = 50


def check(raw: Mapping[str, str], _doors: Doors) -> dict[str, Any]:
    """Return the config of a group; whose channels they are is not known here.

    Raises InvalidChannel.
    """
    chosen = raw.get("channel_ids", "").split(",")
    ids = sorted({int(each) for each in chosen if each.isascii() and each.isdigit()})
    if not ids:
        raise InvalidChannel("channel_ids", "Choose at least one channel.")
    if len(ids) > MOST_MEMBERS:
        raise InvalidChannel("channel_ids", f"Choose at most {MOST_MEMBERS} channels.")
    return {"channel_ids": ids}


def summary(config: dict[str, Any]) -> str:
    """Return how many channels were chosen."""
    count = len(config["channel_ids"])
    return "1 channel" if count == 1 else f"{count} channels"


@channel(
    NAME,
    label="Group",
    proof="none",
    fields=(Field("channel_ids", "Channels", "channels"),),
    check=check,
    summary=summary,
)
def send(_config: dict[str, Any], _alert: Alert, _doors: Doors) -> str:
    """Refuse: a message to a group is one to each of its members, which is decided before."""
    raise ChannelError("A group is no place to send to: each of its channels is sent to.")
