"""Setting up a Stripe account: what is missing is made, what is there is left."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from stripe import StripeClient

from earlywatch.clients import stripe_setup
from earlywatch.clients.stripe import Stripe
from earlywatch.clients.stripe_events import HANDLED
from earlywatch.clients.stripe_setup import find_portal, set_up
from earlywatch.clients.stripe_shapes import StripeAway, StripeRefused
from earlywatch.domain.money import Money
from earlywatch.domain.plans import FOR_SALE, Every, PlanName
from tests.fakes.stripe import FakeStripe

KEY = "sk_test_earlywatch"
URL = "https://watch.example.org/webhooks/stripe"


@pytest.fixture
def fake() -> Iterator[FakeStripe]:
    """An account that nobody has used."""
    with FakeStripe() as fake:
        yield fake


@pytest.fixture
def door(fake: FakeStripe) -> Stripe:
    """Our way to it."""
    return Stripe(KEY, fake.url, tax=False, promotions=False)


@pytest.fixture
def dashboard(fake: FakeStripe) -> StripeClient:
    """What the account's owner can do besides."""
    return StripeClient(KEY, base_addresses={"api": fake.url})


def lookup_keys(fake: FakeStripe) -> dict[str, tuple[int, str]]:
    """The prices that have a lookup key: cents and tax behaviour."""
    prices = fake.all("price")
    return {
        p["lookup_key"]: (p["unit_amount"], p["tax_behavior"]) for p in prices if p["lookup_key"]
    }


def test_an_empty_account_gets_everything(fake: FakeStripe, door: Stripe) -> None:
    done = set_up(door, URL)

    assert {product["id"] for product in fake.all("product")} == {
        "earlywatch_supporter",
        "earlywatch_team",
        "earlywatch_business",
    }
    assert lookup_keys(fake) == {
        "earlywatch_team_month": (2_000, "inclusive"),
        "earlywatch_team_year": (20_000, "inclusive"),
        "earlywatch_business_month": (8_000, "inclusive"),
        "earlywatch_business_year": (80_000, "inclusive"),
    }
    [endpoint] = fake.all("webhook_endpoint")
    assert endpoint["url"] == URL
    assert endpoint["enabled_events"] == sorted(HANDLED)
    portal = find_portal(door)
    assert portal.features.payment_method_update.enabled
    assert portal.features.invoice_history.enabled
    assert not portal.features.subscription_cancel.enabled
    assert len(done.changes) == 9
    assert done.secret
    assert done.secret.startswith("whsec_")


def test_a_second_run_changes_nothing(fake: FakeStripe, door: Stripe) -> None:
    set_up(door, URL)
    kinds = ("product", "price", "webhook_endpoint", "billing_portal.configuration")
    before = [fake.all(kind) for kind in kinds]

    again = set_up(door, URL)

    assert (again.changes, again.secret) == ((), None)
    assert [fake.all(kind) for kind in kinds] == before


def test_a_new_list_price_takes_over_the_lookup_key(
    fake: FakeStripe, door: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(door, URL)
    [old] = [p for p in fake.all("price") if p["lookup_key"] == "earlywatch_team_month"]
    dearer = {Every.MONTH: Money(2_500), Every.YEAR: Money(20_000)}
    catalogue = [
        replace(plan, prices=dearer) if plan.name is PlanName.TEAM else plan for plan in FOR_SALE
    ]
    monkeypatch.setattr(stripe_setup, "FOR_SALE", catalogue)

    done = set_up(door, URL)

    assert done.changes == ("Price earlywatch_team_month: moved to a new price, $25.00 a month.",)
    assert lookup_keys(fake)["earlywatch_team_month"] == (2_500, "inclusive")
    assert fake.get(old["id"])["unit_amount"] == 2_000
    assert fake.get(old["id"])["active"]
    assert set_up(door, URL).changes == ()


def test_what_somebody_changed_by_hand_is_set_right(
    fake: FakeStripe, door: Stripe, dashboard: StripeClient
) -> None:
    set_up(door, URL)
    v1 = dashboard.v1
    v1.products.update("earlywatch_team", {"name": "Old name", "active": False})
    [endpoint] = fake.all("webhook_endpoint")
    v1.webhook_endpoints.update(endpoint["id"], {"enabled_events": ["*"], "disabled": True})
    v1.billing_portal.configurations.update(
        find_portal(door).id, {"features": {"invoice_history": {"enabled": False}}}
    )

    done = set_up(door, URL)

    assert [change.partition(":")[0] for change in done.changes] == [
        "Product earlywatch_team",
        "Portal",
        f"Webhook {URL.partition(':')[0]}",
    ]
    assert fake.get("earlywatch_team")["name"] == "Earlywatch Team"
    assert fake.get(endpoint["id"])["status"] == "enabled"
    assert set_up(door, URL).changes == ()


def test_what_others_keep_in_the_account_is_left_alone(
    fake: FakeStripe, door: Stripe, dashboard: StripeClient
) -> None:
    v1 = dashboard.v1
    v1.products.create({"id": "socks", "name": "Socks"})
    other = v1.webhook_endpoints.create(
        {"url": "https://socks.example.org/", "enabled_events": ["*"]}
    )
    theirs = v1.billing_portal.configurations.create(
        {"features": {"subscription_cancel": {"enabled": True}}}
    )

    set_up(door, URL)

    assert fake.get("socks")["name"] == "Socks"
    assert fake.get(other.id)["enabled_events"] == ["*"]
    assert fake.get(theirs.id)["features"]["subscription_cancel"]["enabled"]
    assert find_portal(door).id != theirs.id


def test_where_stripe_cannot_reach_us_there_is_no_webhook(fake: FakeStripe, door: Stripe) -> None:
    done = set_up(door, None)

    assert fake.all("webhook_endpoint") == []
    assert done.secret is None


def test_the_card_is_changed_in_our_portal(fake: FakeStripe, door: Stripe) -> None:
    customer = door.create_customer("owner@example.org", "alice", 1, "key")
    set_up(door, None)

    door.portal_url(customer, "https://watch.example.org/billing")

    [session] = fake.all("billing_portal.session")
    assert session["configuration"] == find_portal(door).id


def test_a_key_that_stripe_does_not_know_is_named(fake: FakeStripe) -> None:
    door = Stripe("rk_live_of_somebody", fake.url, tax=False, promotions=False)

    with pytest.raises(StripeRefused, match="does not know the key in STRIPE_SECRET_KEY"):
        set_up(door, URL)


def test_an_outage_and_a_refusal_are_sentences(fake: FakeStripe, door: Stripe) -> None:
    with fake.down(), pytest.raises(StripeAway, match="could not be reached"):
        set_up(door, URL)
    with pytest.raises(StripeRefused, match="Stripe refused: Invalid URL"):
        set_up(door, "watch.example.org")
