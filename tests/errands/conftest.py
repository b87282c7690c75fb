"""A shop for each test."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests.billing import Shop, open_shop


@pytest.fixture
def shop(app: Flask, session: Session) -> Iterator[Shop]:
    """A workspace on Free, before it goes to Stripe."""
    with open_shop(app, session) as opened:
        yield opened
