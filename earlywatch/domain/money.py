"""Money: whole cents with their currency, never a float."""

import re
from dataclasses import dataclass
from decimal import Decimal

from babel.numbers import format_currency, get_currency_precision

from earlywatch.errors import EarlywatchError

LOCALE = "en_US"
LONGEST_TEXT = 20
AMOUNT = re.compile(
    r"(?:\$|usd)?\s*(\d+)(?:[.,](\d{1,2}))?\s*(?:\$|usd)?", re.ASCII | re.IGNORECASE
)
EXAMPLE = "Write an amount in US dollars, for example 5 or 7.50."


class InvalidMoney(EarlywatchError):
    """Not an amount that we can take."""


@dataclass(frozen=True, order=True)
class Money:
    """An amount in cents (the smallest unit of `currency`, which is ISO 4217 in lower case)."""

    cents: int
    currency: str = "usd"

    def __add__(self, other: "Money") -> "Money":
        return Money(self.cents + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.cents - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.cents, self.currency)

    def __bool__(self) -> bool:
        return self.cents != 0

    @property
    def words(self) -> str:
        """The amount as people read it: "$7.00"."""
        code = self.currency.upper()
        amount = Decimal(self.cents).scaleb(-get_currency_precision(code))
        return str(format_currency(amount, code, locale=LOCALE))

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise InvalidMoney(f"{self.words} and {other.words} are of different currencies.")
        return other.cents


def parse_dollars(text: str, floor: int, ceiling: int) -> Money:
    """Return the amount that `text` says, such as "5", "$7.50" or "7,5".

    `floor` and `ceiling` are in cents. Raises InvalidMoney with a sentence.
    """
    typed = text.strip()
    found = AMOUNT.fullmatch(typed) if len(typed) <= LONGEST_TEXT else None
    if found is None:
        raise InvalidMoney(EXAMPLE)
    dollars, cents = found[1], (found[2] or "").ljust(2, "0")
    amount = Money(int(dollars) * 100 + int(cents))
    if amount.cents < floor:
        least = Money(floor).words
        raise InvalidMoney(
            f"The smallest amount is {least} a month: below it, fees eat most of it."
        )
    if amount.cents > ceiling:
        most = Money(ceiling).words
        raise InvalidMoney(f"That is more than {most} a month. Write to us first, please.")
    return amount
