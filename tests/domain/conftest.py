"""The same examples in every run, and no answer remembered from another test."""

import pytest
from hypothesis import settings

from earlywatch.domain import window

settings.register_profile("domain", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("domain")


@pytest.fixture(autouse=True)
def _forget() -> None:
    window._windows.clear()
