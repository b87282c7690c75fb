"""What a workspace decides about all its alerts."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from earlywatch.models import Account
from tests.builders import make_channel
from tests.client import Browser
from tests.web.team import Team

PATH = "/alert-settings"
TYPED = {"fallback": "", "after": "5 min", "folds": "y", "fold_from": "3"}


def typed(**others: Any) -> dict[str, Any]:
    return {**TYPED, **others}


def test_settings_are_stored(client: Browser, session: Session, team: Team) -> None:
    phone = make_channel(session, team.workspace, "sms")
    client.sign_in(team.mate)

    client.submit(PATH, typed(fallback=str(phone.id), after="10", fold_from="5", drill_weekly="y"))

    workspace = team.workspace
    assert (workspace.fallback_channel_id, workspace.fold_from) == (phone.id, 5)
    assert (workspace.fallback_after, workspace.drill_weekly) == (timedelta(minutes=10), True)
    assert f'<option selected value="{phone.id}">' in client.get(PATH).text


def test_everything_can_be_switched_off(client: Browser, session: Session, team: Team) -> None:
    team.workspace.fallback_channel_id = make_channel(session, team.workspace).id
    client.sign_in(team.owner)

    client.submit(PATH, typed(folds=""))

    workspace = team.workspace
    assert (workspace.fallback_channel_id, workspace.fold_from) == (None, None)
    assert workspace.drill_weekly is False


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"after": "30 s"}, "after", "1 minute to 24 hours"),
        ({"after": "soon"}, "after", "not a length of time"),
        ({"fold_from": "1"}, "fold_from", "from 2 to 100"),
        ({"fold_from": "some"}, "fold_from", "whole number"),
    ],
)
def test_what_makes_no_sense_is_refused_beside_its_field(
    client: Browser, team: Team, fields: dict[str, str], field: str, words: str
) -> None:
    client.sign_in(team.owner)

    page = client.submit(PATH, typed(**fields)).text

    assert f'id="{field}-error"' in page
    assert words in page
    assert team.workspace.fold_from == 3


def test_only_channels_of_the_workspace_can_be_the_fallback(
    client: Browser, session: Session, team: Team
) -> None:
    group = make_channel(session, team.workspace, "group", name="everybody")
    foreign = make_channel(session)
    client.sign_in(team.owner)

    for channel in (group, foreign):
        assert "error-summary" in client.submit(PATH, typed(fallback=str(channel.id))).text

    assert team.workspace.fallback_channel_id is None


def test_a_fallback_that_cannot_be_told_is_warned_about(
    client: Browser, session: Session, team: Team
) -> None:
    mute = make_channel(session, team.workspace, verified=False, name="mute")
    team.workspace.fallback_channel_id = mute.id
    client.sign_in(team.owner)

    assert "mute cannot be told now." in client.get(PATH).text


def test_only_who_may_edit_sees_them(client: Browser, viewer: Account) -> None:
    client.sign_in(viewer)

    assert client.get(PATH).status_code == 403
