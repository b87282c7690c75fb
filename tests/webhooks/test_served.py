"""Webhooks through the real server: the very bytes arrive, and Stripe is not waited for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from earlywatch.clock import utcnow
from tests.events import SECRET, body, signature
from tests.serving import Server, connect, database_with_tables

URL = "/webhooks/stripe"


@pytest.fixture(scope="module")
def url(worker: str) -> Iterator[str]:
    """A database of this module, with tables."""
    with database_with_tables(f"{worker}_webhooks") as url:
        yield url


@pytest.fixture
def server(url: str, tmp_path: Path, hanging: str) -> Iterator[Server]:
    """A site that sells plans through a Stripe that hangs."""
    with Server(
        "app",
        url,
        tmp_path / "log",
        workers=1,
        STRIPE_SECRET_KEY="sk_test_earlywatch",
        STRIPE_WEBHOOK_SECRET=SECRET,
        STRIPE_API_BASE=hanging,
    ) as server:
        yield server


def test_what_stripe_sends_is_stored_before_it_is_answered(server: Server, url: str) -> None:
    payload = body("evt_7", words="Grüße, \u2603", spaces="  kept  ")
    signed = signature(payload, utcnow())
    piece = f"{len(payload):x}\r\n".encode() + payload + b"\r\n0\r\n\r\n"

    whole = server.get(URL, "POST", payload, Stripe_Signature=signed)
    chunked = server.speak(
        f"POST {URL} HTTP/1.1\r\nHost: localhost\r\nStripe-Signature: {signed}\r\n"
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode()
        + piece
    )
    forged = server.get(URL, "POST", payload + b" ", Stripe_Signature=signed)
    large = server.get(URL, "POST", b"x" * 300_000, Stripe_Signature=signed)

    assert whole == (200, b"Recorded.")
    assert chunked.startswith(b"HTTP/1.1 200 ")
    assert b"Recorded before." in chunked
    assert forged[0] == 400
    assert large[0] == 413
    with connect(url) as connection:
        [row] = connection.execute("SELECT event_id, object_id FROM received_event").fetchall()
    assert row == ("evt_7", "in_1")
