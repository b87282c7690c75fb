"""What the words of a ping mean: an owner's rules over its subject and body. Pure."""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from earlywatch.domain.monitor import PingKind
from earlywatch.errors import EarlywatchError

MOST_WORDS = 20  # for each meaning
LONGEST_WORD = 200  # characters


class InvalidKeywords(EarlywatchError):
    """Rules that make no sense."""


class Otherwise(StrEnum):
    """What a ping is in which none of the words stands."""

    SUCCESS = "success"
    FAIL = "fail"
    IGNORED = "ignored"


@dataclass(frozen=True)
class Keywords:
    """Substrings to look for. Failure goes before success, and success before start.

    An HTTP ping's subject is its message (`m`).
    """

    start: tuple[str, ...] = ()
    success: tuple[str, ...] = ()
    failure: tuple[str, ...] = ()
    match_case: bool = False
    in_subject: bool = True
    in_body: bool = True
    otherwise: Otherwise = Otherwise.SUCCESS

    def __post_init__(self) -> None:
        lists = (self.start, self.success, self.failure)
        if not any(lists):
            raise InvalidKeywords("Give at least one word to look for.")
        if not (self.in_subject or self.in_body):
            raise InvalidKeywords("Choose where to look: in the subject, in the body or in both.")
        if any(len(words) > MOST_WORDS for words in lists):
            raise InvalidKeywords(f"At most {MOST_WORDS} words may be looked for of each kind.")
        if any(not word.strip() or len(word) > LONGEST_WORD for words in lists for word in words):
            raise InvalidKeywords(f"A word may have 1 to {LONGEST_WORD} characters.")

    def read(self, subject: str | None, body: bytes | None) -> PingKind:
        """Return what a ping with this subject and body means."""
        return self.find(subject, body)[0]

    def find(self, subject: str | None, body: bytes | None) -> tuple[PingKind, str | None]:
        """Return what it means, and the word that says so; None if none of them stands in it."""
        text = self._folded(self._searched(subject, body))
        for kind, words in (
            (PingKind.FAIL, self.failure),
            (PingKind.SUCCESS, self.success),
            (PingKind.START, self.start),
        ):
            for word in words:
                if self._folded(word) in text:
                    return kind, word
        return PingKind(self.otherwise), None

    def to_json(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return it out of what `to_json` made."""
        lists = {name: tuple(stored[name]) for name in ("start", "success", "failure")}
        return cls(**{**stored, **lists, "otherwise": Otherwise(stored["otherwise"])})

    def _searched(self, subject: str | None, body: bytes | None) -> str:
        parts = []
        if self.in_subject and subject:
            parts.append(subject)
        if self.in_body and body:
            parts.append(body.decode(_coding(body), "replace"))
        return "\n".join(parts)

    def _folded(self, text: str) -> str:
        return text if self.match_case else text.casefold()


def _coding(body: bytes) -> str:
    """Return the coding of a text: what PowerShell writes into a file says that it is UTF-16."""
    return "utf-16" if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8"
