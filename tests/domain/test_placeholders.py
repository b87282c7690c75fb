"""Texts with placeholders: which are refused, and how they are filled in."""

import pytest

from earlywatch.domain.placeholders import UnknownPlaceholder, check, fill

KNOWN = ("monitor", "url")


@pytest.mark.parametrize("text", ["", "plain", "{{monitor}}", "{{ url }} {{monitor}}", '{"a":{}}'])
def test_known_placeholders_pass(text: str) -> None:
    check(text, KNOWN)


@pytest.mark.parametrize("text", ["{{name}}", "{{ }}", "{{monitor|upper}}", "{{a{{monitor}}"])
def test_an_unknown_placeholder_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(UnknownPlaceholder, match=r"known: \{\{monitor\}\}, \{\{url\}\}\.$"):
        check(text, KNOWN)


def test_an_unknown_placeholder_is_named_in_few_words() -> None:
    with pytest.raises(UnknownPlaceholder) as caught:
        check("{{" + "x\n" * 500 + "}}", KNOWN)

    assert len(str(caught.value)) < 150
    assert str(caught.value).isprintable()


def test_a_placeholder_that_is_not_closed_is_refused() -> None:
    with pytest.raises(UnknownPlaceholder, match="is not closed"):
        check("a {{monitor} b", KNOWN)


def test_values_are_escaped_and_not_looked_at_again() -> None:
    values = {"monitor": "{{url}}", "url": "https://x"}

    assert fill("<{{monitor}}|{{ url }}>", values, str.upper) == "<{{URL}}|HTTPS://X>"
