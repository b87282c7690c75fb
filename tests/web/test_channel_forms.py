"""The forms of all kinds: fields of every type, secrets that are not shown again, groups."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.channels.registry import Doors, Field, InvalidChannel, Kind, kinds
from earlywatch.models import Channel
from earlywatch.services.wiring import EXTENSION
from earlywatch.web.channel_forms import form_for
from tests.builders import make_channel, make_monitor
from tests.channels.test_webhook import CONFIG as WEBHOOK
from tests.client import Browser
from tests.web.team import Team

HOOK = {"method": "PUT", "url": "https://1.1.1.1/hook", "content_type": "text/plain", "name": ""}
KEPT_HOOK = {**WEBHOOK, "url": HOOK["url"]}
FIELDS = (
    Field("line", "Line", "text", default="usual"),
    Field("lines", "Lines", "textarea", optional=True),
    Field("choice", "Choice", "select", default="b", choices=(("a", "A"), ("b", "B"))),
    Field("loud", "Loud", "checkbox", default="on"),
    Field("others", "Others", "channels", optional=True),
    Field("key", "Access key", "text", optional=True, secret=True),
)


def kind_of(typed: list[Mapping[str, str]]) -> Kind:
    """A kind with a field of every type, which writes down what it is asked to check."""

    def check(raw: Mapping[str, str], _doors: Doors) -> dict[str, Any]:
        typed.append(raw)
        if raw["line"] == "wrong":
            raise InvalidChannel("line", "That is wrong.")
        return dict(raw)

    return Kind(
        "sample", "Sample", "none", FIELDS, lambda *_: "", check, lambda _: "", lambda _: True
    )


def read(
    app: Flask, posted: dict[str, Any] | None, channel: Channel | None = None
) -> tuple[Any, list[Mapping[str, str]]]:
    """Return the form after a post, or before one, and what was checked."""
    typed: list[Mapping[str, str]] = []
    app.config["WTF_CSRF_ENABLED"] = False
    with app.test_request_context("/", method="GET" if posted is None else "POST", data=posted):
        others = [Channel(id=3, name="three"), Channel(id=4, name="four")]
        form = form_for(kind_of(typed), channel, others)
        form.read(app.extensions[EXTENSION].doors)
        for field in form:
            field.shown = str(field())
    app.config["WTF_CSRF_ENABLED"] = True
    return form, typed


def test_a_new_form_shows_the_defaults(app: Flask) -> None:
    form, _ = read(app, None)

    assert 'value="usual"' in form.line.shown
    assert '<option selected value="b">' in form.choice.shown
    assert "checked" in form.loud.shown
    assert form.key.flags.optional
    assert not form.line.flags.optional


def test_a_kind_is_asked_about_texts(app: Flask) -> None:
    posted = {
        "line": "x", "lines": "a\r\nb", "choice": "a", "loud": "y", "others": ["3", "4"], "key": "",
    }  # fmt: skip
    _, [everything] = read(app, posted)
    _, [little] = read(app, {"line": "", "choice": "b"})

    assert everything == {
        "line": "x", "lines": "a\nb", "choice": "a", "loud": "on", "others": "3,4", "key": "",
    }  # fmt: skip
    assert little == {
        "line": "", "lines": "", "choice": "b", "loud": "", "others": "", "key": "",
    }  # fmt: skip


@pytest.mark.parametrize("posted", [{"choice": "c"}, {"choice": "a", "others": ["5"]}])
def test_what_is_not_offered_cannot_be_chosen(app: Flask, posted: dict[str, Any]) -> None:
    form, typed = read(app, {"line": "x", **posted})

    assert form.errors
    assert typed == []


def test_an_error_stands_beside_its_field_and_what_was_typed_stays(app: Flask) -> None:
    form, _ = read(app, {"line": "wrong", "choice": "a", "key": "typed"})

    assert form.line.errors == ["That is wrong."]
    assert "checked" not in form.loud.shown
    assert 'value="typed"' in form.key.shown


def kept(**config: Any) -> Channel:
    values = {
        "line": "x",
        "lines": "",
        "choice": "a",
        "loud": False,
        "others": [4],
        "key": "s3cret",
    }
    return Channel(name="Sample", is_default=True, config={**values, **config})


def test_an_edit_shows_what_is_kept_but_no_secret(app: Flask) -> None:
    form, _ = read(app, None, kept())

    shown = "".join(field.shown for field in form)
    assert "s3cret" not in shown
    assert "Left empty, it stays as it is" in form.key.description
    assert "checked" not in form.loud.shown
    assert '<option selected value="4">' in form.others.shown
    assert [box.label.text for box in form.forgettable] == [
        "Throw away the access key that is kept"
    ]


@pytest.mark.parametrize(
    ("posted", "key"),
    [
        ({}, "s3cret"),
        ({"key": "  "}, "s3cret"),
        ({"key": "new"}, "new"),
        ({"forget_key": "y"}, ""),
        ({"key": "new", "forget_key": "y"}, "new"),
    ],
)
def test_a_secret_stays_unless_it_is_replaced_or_thrown_away(
    app: Flask, posted: dict[str, str], key: str
) -> None:
    _, [typed] = read(app, {"line": "x", "choice": "a", **posted}, kept())

    assert typed["key"] == key


def test_where_there_is_no_secret_none_can_be_thrown_away(app: Flask) -> None:
    form, [typed] = read(app, {"line": "x", "choice": "a", "forget_key": "y"}, kept(key=""))

    assert form.forgettable == []
    assert typed["key"] == ""


def test_the_form_of_every_kind_can_be_opened(client: Browser, team: Team, app: Flask) -> None:
    doors = app.extensions[EXTENSION].doors
    client.sign_in(team.owner)

    for kind in kinds():
        answer = client.get(f"/channels/new/{kind.name}")
        assert answer.status_code == (200 if kind.available(doors) else 404), kind.name


def test_a_signing_secret_that_we_make_is_shown_once(
    client: Browser, session: Session, team: Team
) -> None:
    client.sign_in(team.owner)

    first = client.follow(client.submit("/channels/new/webhook", HOOK)).text

    channel = session.scalars(select(Channel)).one()
    secret = channel.config["signing_secret"]
    here = f"/channels/{channel.id}"
    assert secret in first
    assert "Signing secret, shown this once." in first
    assert secret not in client.get(here).text
    assert secret not in client.get(f"{here}/edit").text


def test_a_signing_secret_that_was_typed_is_not_shown(client: Browser, team: Team) -> None:
    client.sign_in(team.owner)
    typed = WEBHOOK["signing_secret"]

    page = client.follow(client.submit("/channels/new/webhook", {**HOOK, "signing_secret": typed}))

    assert typed not in page.text
    assert "shown this once" not in page.text


def test_a_new_body_keeps_the_secrets_and_needs_no_confirmation(
    client: Browser, session: Session, team: Team
) -> None:
    channel = make_channel(session, team.workspace, "webhook", config=KEPT_HOOK)
    here = f"/channels/{channel.id}/edit"
    client.sign_in(team.owner)

    answer = client.submit(here, {**HOOK, "body_opened": "{{monitor}}"})
    session.refresh(channel)

    assert "Saved." in client.follow(answer).text
    assert channel.usable
    assert channel.config["body_opened"] == "{{monitor}}"
    assert channel.config["headers"] == WEBHOOK["headers"]
    assert channel.config["signing_secret"] == WEBHOOK["signing_secret"]


def test_a_thrown_away_signing_secret_is_replaced_and_shown_once(
    client: Browser, session: Session, team: Team
) -> None:
    channel = make_channel(session, team.workspace, "webhook", config=KEPT_HOOK)
    here = f"/channels/{channel.id}/edit"
    client.sign_in(team.owner)

    page = client.follow(client.submit(here, {**HOOK, "forget_signing_secret": "y"})).text
    session.refresh(channel)

    assert channel.config["signing_secret"] != WEBHOOK["signing_secret"]
    assert channel.config["signing_secret"] in page


def test_an_unknown_placeholder_is_refused_with_the_list_of_known_ones(
    client: Browser, session: Session, team: Team
) -> None:
    client.sign_in(team.owner)

    page = client.submit("/channels/new/webhook", {**HOOK, "body_opened": "{{nmae}}"}).text

    assert "There is no placeholder {{nmae}}." in page
    assert "{{monitor}}, {{cause}}" in page
    assert session.scalars(select(Channel)).all() == []


def test_a_group_shows_its_channels_and_how_they_are(
    client: Browser, session: Session, team: Team
) -> None:
    mail = make_channel(session, team.workspace, name="Team mail")
    make_channel(session, team.workspace, "slack", name="Slack", verified=False)
    foreign = make_channel(session, name="of strangers")
    client.sign_in(team.owner)

    form = client.get("/channels/new/group").text
    ids = re.findall(r'name="channel_ids" value="(\d+)"', form)
    answer = client.submit("/channels/new/group", {"name": "Night shift", "channel_ids": ids})
    page = client.follow(answer).text
    member = client.get(f"/channels/{mail.id}").text

    assert "of strangers" not in form
    assert str(foreign.id) not in ids
    for words in ("2 channels", "Team mail", "Works", "Slack", "Waiting for confirmation"):
        assert words in page
    assert "In the group" in member
    assert "Night shift" in member


def test_a_group_of_strangers_channels_is_refused(
    client: Browser, session: Session, team: Team
) -> None:
    foreign = make_channel(session)
    client.sign_in(team.owner)

    page = client.submit("/channels/new/group", {"name": "x", "channel_ids": [foreign.id]}).text

    assert 'id="channel_ids-error"' in page


def test_a_test_of_a_group_is_sent_to_each(client: Browser, session: Session, team: Team) -> None:
    members = [make_channel(session, team.workspace) for _ in range(2)]
    monitor = make_monitor(session, team.workspace)
    client.sign_in(team.owner)
    posted = {"name": "Both", "everywhere": "y", "channel_ids": [each.id for each in members]}
    page = client.follow(client.submit("/channels/new/group", posted))

    answer = client.send(page, None, f"{page.request.path}/test")

    assert "A test is on its way to 2 channels." in client.follow(answer).text
    assert monitor.name in page.text
