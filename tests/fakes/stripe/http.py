"""Requests and answers as values."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """What came: the path without its query, headers by lower-case name."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str


@dataclass(frozen=True)
class Response:
    """What goes back."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def as_json(cls, status: int, content: Any, **headers: str) -> "Response":
        """Return an answer of the API."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Content-Type"] = "application/json"
        return cls(status, json.dumps(content, indent=2).encode(), named)

    @classmethod
    def as_page(cls, html: str, status: int = 200) -> "Response":
        """Return a page."""
        return cls(status, html.encode(), {"Content-Type": "text/html; charset=utf-8"})

    @classmethod
    def elsewhere(cls, url: str) -> "Response":
        """Return a redirection after a form."""
        return cls(303, b"", {"Location": url})
