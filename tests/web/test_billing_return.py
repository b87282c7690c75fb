"""Coming back from Stripe's page: nothing is believed that Stripe does not say."""

from datetime import timedelta

import pytest
import requests
from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.domain.plans import PlanName
from earlywatch.web.billing import EACH
from tests.builders import make_account, make_workspace
from tests.web.people import another
from tests.web.shop import GOOD, Shop, query_of, text_of


def waiting(selling: Shop) -> str:
    """Open Stripe's page, and return where it will lead once somebody has paid there."""
    there = selling.to_stripe("supporter", "7").location
    assert there
    return f"/billing/return?session_id={there.rsplit('/', 1)[-1]}"


def test_coming_back_is_not_believed(selling: Shop) -> None:
    answer = selling.browser.get(waiting(selling))

    assert answer.status_code == 200
    assert "Waiting for Stripe" in answer.text
    assert 'role="status"' in answer.text
    assert 'hx-trigger="every 1s"' in answer.text
    assert "Look again" in answer.text


def test_a_plan_is_told_once_stripe_says_so(selling: Shop) -> None:
    here = waiting(selling)
    selling.browser.get(here)
    session_id = query_of(here)["session_id"]
    page = f"{selling.stripe.url}/c/pay/{session_id}"
    requests.post(page, data={"card": GOOD}, allow_redirects=False, timeout=10)
    selling.stripe.advance(by=timedelta(seconds=EACH))

    answer = selling.browser.get(here, headers={"HX-Request": "true"})

    assert "You are a Supporter now" in answer.text
    assert "$7.00 a month, next on" in text_of(answer)
    assert ">20 Dec 2026</time>" in answer.text
    assert "every 1s" not in answer.text
    assert (
        selling.session.get_one(type(selling.workspace), selling.workspace.id).plan == "supporter"
    )


def test_stripe_is_asked_every_few_seconds_and_our_own_row_at_once(selling: Shop) -> None:
    here = waiting(selling)
    selling.browser.get(here)
    session_id = query_of(here)["session_id"]
    page = f"{selling.stripe.url}/c/pay/{session_id}"
    requests.post(page, data={"card": GOOD}, allow_redirects=False, timeout=10)

    with selling.stripe.down():
        not_asked = selling.browser.get(here)
    selling.sync()
    with selling.stripe.down():
        told = selling.browser.get(here)

    assert "This usually takes a few seconds." in not_asked.text
    assert "You are a Supporter now" in told.text


def test_after_two_minutes_the_page_says_honestly_what_may_be(selling: Shop) -> None:
    here = waiting(selling)
    since = int(selling.now.timestamp())
    selling.stripe.advance(by=timedelta(minutes=3))

    answer = selling.browser.get(f"{here}&since={since}")

    assert "Stripe has not confirmed the payment yet" in answer.text
    assert "do not pay a second time" in answer.text
    assert "every 1s" not in answer.text


@pytest.mark.parametrize("since", ["0", "x", "99999999999", "-1"])
def test_a_moment_that_makes_no_sense_begins_the_wait_anew(selling: Shop, since: str) -> None:
    answer = selling.browser.get(f"{waiting(selling)}&since={since}")

    assert "Waiting for Stripe" in answer.text


def test_while_stripe_is_away_the_wait_goes_on(selling: Shop) -> None:
    here = selling.buy("supporter", "7")

    with selling.stripe.down():
        answer = selling.browser.get(here)

    assert answer.status_code == 200
    assert "Stripe does not answer at the moment; we go on asking." in answer.text
    assert "every 1s" in answer.text
    assert "Stripe does not answer at the moment" in selling.browser.get(here).text
    selling.stripe.advance(by=timedelta(seconds=EACH))
    assert "You are a Supporter now" in selling.browser.get(here).text


def test_somebody_elses_payment_gives_nothing(app: Flask, selling: Shop, session: Session) -> None:
    here = selling.buy("team")
    stranger = make_account(session)
    make_workspace(session, stranger, plan=PlanName.FREE)
    browser = another(app)
    browser.sign_in(stranger)

    assert "Waiting for Stripe" in browser.get(here).text


def test_coming_back_without_a_payment_shows_the_bill(selling: Shop) -> None:
    assert selling.browser.get("/billing/return").location == "/billing"
