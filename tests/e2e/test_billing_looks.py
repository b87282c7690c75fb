"""Every page about money, by day and by night, looked at for who cannot see it well."""

import pytest
from playwright.sync_api import Browser

from tests.e2e.browser import visiting
from tests.e2e.customer import Customer
from tests.e2e.store import OPERATOR, Store
from tests.e2e.tour import WALKS, Walk

ELSEWHERE = {
    *("docs-billing", "docs-promises", "export", "mailbox", "monitors"),  # in `test_browser`
    *("stripe-checkout", "stripe-invoice", "mail-paused"),  # not pages of the site
}
ALIKE = {
    "change-up",
    "cancel-ending",
    "cancel-paused",
    "mail-resume",
    "return-late",
    "history-long",
}


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: str(walk.__name__))
def test_axe_finds_nothing_on_any_page_about_money(
    store: Store, browser: Browser, walk: Walk
) -> None:
    still = {"reduced_motion": "reduce"}  # or colours would be half-way between day and night
    with visiting(browser, store.url, inspected=False, **still) as tab:
        for name in walk(Customer(store, tab, OPERATOR)):
            if name in ELSEWHERE | ALIKE:
                continue
            tab.page.emulate_media(color_scheme="light")
            tab.inspect()
            tab.page.emulate_media(color_scheme="dark")
            tab.inspect_colours()
