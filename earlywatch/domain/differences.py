"""In what the output of a run differs from that of another one. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

MOST_LINES = 200  # of each output, the last ones; comparing takes the square of it at worst
SHOWN = 60  # lines of the difference
AROUND = 2  # lines that are alike, beside those that are not
# What differs in every run and says nothing: times, dates, numbers, ids.
RESTLESS = re.compile(r"\b(?:0x)?[0-9a-f]{8,}\b|\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """A line of the difference. `mark`: "+" is new, "-" is missing, " " is in both, "…" a gap."""

    mark: str
    text: str


def compare(good: str, bad: str) -> tuple[Line, ...]:
    """Return what is new or missing in `bad`, with what stands around it; nothing if alike.

    Lines that differ in numbers and ids alone count as alike.
    """
    before, after = good.splitlines()[-MOST_LINES:], bad.splitlines()[-MOST_LINES:]
    alike = SequenceMatcher(None, _calm(before), _calm(after), autojunk=False)
    lines = list(_lines(alike, before, after))
    if all(line.mark == " " for line in lines):
        return ()
    return tuple(lines[:SHOWN]) + ((Line("…", ""),) if len(lines) > SHOWN else ())


def tail(text: str, lines: int) -> str:
    """Return the last lines of a text that hold anything."""
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])


def _calm(lines: Sequence[str]) -> list[str]:
    return [RESTLESS.sub("0", line.rstrip()) for line in lines]


def _lines(
    alike: SequenceMatcher[str], before: Sequence[str], after: Sequence[str]
) -> Iterator[Line]:
    for place, group in enumerate(alike.get_grouped_opcodes(AROUND)):
        if place:
            yield Line("…", "")
        for kind, first, last, start, end in group:
            if kind == "equal":
                yield from (Line(" ", text) for text in after[start:end])
                continue
            yield from (Line("-", text) for text in before[first:last])
            yield from (Line("+", text) for text in after[start:end])
