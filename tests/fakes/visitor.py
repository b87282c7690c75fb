"""A person at the fake Stripe's pages, without a browser."""

import http.client
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

WORKING = "4242 4242 4242 4242"
DECLINED = "4000 0000 0000 0002"
FAILS_LATER = "4000 0000 0000 0341"
ASKS_BANK = "4000 0025 0000 3155"
DISPUTED = "4000 0000 0000 0259"
WARNED = "4000 0000 0000 5423"


@dataclass(frozen=True)
class Page:
    """What came back: a page, or where the browser is sent."""

    status: int
    text: str
    location: str | None


def look(url: str) -> Page:
    """Open a page."""
    return _request("GET", url)


def press(url: str, button: str, **fields: str) -> Page:
    """Press a button of the page's form: "pay", "confirm", "apply" or "save"."""
    return _request("POST", url, {"do": button, **fields})


def pay(url: str, card: str = WORKING) -> Page:
    """Pay a Checkout page with a card, confirming at the bank if it asks."""
    page = press(url, "pay", card=card)
    return press(url, "confirm", card=card) if "Confirm at your bank" in page.text else page


def _request(method: str, url: str, fields: dict[str, str] | None = None) -> Page:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if fields else {}
    try:
        connection.request(method, parts.path, urlencode(fields or {}), headers)
        response = connection.getresponse()
        text = response.read().decode("latin-1" if "/pdf" in parts.path else "utf-8")
        return Page(response.status, text, response.headers.get("Location"))
    finally:
        connection.close()
