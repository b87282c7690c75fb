"""The bill: what is paid, when, with which card, and who may see it."""

from datetime import timedelta
from uuid import uuid4

import pytest
import requests
from sqlalchemy.orm import Session

from earlywatch.domain.money import Money
from earlywatch.domain.plans import PlanName
from earlywatch.models import BillingAction
from earlywatch.models.billing import ActionKind
from earlywatch.models.workspace import Role
from earlywatch.services import history
from tests.billing_builders import CARD, make_invoice, make_paused, make_subscription
from tests.builders import NOW, make_account, make_member, make_monitor, make_workspace
from tests.client import Browser
from tests.web.shop import LATER_REFUSED, Shop, path_of, text_of

DAY = timedelta(days=1)


def mate_of(selling: Shop, role: Role) -> Browser:
    browser = selling.browser
    mate = make_account(selling.session)
    make_member(selling.session, selling.workspace, mate, role)
    browser.sign_in(mate)
    return browser


def test_free_shows_what_is_used_and_the_way_to_the_plans(selling: Shop) -> None:
    for number in range(3):
        make_monitor(selling.session, selling.workspace, f"job {number}")

    page = selling.browser.get("/billing")

    assert "You have Free, and pay nothing" in page.text
    assert "3 of 20" in page.text
    assert "1 of 3" in page.text
    assert 'href="/pricing"' in page.text
    assert "Pause" not in page.text


def test_a_paid_plan_shows_amount_date_and_card(selling: Shop) -> None:
    selling.own("team")

    page = selling.browser.get("/billing")

    said = text_of(page)
    assert "You pay $20.00 a month for Team" in said
    assert "Next payment: $20.00 on" in said
    assert ">20 Dec 2026</time>" in said
    assert "Visa ending in 4242" in said
    assert "expires" in said
    assert 'href="/billing/card"' in said
    places = [page.text.index(f">{act}</a>") for act in ("Pause", "Change", "Cancel")]
    assert places == sorted(places)


def test_a_discount_and_a_credit_show_in_the_next_amount(selling: Shop) -> None:
    make_subscription(selling.session, selling.workspace, next_amount=1_250, balance=-750)

    said = text_of(selling.browser.get("/billing"))

    assert "Next payment: $12.50 on" in said
    assert "$7.50 <small>taken off your next payments</small>" in said


@pytest.mark.parametrize(("month", "warned"), [(11, True), (12, False)])
def test_a_card_that_expires_before_the_next_payment_is_told(
    selling: Shop, month: int, warned: bool
) -> None:
    card = {**CARD, "month": month, "year": 2026}
    make_subscription(selling.session, selling.workspace, card=card)

    page = selling.browser.get("/billing")

    assert ("Your card expires before the next payment" in page.text) is warned


def test_a_missing_payment_is_told_in_facts(selling: Shop) -> None:
    selling.own("team", card=LATER_REFUSED)
    selling.stripe.advance(by=timedelta(days=30, hours=2))
    selling.sync()

    page = selling.browser.get("/billing")

    said = text_of(page)
    assert "$20.00 could not be taken" in said
    assert "Team stays on until" in said
    assert "3 Jan 2027" in said
    assert "nothing is deleted" in said
    assert ">Pay now</a>" in said
    assert ">Change card</a>" in said
    assert ">Cancel</a>" in said


def test_after_the_grace_the_page_says_that_the_limits_of_free_apply(selling: Shop) -> None:
    long_ago = NOW - 20 * DAY
    make_subscription(
        selling.session, selling.workspace, status="past_due", past_due_since=long_ago
    )

    assert "Now the limits of Free apply" in text_of(selling.browser.get("/billing"))


def test_a_pause_shows_its_end_its_credit_and_what_resuming_takes(selling: Shop) -> None:
    make_paused(selling.session, selling.workspace, until=NOW + 92 * DAY, credit=650)

    said = text_of(selling.browser.get("/billing"))

    assert "Team is paused until 20 Feb 2027" in said
    assert "Nothing is charged while it is paused" in said
    assert "<b>$6.50</b>" in said
    assert "<b>$13.50</b> on" in said
    for act in ("Resume", "Extend", "Cancel"):
        assert f">{act}</a>" in said


def test_a_pause_without_an_end_never_resumes_by_itself(selling: Shop) -> None:
    make_paused(selling.session, selling.workspace, until=None)

    said = text_of(selling.browser.get("/billing"))

    assert "It never resumes by itself" in said
    assert ">Set an end</a>" in said


def test_a_cancelled_plan_shows_its_end_and_the_way_back(selling: Shop) -> None:
    make_subscription(selling.session, selling.workspace, ends_at=NOW + 30 * DAY)

    said = text_of(selling.browser.get("/billing"))

    assert "Team ends on 20 Dec 2026" in said
    assert 'href="/billing/keep">Undo' in said


def test_a_gift_says_that_it_never_becomes_a_charge(selling: Shop) -> None:
    selling.workspace.plan = selling.workspace.gift_plan = PlanName.BUSINESS.value
    selling.workspace.gift_until = NOW + 30 * DAY

    said = text_of(selling.browser.get("/billing"))

    assert "You have Business, and pay nothing" in said
    assert "it never turns into a charge" in said


def test_a_payment_that_waits_for_the_bank_can_be_confirmed(selling: Shop) -> None:
    there = "https://invoice.stripe.com/i/waiting"
    make_subscription(selling.session, selling.workspace, payment_url=there)

    page = selling.browser.get("/billing").text
    assert f'<a href="{there}">Pay on Stripe\N{RIGHT SINGLE QUOTATION MARK}s page</a>' in page


def test_an_act_that_stripe_has_not_answered_is_told(selling: Shop) -> None:
    act = {"id": uuid4(), "workspace_id": selling.workspace.id, "actor": "olive@example.org"}
    kind = ActionKind.CANCEL_NOW.value
    at = {"created_at": NOW, "next_attempt_at": NOW + DAY}
    selling.session.add(BillingAction(kind=kind, details={}, **act, **at))

    page = selling.browser.get("/billing")

    assert "The cancellation and its refund: Stripe has not answered." in page.text


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_everybody_in_the_workspace_may_look_and_no_more(selling: Shop, role: Role) -> None:
    make_subscription(selling.session, selling.workspace)
    browser = mate_of(selling, role)

    for path in ("/billing", "/billing/history", "/billing/invoices"):
        page = browser.get(path)
        assert page.status_code == 200
        assert "/billing/cancel" not in page.text
    assert "Owners and admins" in browser.get("/billing").text


def test_an_invoice_leads_to_a_fresh_copy_at_stripe(selling: Shop) -> None:
    selling.own("team")
    [invoice] = selling.stripe.all("invoice")
    page = selling.browser.get("/billing/invoices")
    assert invoice["number"] in page.text
    assert "$20.00" in page.text

    hosted = selling.browser.get(f"/billing/invoices/{invoice['id']}")
    pdf = selling.browser.get(f"/billing/invoices/{invoice['id']}?pdf")

    assert hosted.location == invoice["hosted_invoice_url"]
    assert pdf.location == invoice["invoice_pdf"]


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_only_who_may_pay_gets_to_the_pages_that_take_payments(selling: Shop, role: Role) -> None:
    there = "https://invoice.stripe.com/i/waiting"
    make_subscription(selling.session, selling.workspace, payment_url=there)
    invoice = make_invoice(selling.session, selling.workspace)
    browser = mate_of(selling, role)

    pages = [browser.get(path).text for path in ("/billing", "/billing/invoices")]
    answers = [browser.get(f"/billing/invoices/{invoice.id}{more}") for more in ("", "?pdf")]

    assert all(str(invoice.number) in page for page in pages)
    assert not any(invoice.id in page or there in page for page in pages)
    assert [answer.status_code for answer in answers] == [403, 403]


def test_a_strangers_invoice_is_nothing(selling: Shop, session: Session) -> None:
    other = make_invoice(session, make_workspace(session))

    assert selling.browser.get(f"/billing/invoices/{other.id}").status_code == 404
    assert selling.browser.get("/billing/invoices/none").status_code == 404


def test_the_card_is_changed_at_stripe(selling: Shop) -> None:
    selling.own("team")

    there = selling.browser.get("/billing/card").location

    assert there
    changed = requests.post(there, data={"card": "5555555555554444"}, allow_redirects=False)
    assert path_of(changed.headers["Location"]) == "/billing"
    selling.sync()
    assert "Mastercard ending in 4444" in selling.browser.get("/billing").text


def test_without_a_subscription_there_is_no_card(selling: Shop) -> None:
    assert selling.browser.get("/billing/card").status_code == 404


def test_while_stripe_is_away_documents_and_card_say_so(selling: Shop) -> None:
    selling.own("team")
    [invoice] = selling.stripe.all("invoice")

    with selling.stripe.down():
        pages = [
            selling.browser.get(path)
            for path in ("/billing/card", f"/billing/invoices/{invoice['id']}")
        ]

    assert [page.status_code for page in pages] == [503, 503]
    assert all("Stripe cannot be reached" in page.text for page in pages)


def test_the_history_says_what_who_and_how_much(selling: Shop) -> None:
    at = (selling.session, selling.workspace.id)
    history.add(*at, "paid", "in_1", "Stripe", "Invoice 1: $7.00 charged.", NOW, Money(700))
    history.add(*at, "back", "re_1", "olive@example.org", "Given back.", NOW, Money(-250))

    page = selling.browser.get("/billing/history")

    assert page.text.index("Given back.") < page.text.index("Invoice 1: $7.00 charged.")
    assert ">-$2.50</td>" in page.text
    assert ">olive@example.org</td>" in page.text


def test_a_long_history_has_pages(selling: Shop) -> None:
    for number in range(history.PER_PAGE + 1):
        told = ("plan", str(number), "Stripe", f"Event {number}.", NOW)
        history.add(selling.session, selling.workspace.id, *told)

    first = selling.browser.get("/billing/history")
    older = first.text.split('rel="next" href="')[1].split('"')[0]

    assert "Event 0." not in first.text
    assert "Event 0." in selling.browser.get(older).text
