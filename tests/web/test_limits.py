"""Who is counted as whom."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask

from earlywatch.embedded import EmbeddedValkey
from earlywatch.web.limits import account, address, give_back, limiter
from tests.client import Browser
from tests.web.conftest import MakeSite


def tries(site: Flask, *outcomes: str) -> list[int]:
    """Try with each outcome; only those that are lost count."""

    @site.route("/try/<outcome>")
    @limiter.limit("2/minute")
    @limiter.limit("3/hour")
    def attempt(outcome: str) -> dict[str, str]:
        if outcome == "won":
            give_back()
        return {"outcome": outcome}

    browser = site.test_client()
    with site.app_context():
        return [browser.get(f"/try/{outcome}").status_code for outcome in outcomes]


@pytest.mark.parametrize("redis", [True, False])
def test_only_what_is_lost_is_counted(client: Browser, make_site: MakeSite, redis: bool) -> None:
    site = make_site() if redis else make_site(redis_url=None)

    answers = tries(site, "won", "won", "lost", "won", "won", "lost", "lost", "won")

    assert answers == [200] * 6 + [429] * 2


def test_what_cannot_be_given_back_is_no_failure(make_site: MakeSite, tmp_path: Path) -> None:
    with ExitStack() as stack:
        valkey = stack.enter_context(EmbeddedValkey(tmp_path, durable=False))
        site = make_site(redis_url=valkey.url)

        @site.route("/last")
        @limiter.limit("2/minute")
        def last() -> dict[str, str]:
            stack.close()
            give_back()
            return {}

        with site.app_context():
            assert site.test_client().get("/last").status_code == 200


@pytest.mark.parametrize(
    ("remote", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2:3::4]:4711", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("_hidden", "unknown"),
        ("", "unknown"),
    ],
)
def test_every_address_is_counted(app: Flask, remote: str, counted: str) -> None:
    with app.test_request_context(environ_base={"REMOTE_ADDR": remote}):
        assert address() == counted


def test_all_spellings_of_an_account_are_counted_together(app: Flask) -> None:
    spellings = [
        "post@müller.example.org",
        " Post@Müller.example.org",
        "post@xn--mller-kva.example.org",
        "post@mu\N{COMBINING DIAERESIS}ller.example.org",
    ]

    counted = set()
    for email in spellings:
        with app.test_request_context(method="POST", data={"email": email}):
            counted.add(account())

    assert len(counted) == 1
