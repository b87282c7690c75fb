"""An account for each test: the stand-in, or Stripe where `make test-stripe` was called."""

from collections.abc import Iterator

import pytest

from tests.stripe_contract.accounts import Account, Buyer, TestMode, real, stand_in


@pytest.fixture
def account(pytestconfig: pytest.Config) -> Iterator[Account]:
    """An account whose clock belongs to this test alone."""
    plugins = pytestconfig.pluginmanager.get_plugins()
    modes = [plugin for plugin in plugins if isinstance(plugin, TestMode)]
    with real(modes[0]) if modes else stand_in() as opened:
        yield opened


@pytest.fixture
def buyer(account: Account) -> Buyer:
    """A customer who has bought nothing yet."""
    return Buyer(account, account.add_customer())
