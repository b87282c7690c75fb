"""Texts with placeholders: {{monitor}} stands for what is known only when an alert is sent."""

import re
from collections.abc import Callable, Iterable, Mapping

from earlywatch.errors import EarlywatchError

PLACEHOLDER = re.compile(r"\{\{(.*?)(\}\}|\Z)", re.DOTALL)
LONGEST_SHOWN = 40


class UnknownPlaceholder(EarlywatchError):
    """A text asks for something that there is not."""


def check(text: str, known: Iterable[str]) -> None:
    """Refuse a text with a placeholder that is not known. Raises UnknownPlaceholder."""
    names = list(known)
    for found in PLACEHOLDER.finditer(text):
        name = found[1].strip()
        if not found[2]:
            raise UnknownPlaceholder("A placeholder begins with {{ and is not closed with }}.")
        if name not in names:
            shown = " ".join(name.split())[:LONGEST_SHOWN]
            listed = ", ".join(f"{{{{{each}}}}}" for each in names)
            raise UnknownPlaceholder(
                f"There is no placeholder {{{{{shown}}}}}. These are known: {listed}."
            )


def fill(text: str, values: Mapping[str, str], escape: Callable[[str], str]) -> str:
    """Return `text` with each placeholder replaced by its escaped value.

    What a value says is never looked at again, though it may look like a placeholder.
    """
    return PLACEHOLDER.sub(lambda found: escape(values[found[1].strip()]), text)
