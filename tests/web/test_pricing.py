"""What plans cost, and the way to Stripe's page."""

from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.domain.plans import PlanName
from earlywatch.models.workspace import Role
from tests.builders import PASSWORD, make_account, make_member
from tests.client import Browser
from tests.statements import statements
from tests.web.conftest import MakeSite
from tests.web.people import account_of, another, confirm_link
from tests.web.shop import Shop, query_of, text_of
from tests.web.team import Team

PAGES = [
    *("/pricing", "/billing", "/billing/return?session_id=cs_1", "/billing/change"),
    *("/billing/pause", "/billing/extend", "/billing/resume", "/billing/cancel", "/billing/keep"),
    *("/billing/card", "/billing/invoices", "/billing/invoices/in_1", "/billing/history"),
    "/billing/mail/cancel/token",
]


@pytest.mark.parametrize("path", PAGES)
def test_where_nothing_is_sold_there_is_no_page_about_money(
    client: Browser, team: Team, path: str
) -> None:
    client.sign_in(team.owner)

    assert client.get(path).status_code == 404


def test_where_nothing_is_sold_no_link_leads_there(client: Browser, team: Team) -> None:
    assert "/pricing" not in client.get("/").text
    client.sign_in(team.owner)
    assert 'href="/billing"' not in client.get("/monitors").text


def test_without_limits_no_page_looks_for_frozen_monitors(
    client: Browser, session: Session, team: Team
) -> None:
    client.sign_in(team.owner)

    with statements(session) as ran:
        client.get("/account")

    assert not [each for each in ran if "monitor" in each]


def test_everybody_sees_every_price_as_a_total(app: Flask, selling: Shop) -> None:
    page = another(app).get("/pricing")

    for price in ("$0.00", "from $3.00", "$20.00", "$200.00", "$80.00", "$800.00"):
        assert f">{price}<" in page.text
    assert page.text.index("By the month") < page.text.index("By the year")
    assert "including any tax" in page.text


def test_nothing_is_chosen_in_advance(selling: Shop) -> None:
    page = selling.browser.get("/pricing")

    assert "checked" not in page.text
    assert "selected" not in page.text
    assert 'id="amount" ' in page.text
    assert 'name="amount" type="text" value=""' in page.text


def test_a_suggestion_fills_in_the_amount_without_script(selling: Shop) -> None:
    page = selling.browser.get("/pricing")
    assert 'href="/pricing?amount=$5#supporter"' in page.text

    assert 'value="$5"' in selling.browser.get("/pricing?amount=$5").text


def test_who_signs_up_from_the_prices_comes_back_to_them(
    app: Flask, selling: Shop, session: Session
) -> None:
    browser = another(app)
    page = browser.get("/pricing")
    assert 'href="/sign-up?next=/pricing"' in page.text

    browser.submit("/sign-up?next=/pricing", {"email": "new@example.org", "password": PASSWORD})
    answer = browser.submit(confirm_link(account_of(session, "new@example.org")))

    assert answer.location == "/pricing"


def test_signing_up_leads_to_no_other_site(app: Flask, selling: Shop, session: Session) -> None:
    browser = another(app)
    there = "/sign-up?next=https://evil.example"
    browser.submit(there, {"email": "new@example.org", "password": PASSWORD})

    answer = browser.submit(confirm_link(account_of(session, "new@example.org")))

    assert answer.location == "/monitors"


@pytest.mark.parametrize(
    ("typed", "cents"), [("3", 300), ("$7.50", 750), ("12,5", 1250), ("1000", 100_000)]
)
def test_a_supporter_pays_what_they_type(selling: Shop, typed: str, cents: int) -> None:
    answer = selling.to_stripe("supporter", typed)

    assert answer.status_code == 303
    [checkout] = selling.stripe.all("checkout.session")
    assert answer.location == checkout["url"]
    assert checkout["amount_total"] == cents
    assert checkout["client_reference_id"] == str(selling.workspace.id)


@pytest.mark.parametrize(("every", "cents"), [("month", 2_000), ("year", 20_000)])
def test_the_price_in_the_table_is_the_price_at_stripe(
    selling: Shop, every: str, cents: int
) -> None:
    selling.to_stripe("team", every=every)

    assert [each["amount_total"] for each in selling.stripe.all("checkout.session")] == [cents]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Write an amount in US dollars"),
        ("2.99", "The smallest amount is $3.00 a month"),
        ("0", "The smallest amount is $3.00 a month"),
        ("-5", "Write an amount in US dollars"),
        ("1e3", "Write an amount in US dollars"),
        ("7 EUR", "Write an amount in US dollars"),
        ("€7", "Write an amount in US dollars"),
        ("7.505", "Write an amount in US dollars"),
        ("100000", "That is more than $1,000.00 a month"),
        ("9" * 400, "Write an amount in US dollars"),
    ],
)
def test_an_amount_that_cannot_be_is_refused_beside_its_field(
    selling: Shop, typed: str, said: str
) -> None:
    answer = selling.to_stripe("supporter", typed)

    assert answer.status_code == 200
    assert said in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert f'value="{typed}"' in answer.text
    assert not selling.stripe.all("checkout.session")
    assert not selling.acts


@pytest.mark.parametrize(
    "asked",
    [
        {"plan": "gold"},
        {"plan": "free"},
        {"plan": "unlimited"},
        {"plan": ""},
        {"plan": "team", "every": "week"},
        {"plan": "supporter", "every": "year"},
        {"plan": "team", "action_id": "none of ours"},
    ],
)
def test_what_is_not_sold_is_refused_with_a_sentence(selling: Shop, asked: dict[str, str]) -> None:
    answer = selling.to_stripe(**{"amount": "7", **asked})

    assert answer.status_code == 400
    assert not selling.stripe.all("checkout.session")


def test_who_has_a_plan_is_led_to_changing_it(selling: Shop) -> None:
    selling.own("supporter", "7")

    answer = selling.browser.post(
        "/billing/subscribe",
        data={
            "csrf_token": selling.browser.token(selling.browser.get("/monitors")),
            "action_id": str(uuid4()),
            "plan": "supporter",
            "amount": "9.50",
        },
    )

    assert answer.location is not None
    assert answer.location.startswith("/billing/change?")
    assert query_of(answer.location) == {"plan": "supporter", "every": "month", "amount": "9.50"}
    page = selling.browser.get("/pricing")
    assert "You pay $7.00 now" in page.text
    assert 'href="/billing/change?plan=team&amp;every=month"' in page.text


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
def test_others_than_owners_and_admins_see_prices_without_buttons(
    selling: Shop, session: Session, role: Role
) -> None:
    mate = make_account(session)
    make_member(session, selling.workspace, mate, role)
    selling.browser.sign_in(mate)

    page = selling.browser.get("/pricing")

    assert "$20.00" in page.text
    assert "Subscribe" not in page.text
    token = selling.browser.token(selling.browser.get("/monitors"))
    data = {"csrf_token": token, "action_id": str(uuid4()), "plan": "team"}
    answer = selling.browser.post("/billing/subscribe", data=data)
    assert answer.status_code == 403
    assert "Only owners and admins" in answer.text


def test_forms_may_lead_to_stripe_only_where_plans_are_sold(make_site: MakeSite) -> None:
    site = make_site(stripe_secret_key="sk_test_earlywatch", redis_url=None)
    fake = make_site(
        stripe_secret_key="sk_test_earlywatch",
        stripe_api_base="http://127.0.0.1:4711",
        redis_url=None,
    )

    policies = [each.test_client().get("/sign-in").headers for each in (site, fake)]

    [real, other] = [headers["Content-Security-Policy"] for headers in policies]
    pages = "https://checkout.stripe.com https://billing.stripe.com https://invoice.stripe.com"
    assert f"form-action 'self' {pages};" in real
    assert f"form-action 'self' {pages} http://127.0.0.1:4711;" in other


def test_a_workspace_from_before_plans_goes_on_without_limits(
    selling: Shop, session: Session
) -> None:
    selling.workspace.plan = PlanName.UNLIMITED.value
    session.flush()

    page, prices = selling.browser.get("/billing"), selling.browser.get("/pricing")
    token = selling.browser.token(page)
    data = {"csrf_token": token, "action_id": str(uuid4()), "plan": "team"}
    answer = selling.browser.post("/billing/subscribe", data=data)

    assert "You have no limits, and pay nothing" in page.text
    assert "See the plans" not in page.text
    assert "there is nothing to buy" in text_of(prices)
    assert "Subscribe" not in prices.text
    assert "there is nothing to buy" in text_of(selling.browser.follow(answer))
    assert not selling.stripe.all("customer")
    assert not selling.acts
