"""The hours of a channel: quiet hours and digest."""

from datetime import time, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from earlywatch.models import Account, Channel
from tests.builders import make_channel
from tests.client import Browser
from tests.web.team import Team

TYPED = {
    "is_quiet": "y",
    "from_": "22:00",
    "until": "07:00",
    "zone": "Europe/Berlin",
    "days": ["1", "2"],
    "digest": "1 h",
}


def typed(**others: Any) -> dict[str, Any]:
    return {**TYPED, **others}


@pytest.fixture
def channel(session: Session, team: Team) -> Channel:
    """A channel of the team."""
    return make_channel(session, team.workspace, name="Team mail")


def test_hours_are_set_and_shown(client: Browser, team: Team, channel: Channel) -> None:
    client.sign_in(team.mate)
    assert f"/channels/{channel.id}/hours" in client.get(f"/channels/{channel.id}").text

    shown = client.follow(client.submit(f"/channels/{channel.id}/hours", typed())).text

    assert (channel.quiet_from, channel.quiet_until) == (time(22), time(7))
    assert (channel.quiet_zone, channel.quiet_days) == ("Europe/Berlin", [1, 2])
    assert (channel.urgent_breaks_through, channel.digest_every) == (False, timedelta(hours=1))
    assert "Quiet 22:00 to 07:00 Europe/Berlin, beginning Monday and Tuesday" in shown
    assert "What is not urgent comes together every 1 h." in shown
    page = client.get(f"/channels/{channel.id}/hours").text
    assert '<option selected value="1 h">' in page


def test_hours_are_taken_away(client: Browser, team: Team, channel: Channel) -> None:
    client.sign_in(team.owner)
    client.submit(f"/channels/{channel.id}/hours", typed())

    fields = typed(is_quiet="", digest="", urgent_breaks_through="y")
    client.submit(f"/channels/{channel.id}/hours", fields)

    assert (channel.quiet_from, channel.quiet_zone, channel.quiet_days) == (None, None, [])
    assert (channel.urgent_breaks_through, channel.digest_every) == (True, None)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"from_": "late"}, "from_", "like 22:00"),
        ({"until": ""}, "until", "like 22:00"),
        ({"until": "22:00"}, "until", "another time than they begin"),
        ({"zone": "Berlin"}, "zone", "There is no time zone"),
        ({"digest": "3 s"}, "digest", "Not a valid choice"),
    ],
)
def test_hours_that_make_no_sense_are_refused_beside_their_field(
    client: Browser, team: Team, channel: Channel, fields: dict[str, str], field: str, words: str
) -> None:
    client.sign_in(team.owner)

    page = client.submit(f"/channels/{channel.id}/hours", typed(**fields)).text

    assert f'id="{field}-error"' in page
    assert words in page
    assert channel.quiet_from is None


def test_only_who_may_edit_sets_hours(
    client: Browser, team: Team, channel: Channel, viewer: Account
) -> None:
    client.sign_in(viewer)
    assert client.get(f"/channels/{channel.id}/hours").status_code == 403

    client.sign_in(team.stranger)
    assert client.get(f"/channels/{channel.id}/hours").status_code == 404
