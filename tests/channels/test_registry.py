"""What all kinds of channels promise, whichever there are."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from earlywatch.assets import TEMPLATES
from earlywatch.channels.registry import Doors, Kind, kind, kinds
from earlywatch.errors import NotFound
from earlywatch.web.channel_forms import ChannelForm

every_kind = pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)


def config_of(kind: Kind) -> dict[str, Any]:
    """Return the example that the test of a kind gives: the config of a channel that works."""
    module = import_module(f"tests.channels.test_{kind.name}")
    assert hasattr(module, "CONFIG"), f"Give tests/channels/test_{kind.name}.py a CONFIG."
    return dict(module.CONFIG)


def test_kinds_register_themselves() -> None:
    assert {"email", "slack", "sms"} <= {kind.name for kind in kinds()}
    labels = [kind.label for kind in kinds()]
    assert labels == sorted(labels, key=str.casefold)
    assert len(set(labels)) == len(labels)


def test_an_unknown_kind_is_not_found() -> None:
    with pytest.raises(NotFound):
        kind("pigeon")


def test_sms_is_offered_only_where_it_is_set_up(doors: Doors) -> None:
    assert kind("sms").available(doors)
    assert not kind("sms").available(replace(doors, sms=None))


@every_kind
def test_a_kind_that_needs_something_of_the_operator_names_the_settings(
    kind: Kind, doors: Doors
) -> None:
    bare = Doors(doors.http, doors.mail, None)

    assert kind.available(bare) is not bool(kind.needs)
    env = Path(TEMPLATES).parent.joinpath(".env.example").read_text()
    assert [name for name in kind.needs if name not in env] == []


@every_kind
def test_the_form_shows_every_field_of_the_kind(kind: Kind) -> None:
    template = Path(TEMPLATES, "channels", "forms", f"{kind.name}.html").read_text()
    macros = {"checkbox": "checkbox", "channels": "checks"}

    for field in kind.fields:
        assert f"{macros.get(field.type, 'field')}(form.{field.name}" in template
    Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    ).get_template(f"channels/forms/{kind.name}.html")


@every_kind
def test_the_fields_of_a_kind_do_not_hide_what_every_form_has(kind: Kind) -> None:
    assert [field.name for field in kind.fields if hasattr(ChannelForm, field.name)] == []
    for field in kind.fields:
        assert (field.type == "select") is bool(field.choices)
        assert not field.choices or field.default in dict(field.choices)


@every_kind
def test_a_config_can_be_shown_in_the_form_again(kind: Kind) -> None:
    config = config_of(kind)
    types = {"checkbox": bool, "channels": list}

    for field in kind.fields:
        assert isinstance(config[field.name], types.get(field.type, str)), field.name


@every_kind
def test_a_summary_is_short_and_keeps_secrets(kind: Kind) -> None:
    config = config_of(kind)
    said = kind.summary(config)

    assert 0 < len(said) <= 200
    assert said.isprintable()
    for field in kind.fields:
        if config[field.name] and (field.secret or field.type == "url"):
            assert str(config[field.name]) not in said
