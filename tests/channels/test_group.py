"""Sets of channels: what can be chosen. Sending to one is sending to its channels."""

import pytest

from earlywatch.channels.group import check, send, summary
from earlywatch.channels.registry import ChannelError, Doors, InvalidChannel
from tests.alerts import opened

CONFIG = {"channel_ids": [3, 17]}


def test_what_was_chosen_becomes_a_config(doors: Doors) -> None:
    assert check({"channel_ids": "17,3,17"}, doors) == CONFIG


@pytest.mark.parametrize("typed", ["", ",", "x", "-1", "\N{ARABIC-INDIC DIGIT ONE}"])
def test_a_group_of_nothing_is_refused(typed: str, doors: Doors) -> None:
    with pytest.raises(InvalidChannel, match="at least one") as caught:
        check({"channel_ids": typed}, doors)

    assert caught.value.field == "channel_ids"


def test_a_group_of_too_many_is_refused(doors: Doors) -> None:
    with pytest.raises(InvalidChannel, match="at most 50"):
        check({"channel_ids": ",".join(map(str, range(51)))}, doors)


def test_the_summary_counts() -> None:
    assert (summary(CONFIG), summary({"channel_ids": [1]})) == ("2 channels", "1 channel")


def test_a_group_itself_is_no_place_to_send_to(doors: Doors) -> None:
    with pytest.raises(ChannelError, match="each of its channels") as caught:
        send(CONFIG, opened(), doors)

    assert not caught.value.permanent
