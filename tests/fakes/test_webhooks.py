"""Webhooks: signed as the SDK checks it, and delivered as badly as a test wants."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from stripe import SignatureVerificationError, Webhook

from tests.fakes.conftest import connect
from tests.fakes.receiver import Receiver, receiver
from tests.fakes.shop import NOW, Shop
from tests.fakes.stripe import WEBHOOK_SECRET, FakeStripe
from tests.waiting import wait_until


@pytest.fixture
def endpoint() -> Iterator[Receiver]:
    """An endpoint that checks signatures."""
    with receiver() as place:
        yield place


@pytest.fixture
def told(endpoint: Receiver) -> Iterator[FakeStripe]:
    """A Stripe that delivers only when told."""
    with FakeStripe(NOW, endpoint.url, deliver_by_itself=False) as stripe:
        yield stripe


def make_customer(stripe: FakeStripe, email: str = "ada@example.org") -> None:
    """Cause one event."""
    connect(stripe).v1.customers.create({"email": email})


def test_events_arrive_by_themselves_in_order(endpoint: Receiver) -> None:
    with FakeStripe(NOW, endpoint.url) as stripe:
        shop = Shop(stripe, connect(stripe))
        shop.stock()
        shop.subscribe()

        wait_until(lambda: not stripe.undelivered, 10, "the webhooks")

        assert endpoint.types == shop.events()
        assert endpoint.types[-1] == "checkout.session.completed"


def test_an_event_carries_its_object_and_what_was_before(
    endpoint: Receiver, told: FakeStripe
) -> None:
    client = connect(told)
    customer = client.v1.customers.create({"email": "ada@example.org"})
    client.v1.customers.update(customer.id, {"email": "grace@example.org"})

    assert told.deliver() == [200, 200]

    created, updated = endpoint.events
    assert created.data.object.email == "ada@example.org"
    assert updated.data.previous_attributes.email == "ada@example.org"
    assert updated.api_version == "2026-10-28.endive"
    assert client.v1.events.retrieve(updated.id).type == "customer.updated"


def test_an_old_signature_is_refused_by_the_sdk() -> None:
    kept: list[tuple[bytes, str]] = []

    def keep(_url: str, body: bytes, headers: dict[str, str]) -> int:
        kept.append((body, headers["Stripe-Signature"]))
        return 200

    with FakeStripe(
        NOW, "http://nowhere.test/", signed_at=lambda: 1000.0, send=keep, deliver_by_itself=False
    ) as stripe:
        make_customer(stripe)
        stripe.deliver()

    [(body, header)] = kept
    assert header.startswith("t=1000,v1=")
    with pytest.raises(SignatureVerificationError, match="tolerance"):
        Webhook.construct_event(body, header, WEBHOOK_SECRET)


def test_events_can_come_twice(endpoint: Receiver, told: FakeStripe) -> None:
    told.faults.duplicate = True
    make_customer(told)

    told.deliver()

    first, second = endpoint.events
    assert first.id == second.id


def test_events_can_come_in_the_wrong_order(endpoint: Receiver, told: FakeStripe) -> None:
    told.faults.reorder = True
    make_customer(told, "first@example.org")
    make_customer(told, "second@example.org")

    told.deliver()

    emails = [event.data.object.email for event in endpoint.events]
    assert emails == ["second@example.org", "first@example.org"]


def test_events_can_be_late(endpoint: Receiver) -> None:
    with FakeStripe(NOW, endpoint.url) as stripe:
        stripe.faults.delay = True
        make_customer(stripe, "late@example.org")
        stripe.faults.delay = False
        make_customer(stripe, "soon@example.org")

        wait_until(lambda: len(stripe.undelivered) == 1, 10, "the event that is not held")
        stripe.deliver()

    emails = [event.data.object.email for event in endpoint.events]
    assert emails == ["soon@example.org", "late@example.org"]


def test_events_can_be_lost(endpoint: Receiver, told: FakeStripe) -> None:
    told.faults.lose = True
    make_customer(told)

    assert told.deliver() == []

    assert (endpoint.events, told.undelivered) == ([], [])
    assert [event["type"] for event in told.courier.lost] == ["customer.created"]
    assert [event.type for event in connect(told).v1.events.list().data] == ["customer.created"]


def test_a_refused_event_is_tried_again(endpoint: Receiver) -> None:
    endpoint.statuses = [503]
    with FakeStripe(NOW, endpoint.url) as stripe:
        make_customer(stripe)

        wait_until(lambda: len(endpoint.events) == 2, 10, "the second attempt")
        wait_until(lambda: not stripe.undelivered, 10, "its answer")

    first, second = endpoint.events
    assert first.id == second.id


def test_an_endpoint_that_is_away_loses_nothing(told: FakeStripe) -> None:
    told.courier.send = lambda _url, _body, _headers: 0
    make_customer(told)

    assert told.deliver() == [0]

    assert [event["type"] for event in told.undelivered] == ["customer.created"]


def test_endpoints_hear_only_of_what_they_asked_for(endpoint: Receiver) -> None:
    with FakeStripe(NOW, deliver_by_itself=False) as stripe:
        client = connect(stripe)
        made = client.v1.webhook_endpoints.create(
            {"url": endpoint.url, "enabled_events": ["customer.deleted"]}
        )
        assert str(made.secret).startswith("whsec_")
        assert "secret" not in client.v1.webhook_endpoints.retrieve(made.id)
        stripe.state.secrets[made.id] = WEBHOOK_SECRET
        customer = client.v1.customers.create({})
        client.v1.customers.delete(customer.id)

        stripe.deliver()

        assert endpoint.types == ["customer.deleted"]
        client.v1.webhook_endpoints.update(made.id, {"disabled": True})
        make_customer(stripe)
        assert stripe.undelivered == []
        client.v1.webhook_endpoints.delete(made.id)
        assert client.v1.webhook_endpoints.list().data == []


def test_any_event_can_be_made_up(endpoint: Receiver, told: FakeStripe) -> None:
    told.emit("customer.subscription.trial_will_end", {"id": "sub_other", "object": "subscription"})

    told.deliver()

    assert endpoint.types == ["customer.subscription.trial_will_end"]


def test_a_renewed_card_is_announced(shop: Shop) -> None:
    subscription = shop.subscribe()

    shop.stripe.replace_card(str(subscription.default_payment_method), "1111")

    assert shop.events("payment_method.automatically_updated")
    card = shop.client.v1.payment_methods.retrieve(str(subscription.default_payment_method)).card
    assert card
    assert card.last4 == "1111"


def test_events_can_be_listed_by_type_and_page(shop: Shop) -> None:
    shop.subscribe()
    shop.stripe.advance(by=timedelta(days=400))

    paid = shop.client.v1.events.list({"type": "invoice.paid", "limit": 3})
    everything = list(shop.client.v1.events.list({"limit": 100}).auto_paging_iter())

    assert len(list(paid.auto_paging_iter())) == 14
    assert len({event.id for event in everything}) == len(shop.events())
