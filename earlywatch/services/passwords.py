"""Passwords: which ones are accepted, and how they are kept."""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from earlywatch.errors import EarlywatchError

SHORTEST = 10  # characters
# Looked at before anything else: normalising takes the square of the length, for all threads.
LONGEST = 1000  # characters, as typed
PATIENCE = 10.0  # seconds

# Each hash takes 46 MiB: more at once than cores would only eat memory.
_hasher = PasswordHasher(time_cost=2, memory_cost=46 * 1024, parallelism=1)
_at_once = BoundedSemaphore(2)

# The commonest of those that are long enough; shorter ones are refused anyway.
COMMON_WORDS = """
    1234567890 12345678910 0123456789 0987654321 9876543210 1111111111 0000000000 1234512345
    1122334455 1212121212 123123123123 123456789a 123456789q 1234567890a 1234567890q a123456789
    1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 1qazxsw23edc q1w2e3r4t5 q1w2e3r4t5y6 zaq12wsxcde3
    qwertyuiop qwertyuiop1 qwertyuiop[] qwerty1234 qwerty12345 qwerty123456 qwertyqwerty
    asdfghjkl1 asdfghjkl; asdfasdfasdf zxcvbnm123 zxcvbnm,./ abcdefghij abcdefghijk abcd123456
    abc123456789 abcdef123456 aaaaaaaaaa password12 password123 password1234 password12345
    passwordpassword passw0rd123 p@ssw0rd123 p@ssword123 mypassword password01 password11
    password2024 password2025 password2026 administrator admin12345 admin123456 adminadmin
    changeme123 letmein123 letmein1234 welcome123 welcome1234 iloveyou12 iloveyou123 iloveyou1234
    ilovemyself sunshine123 princess123 football123 baseball123 basketball superman123 batman1234
    dragon1234 monkey1234 master1234 michael123 jennifer123 charlie123 trustno1trustno1
    secret1234 secretpassword test123456 testtest123 testpassword computer123 internet123
    monitoring correcthorsebatterystaple hunter2hunter2 starwars123 pokemon123 minecraft123
    manchester liverpool1 liverpool123 barcelona1 realmadrid chocolate1 butterfly1 strawberry
"""
COMMON = frozenset(COMMON_WORDS.split())


class InvalidPassword(EarlywatchError):
    """The password would be guessed; the text says what would be better."""


class Busy(EarlywatchError):
    """Too many passwords are being checked at this moment."""


def check_password(password: str, email: str) -> None:
    """Raise InvalidPassword unless `password` is a good one for the owner of `email`."""
    if len(password) > LONGEST:
        raise InvalidPassword(f"The password must have at most {LONGEST} characters.")
    plain = _normal(password)
    if len(plain) < SHORTEST:
        raise InvalidPassword(
            f"The password must have at least {SHORTEST} characters; three or four words are good."
        )
    folded = plain.casefold()
    if folded in COMMON or len(set(folded)) <= 2:
        raise InvalidPassword(
            "This password is one of the first that are tried. Three or four words are better."
        )
    name = email.partition("@")[0].casefold()
    if folded in email.casefold() or (len(name) >= 4 and name in folded):
        raise InvalidPassword("The password must not be made from your email address.")


def hash_password(password: str) -> str:
    """Return what to store for `password`. Raises Busy."""
    with _turn():
        return _hasher.hash(_normal(password))


def verify_password(password_hash: str | None, password: str) -> bool:
    """Tell whether `password` is the one that was hashed. Raises Busy.

    Takes as long without a hash as with one, so that time does not tell who has an account.
    """
    if len(password) > LONGEST:  # nobody's: such a one is never stored
        password_hash, password = None, ""
    expected = password_hash or _nobodys_hash()
    with _turn():
        try:
            _hasher.verify(expected, _normal(password))
        except (VerifyMismatchError, InvalidHashError):
            return False
    return password_hash is not None


@contextmanager
def _turn() -> Iterator[None]:
    if not _at_once.acquire(timeout=PATIENCE):
        raise Busy("Too many people are signing in at this moment. Try again in a minute.")
    try:
        yield
    finally:
        _at_once.release()


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return hash_password("the password of nobody")


def _normal(password: str) -> str:
    # The same key may give composed or decomposed letters, depending on the keyboard's system.
    return unicodedata.normalize("NFKC", password)
