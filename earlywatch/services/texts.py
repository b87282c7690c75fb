"""Texts typed by people: what may be kept and shown."""

import unicodedata

ZERO_WIDTH_JOINER = "\u200d"  # holds emoji together


def printable(text: str) -> bool:
    """Return whether `text` can be shown in one line of a page, a mail subject and a log.

    Control characters break mail headers, and what turns the direction of writing
    lets a name look like another.
    """
    return not any(
        unicodedata.category(letter) in {"Cc", "Cf", "Cs"}
        for letter in text
        if letter != ZERO_WIDTH_JOINER
    )
