"""`make test-stripe`: ask Stripe's test mode what our stand-in claims."""

import os
import sys
from pathlib import Path

import pytest

from earlywatch.clients.stripe import Stripe
from earlywatch.clients.stripe_setup import set_up
from earlywatch.errors import EarlywatchError
from tests.stripe_contract.accounts import STRIPE, TestMode

NAME, PREFIX = "TEST_STRIPE_SECRET_KEY", "sk_test_"
# A clock at Stripe takes some seconds for each month.
OPTIONS = ("--force-enable-socket", "--timeout=600", "-p", "no:cacheprovider")


def main(key: str) -> int:
    """Run the tests of this folder against Stripe; return the exit status."""
    if not key:
        sys.stderr.write(f"Set {NAME} to the secret key of a Stripe test account ({PREFIX}…).\n")
        return 1
    if not key.startswith(PREFIX):
        sys.stderr.write(f"{NAME} must begin with {PREFIX}: these tests move money.\n")
        return 1
    try:
        set_up(Stripe(key, STRIPE, tax=False, promotions=False), None)
    except EarlywatchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return int(pytest.main([str(Path(__file__).parent), *OPTIONS], plugins=[TestMode(key)]))


if __name__ == "__main__":
    sys.exit(main(os.environ.get(NAME, "").strip()))
