"""The kinds of channels there are."""

from dataclasses import replace
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from earlywatch.assets import TEMPLATES
from earlywatch.channels.registry import Doors, Kind, kind, kinds
from earlywatch.errors import NotFound


def test_kinds_register_themselves() -> None:
    assert [(kind.name, kind.label, kind.proof) for kind in kinds()] == [
        ("email", "Email", "link"),
        ("slack", "Slack", "link"),
        ("sms", "SMS", "code"),
    ]


def test_an_unknown_kind_is_not_found() -> None:
    with pytest.raises(NotFound):
        kind("pigeon")


def test_sms_is_offered_only_where_it_is_set_up(doors: Doors) -> None:
    without = replace(doors, sms=None)

    assert [kind.name for kind in kinds() if kind.available(doors)] == ["email", "slack", "sms"]
    assert [kind.name for kind in kinds() if kind.available(without)] == ["email", "slack"]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_the_form_shows_every_field_of_the_kind(kind: Kind) -> None:
    template = Path(TEMPLATES, "channels", "forms", f"{kind.name}.html").read_text()

    assert [field.name for field in kind.fields if f"field(form.{field.name}" not in template] == []
    Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    ).get_template(f"channels/forms/{kind.name}.html")
