"""Setting an account up: once, and never again by itself."""

from uuid import uuid4

from earlywatch.clients.stripe_setup import set_up
from tests.stripe_contract.accounts import Account


def test_what_is_set_up_is_left_alone(account: Account) -> None:
    assert set_up(account.door, None).changes == ()


def test_an_endpoint_is_made_once_with_its_secret(account: Account) -> None:
    url = f"https://watch.example.org/webhooks/stripe/{uuid4()}"

    made, again = set_up(account.door, url), set_up(account.door, url)

    endpoints = account.door.v1.webhook_endpoints
    [found] = [each for each in endpoints.list({"limit": 100}).data if each.url == url]
    endpoints.delete(found.id)
    assert len(made.changes) == 1
    assert made.secret
    assert made.secret.startswith("whsec_")
    assert (again.changes, again.secret) == ((), None)
