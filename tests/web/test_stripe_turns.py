"""Pages that ask Stripe while it hangs: they wait in a short queue, and the site goes on."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.db import db
from earlywatch.web.stripe_turns import AT_ONCE, BUSY
from tests.billing_builders import make_subscription
from tests.builders import make_account, make_workspace
from tests.client import Browser
from tests.fakes.stripe import FakeStripe
from tests.selling import fill
from tests.serving import database_with_tables
from tests.web.conftest import MakeSite
from tests.web.people import another
from tests.web.shop import DAY, Shop, carried

SLOW = 3.0  # seconds for each answer: whoever is told at once is told well before


@pytest.fixture
def slow_site(
    worker: str, make_site: MakeSite
) -> Iterator[tuple[Flask, FakeStripe, list[Browser]]]:
    """A site with a database of its own, Stripe, and the browsers of as many owners as may be."""
    with database_with_tables(f"{worker}_turns") as url, FakeStripe(now=utcnow()) as fake:
        app = make_site(
            database_url=url,
            redis_url=None,
            stripe_secret_key="sk_test_earlywatch",
            stripe_api_base=fake.url,
        )
        fill(app)
        with app.app_context(), Session(db.engine) as session:
            browsers = [another(app) for _ in range(AT_ONCE + 2)]
            for browser in browsers:
                owner = make_account(session)
                make_subscription(session, make_workspace(session, owner))
                session.commit()
                browser.sign_in(owner)
        yield app, fake, browsers


def timed(browser: Browser, path: str) -> tuple[int, float, str]:
    begun = time.monotonic()
    answer = browser.get(path)
    return answer.status_code, time.monotonic() - begun, answer.text


def test_a_stripe_that_hangs_holds_a_few_requests_and_the_others_are_told_soon(
    slow_site: tuple[Flask, FakeStripe, list[Browser]],
) -> None:
    _, fake, browsers = slow_site

    with fake.hang(SLOW), ThreadPoolExecutor(len(browsers) + 1) as pool:
        asked = [pool.submit(timed, browser, "/billing/cancel") for browser in browsers]
        time.sleep(0.3)
        elsewhere = pool.submit(timed, browsers[0], "/monitors").result()
        answers = [each.result() for each in asked]

    told = [took for status, took, page in answers if status == 503 and BUSY in page]
    assert len(told) == len(browsers) - AT_ONCE
    assert max(told) < SLOW
    assert elsewhere[0] == 200
    assert elsewhere[1] < SLOW
    assert all(took >= SLOW for status, took, page in answers if BUSY not in page)


def test_a_turn_is_given_back_whatever_happens(selling: Shop) -> None:
    make_subscription(selling.session, selling.workspace)

    with selling.stripe.down():
        codes = [selling.browser.get("/billing/cancel").status_code for _ in range(AT_ONCE + 1)]

    assert codes == [503] * (AT_ONCE + 1)
    assert selling.browser.get("/billing/invoices/none").status_code == 404


def test_nobody_presses_all_day(selling: Shop) -> None:
    selling.own("team")
    form = carried(selling.browser.get("/billing/cancel"))

    codes = [
        selling.browser.post("/billing/cancel", data={**form, "when": "soon"}).status_code
        for _ in range(20)
    ]

    assert codes == [400] * 19 + [429]  # subscribing was the first
    assert selling.browser.get("/billing/cancel").status_code == 200


def test_nobody_looks_all_day(selling: Shop) -> None:
    codes = [selling.browser.get("/billing/extend").status_code for _ in range(121)]

    assert codes == [303] * 120 + [429]
    selling.stripe.advance(by=DAY)
    assert selling.browser.get("/billing").status_code == 200
