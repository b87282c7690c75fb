"""What the other side answered, with its own name for what it took."""

from typing import Self


class Said(str):
    """An answer for people to read.

    By `provider_id` the other side reports later what became of the message, or takes it back.
    """

    provider_id: str

    def __new__(cls, text: str, provider_id: str) -> Self:
        """Return `text` as it is, and remember `provider_id`."""
        said = super().__new__(cls, text)
        said.provider_id = provider_id
        return said
