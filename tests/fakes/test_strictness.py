"""What Stripe would refuse is refused here, in its words."""

import http.client
from typing import Any

import pytest
from stripe import (
    AuthenticationError,
    IdempotencyError,
    InvalidRequestError,
    StripeClient,
    StripeError,
    Subscription,
)

from tests.fakes.conftest import connect
from tests.fakes.shop import Shop
from tests.fakes.stripe import FakeStripe


def refusal(call: Any, *args: Any) -> StripeError:
    """Return the error that a call raises."""
    with pytest.raises(StripeError) as caught:
        call(*args)
    return caught.value


@pytest.mark.parametrize(
    ("params", "param", "words"),
    [
        ({"nme": "Ada"}, "nme", "Received unknown parameter: nme"),
        (
            {"invoice_settings": {"card": "pm_1"}},
            "invoice_settings[card]",
            "Received unknown parameter: invoice_settings[card]",
        ),
        ({"balance": "much"}, "balance", "Invalid integer: much"),
        ({"tax_exempt": "perhaps"}, "tax_exempt", "Invalid tax_exempt: must be one of"),
        ({"email": ""}, "email", "You passed an empty string for 'email'"),
        ({"metadata": {"a": "b"}, "address": "here"}, "address", "Invalid value for address"),
        ({"email": {"at": "home"}}, "email", "is not an object"),
    ],
)
def test_a_bad_parameter_is_named(
    client: StripeClient, params: Any, param: str, words: str
) -> None:
    error = refusal(client.v1.customers.create, params)

    assert (error.http_status, getattr(error, "param", None)) == (400, param)
    assert words in str(error)


def test_a_missing_parameter_is_named(client: StripeClient) -> None:
    error: Any = refusal(client.v1.products.create, {})

    assert (error.code, error.param) == ("parameter_missing", "name")


def test_parameters_deep_inside_are_checked_too(shop: Shop) -> None:
    data = {"currency": "usd", "product": "earlywatch_team", "recurring": {"every": "month"}}
    error: Any = refusal(lambda: shop.checkout(line_items=[{"price_data": data}]))

    assert error.param == "line_items[0][price_data][recurring][every]"


def test_nothing_was_done_when_parameters_are_wrong(client: StripeClient) -> None:
    refusal(client.v1.customers.create, {"email": "ada@example.org", "nme": "Ada"})

    assert client.v1.customers.list().data == []


@pytest.mark.parametrize(
    "call",
    [
        lambda v1: v1.customers.retrieve("cus_none"),
        lambda v1: v1.subscriptions.update("sub_none", {"metadata": {"a": "b"}}),
        lambda v1: v1.invoices.pay("in_none"),
        lambda v1: v1.refunds.create({"charge": "ch_none"}),
    ],
)
def test_an_unknown_object_is_missing(client: StripeClient, call: Any) -> None:
    error = refusal(call, client.v1)

    assert (error.http_status, error.code) == (404, "resource_missing")


def test_an_unknown_call_is_unrecognized(client: StripeClient) -> None:
    error = refusal(client.v1.balance.retrieve)

    assert error.http_status == 404
    assert "Unrecognized request URL (GET: /v1/balance)" in str(error)


def test_only_test_keys_are_taken(stripe: FakeStripe) -> None:
    wrong = StripeClient("sk_wrong", base_addresses={"api": stripe.url})

    with pytest.raises(AuthenticationError, match="Invalid API Key provided"):
        wrong.v1.customers.list()


def test_a_call_without_key_or_with_another_version_is_refused(stripe: FakeStripe) -> None:
    def status(**headers: str) -> int:
        connection = http.client.HTTPConnection(stripe.url.removeprefix("http://"), timeout=10)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", "/v1/customers", headers=named)
        with connection.getresponse() as response:
            found = response.status
        connection.close()
        return found

    key = "Bearer sk_test_earlywatch"
    assert status() == 401
    assert status(Authorization=key) == 200
    assert status(Authorization=key, Stripe_Version="2026-10-28.endive") == 200
    assert status(Authorization=key, Stripe_Version="2019-01-01") == 400


def test_the_same_key_gives_the_same_answer(client: StripeClient) -> None:
    create = client.v1.customers.create

    first = create({"email": "ada@example.org"}, {"idempotency_key": "k1"})
    second = create({"email": "ada@example.org"}, {"idempotency_key": "k1"})

    assert first.id == second.id
    assert len(client.v1.customers.list().data) == 1
    answer: Any = second.last_response
    assert answer.headers["Idempotent-Replayed"] == "true"


def test_the_same_key_with_other_parameters_is_refused(client: StripeClient) -> None:
    create = client.v1.customers.create
    create({"email": "ada@example.org"}, {"idempotency_key": "k1"})

    with pytest.raises(IdempotencyError, match="same parameters"):
        create({"email": "grace@example.org"}, {"idempotency_key": "k1"})


def test_a_refused_request_does_not_use_up_its_key(client: StripeClient) -> None:
    create = client.v1.customers.create
    refusal(create, {"email": ""}, {"idempotency_key": "k1"})

    assert create({"email": "ada@example.org"}, {"idempotency_key": "k1"}).id


def test_a_declined_payment_is_kept_under_its_key(shop: Shop) -> None:
    customer = shop.client.v1.customers.create({})
    calls = shop.client.v1
    calls.invoice_items.create({"customer": customer.id, "amount": 900, "currency": "usd"})
    draft = calls.invoices.create(
        {"customer": customer.id, "pending_invoice_items_behavior": "include"}
    )
    first = refusal(calls.invoices.pay, str(draft.id), {}, {"idempotency_key": "k1"})
    calls.customers.update(
        customer.id, {"invoice_settings": {"default_payment_method": "pm_card_visa"}}
    )

    second = refusal(calls.invoices.pay, str(draft.id), {}, {"idempotency_key": "k1"})

    assert (first.http_status, second.http_status) == (402, 402)
    assert calls.invoices.pay(str(draft.id)).status == "paid"


def test_lists_have_pages_and_filters(client: StripeClient) -> None:
    for number in range(25):
        client.v1.customers.create({"email": f"{number}@example.org"})

    page = client.v1.customers.list()
    emails = [one.email for one in client.v1.customers.list({"limit": 7}).auto_paging_iter()]

    assert (len(page.data), page.has_more) == (10, True)
    assert emails == [f"{number}@example.org" for number in reversed(range(25))]
    assert len(client.v1.customers.list({"email": "3@example.org"}).data) == 1
    assert client.v1.customers.list({"created": {"gt": 4_000_000_000}}).data == []
    back = client.v1.customers.list({"ending_before": page.data[5].id, "limit": 2})
    assert [one.email for one in back.data] == [one.email for one in page.data[3:5]]
    with pytest.raises(InvalidRequestError, match="between 1 and 100"):
        client.v1.customers.list({"limit": 101})


def test_what_cannot_be_expanded_is_refused(shop: Shop) -> None:
    subscription = shop.subscribe()

    with pytest.raises(InvalidRequestError, match="cannot be expanded"):
        shop.client.v1.subscriptions.retrieve(subscription.id, {"expand": ["status"]})


def test_lists_expand_each_of_their_objects(shop: Shop) -> None:
    shop.subscribe()

    [found] = shop.client.v1.subscriptions.list({"expand": ["data.customer"]}).data

    assert isinstance(found, Subscription)
    assert found.customer.object == "customer"  # type: ignore[union-attr]


def test_lookup_keys_move_only_when_told(shop: Shop) -> None:
    prices = shop.client.v1.prices
    again: Any = {
        "product": "earlywatch_team",
        "currency": "usd",
        "unit_amount": 2500,
        "recurring": {"interval": "month"},
        "lookup_key": "earlywatch_team_month",
    }
    with pytest.raises(InvalidRequestError, match="already uses that lookup key"):
        prices.create(again)

    again["transfer_lookup_key"] = True
    newer = prices.create(again)

    [found] = prices.list({"lookup_keys": ["earlywatch_team_month"], "active": True}).data
    assert found.id == newer.id
    assert prices.retrieve(shop.prices["team_month"]).lookup_key is None


def test_metadata_is_merged_and_cleared(client: StripeClient) -> None:
    customer = client.v1.customers.create({"metadata": {"a": "1", "b": "2"}})
    update = client.v1.customers.update

    assert update(customer.id, {"metadata": {"a": "", "c": "3"}}).to_dict()["metadata"] == {
        "b": "2",
        "c": "3",
    }
    assert update(customer.id, {"metadata": ""}).to_dict()["metadata"] == {}


def test_the_sdk_tries_again_after_a_lost_answer(stripe: FakeStripe) -> None:
    stripe.fail_after_effect(1, drop=True)

    made = connect(stripe, retries=1).v1.customers.create({"email": "ada@example.org"})

    assert [one["id"] for one in stripe.all("customer")] == [made.id]
