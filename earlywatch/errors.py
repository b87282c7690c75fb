"""Errors whose text is a sentence for the person who caused them."""


class EarlywatchError(Exception):
    """Something expected went wrong; `str(error)` says what, and what would be right."""


class NotFound(EarlywatchError):
    """The thing asked for does not exist, or not in this workspace."""
