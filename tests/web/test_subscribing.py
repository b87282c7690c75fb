"""The way to Stripe's page: one for each choice, and none that is closed."""

import requests
from sqlalchemy.orm import Session

from tests.web.shop import GOOD, Shop, carried


def test_pressing_subscribe_twice_opens_one_page(selling: Shop) -> None:
    page = selling.browser.get("/pricing")
    data = {**carried(page), "plan": "supporter", "every": "month", "amount": "7"}

    answers = [selling.browser.post("/billing/subscribe", data=data) for _ in range(2)]

    assert answers[0].location == answers[1].location
    assert len(selling.stripe.all("checkout.session")) == 1


def test_another_amount_in_the_same_form_is_another_choice(selling: Shop) -> None:
    """The browser's Back shows the form as it was, with what made the first press one act."""
    page = selling.browser.get("/pricing")
    form = {**carried(page), "plan": "supporter", "every": "month"}

    for amount in ("7", "10"):
        there = selling.browser.post("/billing/subscribe", data={**form, "amount": amount}).location

    assert there
    requests.post(there, data={"card": GOOD, "do": "pay"}, allow_redirects=False, timeout=10)
    selling.sync()
    assert selling.row.amount == 1_000


def test_a_choice_whose_page_was_closed_gets_a_new_one(selling: Shop) -> None:
    page = selling.browser.get("/pricing")
    form = {**carried(page), "plan": "supporter", "every": "month"}

    answers = [
        selling.browser.post("/billing/subscribe", data={**form, "amount": amount})
        for amount in ("7", "10", "7", "7")
    ]

    assert answers[2].location == answers[3].location != answers[0].location
    states = [each["status"] for each in selling.stripe.all("checkout.session")]
    assert sorted(states) == ["expired", "expired", "open"]


def test_a_choice_that_was_paid_leads_to_the_page_that_waits_for_it(selling: Shop) -> None:
    page = selling.browser.get("/pricing")
    data = {**carried(page), "plan": "supporter", "every": "month", "amount": "7"}
    there = selling.browser.post("/billing/subscribe", data=data).location
    assert there
    requests.post(there, data={"card": GOOD, "do": "pay"}, allow_redirects=False, timeout=10)

    again = selling.browser.post("/billing/subscribe", data=data)

    assert again.location is not None
    assert "/billing/return?session_id=" in again.location
    assert len(selling.stripe.all("checkout.session")) == 1


def test_a_second_page_closes_the_first(selling: Shop) -> None:
    selling.to_stripe("team")
    selling.to_stripe("business")

    states = {
        each["amount_total"]: each["status"] for each in selling.stripe.all("checkout.session")
    }
    assert states == {2_000: "expired", 8_000: "open"}


def test_an_address_must_be_confirmed_first(selling: Shop, session: Session) -> None:
    page = selling.browser.get("/pricing")
    selling.owner.email_confirmed_at = None
    session.flush()

    data = {**carried(page), "plan": "team"}
    answer = selling.browser.post("/billing/subscribe", data=data)

    assert answer.location is not None
    assert answer.location.startswith("/sign-in")
    assert not selling.stripe.all("customer")


def test_cards_cannot_be_tested_with_many_pages(selling: Shop) -> None:
    codes = [selling.to_stripe("supporter", "3").status_code for _ in range(11)]

    assert codes == [303] * 10 + [429]


def test_while_stripe_is_away_nothing_is_lost(selling: Shop) -> None:
    with selling.stripe.down():
        answer = selling.to_stripe("supporter", "7")

    assert answer.status_code == 503
    assert "Stripe cannot be reached" in answer.text
    again = selling.browser.post("/billing/subscribe", data=carried(answer))
    assert again.status_code == 303
    assert [each["amount_total"] for each in selling.stripe.all("checkout.session")] == [700]
