"""Policies: the list, the form with its preview, moving and deleting."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.escalation import Plan, Step
from earlywatch.models import Account, Channel, Policy
from earlywatch.services import policies
from earlywatch.services.policies import PolicyValues
from earlywatch.services.routing import route_of
from tests.builders import NOW, make_channel, make_monitor
from tests.client import Browser
from tests.web.team import Team

MINUTE = timedelta(minutes=1)
HTMX = {"HX-Request": "true"}
TYPED = {
    "name": "production",
    "tags": "",
    "time_zone": "Europe/Berlin",
    "after_1": "0 min",
    "who_1": "own",
    "repeat_every": "",
    "repeat_most": "",
}


def typed(**others: Any) -> dict[str, Any]:
    return {**TYPED, **others}


def the_policy(session: Session) -> Policy:
    return session.scalars(select(Policy)).one()


@pytest.fixture
def phone(session: Session, team: Team) -> Channel:
    """A channel of the team."""
    return make_channel(session, team.workspace, "sms", name="Anna's phone")


def make_policy(session: Session, team: Team, name: str, *tags: str) -> Policy:
    values = PolicyValues(name, Plan((Step(0 * MINUTE, own=True),)), tags)
    return policies.create_policy(session, team.workspace, values, NOW)


def test_what_was_typed_becomes_a_policy(
    client: Browser, session: Session, team: Team, phone: Channel
) -> None:
    make_monitor(session, team.workspace, tags=["db"])
    client.sign_in(team.mate)

    answer = client.submit(
        "/policies/new",
        typed(
            tags="db",
            causes=["missed", "overran"],
            weekdays=["6", "7"],
            after_3="10",  # the second step stays empty; a bare number is minutes
            who_3=["own", str(phone.id)],
            repeat_every="30 min",
            repeat_most="5",
        ),
    )
    shown = client.follow(answer).text

    policy = the_policy(session)
    second = Step(10 * MINUTE, own=True, channel_ids=(phone.id,))
    assert route_of(policy).plan == Plan((Step(0 * MINUTE, own=True), second), 30 * MINUTE, 5)
    assert (policy.tags, policy.causes, policy.weekdays) == (["db"], ["missed", "overran"], [6, 7])
    for words in ("production", "After 10 min", "phone", "Then every 30 min", "5 times at most"):
        assert words in shown
    assert "opened Saturday and Sunday, Europe/Berlin" in shown


def test_a_policy_is_changed(client: Browser, session: Session, team: Team, phone: Channel) -> None:
    policy = make_policy(session, team, "first", "db")
    client.sign_in(team.owner)
    page = client.get(f"/policies/{policy.id}/edit").text
    assert 'value="first"' in page
    assert "No monitor has the tag “db” now." in page

    client.submit(f"/policies/{policy.id}/edit", typed(who_1=[str(phone.id)]))

    assert route_of(the_policy(session)).plan.steps == (
        Step(0 * MINUTE, own=False, channel_ids=(phone.id,)),
    )


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"name": ""}, "name", "needs a name"),
        ({"who_1": []}, "who_1", "Choose at least one channel"),
        ({"after_2": "0 min", "who_2": "own"}, "after_2", "same moment"),
        ({"after_2": "", "who_2": "own"}, "after_2", "Say after which time"),
        ({"after_1": "soon"}, "after_1", "is not a length of time"),
        ({"after_1": "8 days"}, "after_1", "0 minutes to 7 days"),
        ({"who_1": ["own", "999999999"]}, "who_1", "not"),
        ({"repeat_every": "5 s"}, "repeat_every", "every 1 minute to 7 days"),
        ({"repeat_every": "1 h", "repeat_most": "0"}, "repeat_most", "1 to 1,000 reminders"),
        ({"repeat_most": "3"}, "repeat_every", "Say how often reminders come"),
        ({"time_zone": "Berlin"}, "time_zone", "There is no time zone"),
    ],
)
def test_what_makes_no_sense_is_refused_beside_its_field(
    client: Browser, session: Session, team: Team, fields: dict[str, Any], field: str, words: str
) -> None:
    client.sign_in(team.owner)

    page = client.submit("/policies/new", typed(**fields)).text

    assert f'id="{field}-error"' in page
    assert words in page
    assert session.scalars(select(Policy)).all() == []


@pytest.mark.parametrize(
    ("field", "typed_in"),
    [
        ("who_1", ["abc"]),
        ("who_1", [""]),
        ("who_1", ["own", "1.5"]),
        ("weekdays", ["0"]),
        ("weekdays", ["1", "8"]),
        ("weekdays", ["-1"]),
        ("weekdays", ["Monday"]),
        ("causes", ["gone"]),
    ],
)
def test_what_no_form_of_ours_sends_is_refused_and_previewed_as_nothing(
    client: Browser, session: Session, team: Team, field: str, typed_in: list[str]
) -> None:
    policy = make_policy(session, team, "kept")
    client.sign_in(team.owner)
    page = client.get("/policies/new")
    fields = typed(**{field: typed_in})

    pages = [
        client.send(page, fields, path)
        for path in ("/policies/new", f"/policies/{policy.id}/edit", "/policies/preview")
    ]
    part = client.send(page, fields, "/policies/preview", headers=HTMX).text

    assert all(f'id="{field}-error"' in answer.text for answer in pages)
    assert "For all monitors" not in part
    assert "alid" in part  # "not a valid choice", "Invalid choice"
    assert the_policy(session).name == "kept"


def test_the_preview_says_who_is_told_when_and_saves_nothing(
    client: Browser, session: Session, team: Team, phone: Channel
) -> None:
    make_monitor(session, team.workspace, "nightly backup", channels=[phone])
    client.sign_in(team.owner)
    page = client.get("/policies/new")
    fields = typed(who_2=str(phone.id), after_2="1 h", tags="unheard")

    part = client.send(page, fields, "/policies/preview", headers=HTMX).text
    whole = client.send(page, fields, "/policies/preview").text

    words = "own channels; after 1 h: Anna&#39;s phone."
    for shown in (part, whole):
        assert words in shown
        assert "No monitor has the tag “unheard” now." in shown
        assert "For no monitor now." in shown
    assert "<h1>" not in part
    assert session.scalars(select(Policy)).all() == []


def test_a_first_step_that_would_tell_nobody_is_warned_about(
    client: Browser, session: Session, team: Team
) -> None:
    mute = make_channel(session, team.workspace, verified=False, name="mute")
    make_monitor(session, team.workspace, "lonely")
    client.sign_in(team.owner)
    page = client.get("/policies/new")

    fields = typed(who_1=[str(mute.id)], after_1="10 min")
    part = client.send(page, fields, "/policies/preview", headers=HTMX).text

    assert "Nobody is told for the first 10 min." in part
    assert "Nobody whom the first step names can be told now." in part
    assert "The first step would tell nobody of lonely" in part
    assert "Sent nothing now: mute" in part


def test_the_list_says_what_is_left_to_no_policy(
    client: Browser, session: Session, team: Team
) -> None:
    client.sign_in(team.owner)
    assert "No policy yet" in client.get("/policies").text
    make_monitor(session, team.workspace, "covered", tags=["db"])
    make_monitor(session, team.workspace, "left alone")
    make_policy(session, team, "databases", "db")
    make_policy(session, team, "databases again", "db")

    page = client.get("/policies").text

    assert "For 1 monitor now: covered." in page
    assert "For no monitor now: a policy before it takes them all." in page
    assert "1 monitor may have incidents that no policy is for (left alone)" in page


def test_policies_are_moved_with_buttons(client: Browser, session: Session, team: Team) -> None:
    _, second = make_policy(session, team, "a"), make_policy(session, team, "b")
    client.sign_in(team.owner)
    page = client.get("/policies")

    client.send(page, None, f"/policies/{second.id}/up")

    found = policies.list_policies(session, team.workspace)
    assert [policy.name for policy in found] == ["b", "a"]


def test_a_policy_is_deleted_once_confirmed(client: Browser, session: Session, team: Team) -> None:
    policy = make_policy(session, team, "old")
    client.sign_in(team.owner)
    assert "Delete old?" in client.get(f"/policies/{policy.id}/delete").text

    client.submit(f"/policies/{policy.id}/delete")

    assert session.scalars(select(Policy)).all() == []


def test_who_may_only_look_changes_nothing(
    client: Browser, session: Session, team: Team, viewer: Account
) -> None:
    policy = make_policy(session, team, "a")
    client.sign_in(viewer)

    page = client.get("/policies")

    assert "Add policy" not in page.text
    assert "Delete" not in page.text
    assert "/alert-settings" not in page.text
    for path in ("/policies/new", f"/policies/{policy.id}/edit", f"/policies/{policy.id}/delete"):
        assert client.get(path).status_code == 403


def test_a_stranger_finds_no_policy(client: Browser, session: Session, team: Team) -> None:
    policy = make_policy(session, team, "secret")
    client.sign_in(team.stranger)

    assert "secret" not in client.get("/policies").text
    assert client.get(f"/policies/{policy.id}/edit").status_code == 404
    assert client.get(f"/policies/{policy.id}/delete").status_code == 404


def test_a_channel_says_which_policies_tell_it_also_before_it_is_deleted(
    client: Browser, session: Session, team: Team, phone: Channel
) -> None:
    plan = Plan((Step(0 * MINUTE, own=False, channel_ids=(phone.id,)),))
    policies.create_policy(session, team.workspace, PolicyValues("nights", plan), NOW)
    team.workspace.fallback_channel_id = phone.id
    session.flush()
    client.sign_in(team.owner)

    assert "used by 1 policy \N{MIDDLE DOT} fallback" in " ".join(
        client.get("/channels").text.split()
    )
    page = client.get(f"/channels/{phone.id}").text
    assert "Told by the policy" in page
    assert "It is the fallback" in page
    leaving = " ".join(client.get(f"/channels/{phone.id}/delete").text.split())
    assert "It is taken out of the policy nights." in leaving
