"""Signed links: what a mail may carry so that nothing secret is stored."""

from datetime import datetime, timedelta
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer

from earlywatch.errors import EarlywatchError


class InvalidToken(EarlywatchError):
    """The link was not made by us, is for something else, or is too old."""


class Tokens:
    """Makes and reads signed, dated texts that fit a URL."""

    def __init__(self, secret_key: str) -> None:
        self._secret_key = secret_key

    def sign(self, purpose: str, values: list[int | str], now: datetime) -> str:
        """Return a token for `purpose` that carries `values` and its date (UTC)."""
        return self._serializer(purpose).dumps([int(now.timestamp()), *values])

    def read(self, purpose: str, token: str, now: datetime, max_age: timedelta) -> list[Any]:
        """Return the values of a token. Raises InvalidToken with a sentence."""
        try:
            signed_at, *values = self._serializer(purpose).loads(token)
        except BadSignature:
            raise InvalidToken("This link is not complete or was not made by us.") from None
        if now.timestamp() - signed_at > max_age.total_seconds():
            raise InvalidToken("This link is too old. Ask for a new one.")
        return list(values)

    def _serializer(self, purpose: str) -> URLSafeSerializer:
        return URLSafeSerializer(self._secret_key, salt=f"earlywatch.{purpose}")
