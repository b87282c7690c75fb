"""Stripe being ill, and pages and processes."""

import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import html5lib
import pytest
from stripe import APIConnectionError, APIError, StripeClient

from tests.fakes.conftest import connect
from tests.fakes.shop import Shop
from tests.fakes.stripe import FakeStripe, Rules
from tests.fakes.visitor import look, pay
from tests.html import check_page
from tests.waiting import free_port, wait_until

ROOT = Path(__file__).parent.parent.parent


def test_while_down_every_call_is_refused(stripe: FakeStripe, client: StripeClient) -> None:
    with stripe.down(), pytest.raises(APIConnectionError):
        client.v1.customers.create({})
    with stripe.down(answering=True), pytest.raises(APIError, match="unavailable"):
        client.v1.customers.create({})

    client.v1.customers.create({})

    assert len(stripe.all("customer")) == 1


def test_a_slow_stripe_answers_in_the_end(stripe: FakeStripe, client: StripeClient) -> None:
    stripe.hang(0.3)
    began = time.monotonic()

    client.v1.customers.list()

    assert time.monotonic() - began >= 0.3
    stripe.up()


def test_an_answer_can_be_lost_after_the_work_is_done(
    stripe: FakeStripe, client: StripeClient
) -> None:
    stripe.fail_after_effect(1, drop=True)
    with pytest.raises(APIConnectionError):
        client.v1.customers.create({}, {"idempotency_key": "k1"})

    again = client.v1.customers.create({}, {"idempotency_key": "k1"})

    assert [one["id"] for one in stripe.all("customer")] == [again.id]


def test_a_500_after_the_work_is_kept_under_its_key(
    stripe: FakeStripe, client: StripeClient
) -> None:
    stripe.fail_after_effect(1)
    with pytest.raises(APIError):
        client.v1.customers.create({}, {"idempotency_key": "k1"})

    with pytest.raises(APIError):
        client.v1.customers.create({}, {"idempotency_key": "k1"})

    assert len(stripe.all("customer")) == 1
    assert client.v1.customers.list().data  # reading is not touched


def test_pages_work_while_the_api_is_down(shop: Shop) -> None:
    session = shop.checkout()

    with shop.stripe.down():
        assert pay(session.url).status == 303


def test_every_page_is_valid_and_labelled(shop: Shop) -> None:
    session = shop.checkout(allow_promotion_codes=True)
    subscription = shop.subscribe()
    portal = shop.client.v1.billing_portal.sessions.create(
        {"customer": str(subscription.customer), "return_url": "http://shop.test/"}
    )
    invoice = shop.invoice_of(subscription)
    receipt = shop.client.v1.charges.list().data[0].receipt_url

    for url in (session.url, portal.url, invoice.hosted_invoice_url, receipt):
        check_page(look(str(url)).text)
    assert "Visa ending in 4242" in look(portal.url).text
    assert look(shop.stripe.url + "/style.css").status == 200
    assert look(shop.stripe.url + "/nothing").status == 404


def test_what_is_shown_cannot_break_out_of_the_page(shop: Shop) -> None:
    shop.client.v1.products.update("earlywatch_team", {"name": "<script>alert(1)</script>"})

    page = look(shop.checkout(cancel_url='http://x.test/?"><b>').url)

    root = html5lib.parse(page.text, namespaceHTMLElements=False)
    assert list(root.iter("script")) == list(root.iter("b")) == []


def test_on_the_real_clock_due_things_happen_by_themselves() -> None:
    with FakeStripe(rules=Rules(hours_as_draft=0)) as stripe:
        client = connect(stripe)
        customer = client.v1.customers.create(
            {"invoice_settings": {"default_payment_method": "pm_card_visa"}}
        )
        client.v1.invoice_items.create({"customer": customer.id, "amount": 900, "currency": "usd"})
        client.v1.invoices.create(
            {
                "customer": customer.id,
                "auto_advance": True,
                "pending_invoice_items_behavior": "include",
            }
        )

        wait_until(lambda: len(stripe.ledger()) == 1, 10, "the charge")

        with pytest.raises(ValueError, match="real time"):
            stripe.advance(by=timedelta(days=1))


def test_it_runs_as_a_process_on_the_real_clock() -> None:
    port = free_port()
    command = [sys.executable, "-m", "tests.fakes.stripe", "--port", str(port)]
    client = StripeClient("sk_test_earlywatch", base_addresses={"api": f"http://127.0.0.1:{port}"})

    def answers() -> bool:
        try:
            return client.v1.customers.list().data == []
        except APIConnectionError:
            return False

    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            wait_until(answers, 20, "the process")
            made = client.v1.customers.create({})
            assert abs(made.created - time.time()) < 5
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
