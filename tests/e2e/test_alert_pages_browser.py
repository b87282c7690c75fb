"""The pages about alerts in a browser: all that decides who is told, and what people answer."""

import re
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, ViewportSize, expect

from earlywatch.channels.registry import kinds
from tests.e2e.browser import Tab, visiting
from tests.e2e.stack import Stack, running
from tests.waiting import free_port

MEMBER = "dora@example.org"
NOWHERE = "http://127.0.0.1:9"
PHONE = ViewportSize(width=390, height=844)
PAGES = [
    *("/policies", "/policies/new", "/maintenance", "/maintenance/new", "/alert-settings"),
    *("/drills", "/channels", "/status", "/docs", "/docs/alerts", "/docs/escalation", "/docs/down"),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An installation that knows every kind of channel, with a member of a workspace."""
    settings = {
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "token",
        "TWILIO_FROM": "+15005550006",
        "TWILIO_API_BASE": NOWHERE,
        "TELEGRAM_BOT_TOKEN": "1:" + "a" * 35,
        "PUSHOVER_APP_TOKEN": "a" * 30,
        "API_BASES": f"telegram={NOWHERE} pushover={NOWHERE}",
        "PING_MAIL_DOMAIN": "ping.test",
        "SMTPD_PORT": str(free_port()),
    }
    with running(tmp_path_factory.mktemp("alerts"), settings) as stack:
        stack.add_account(MEMBER)
        yield stack


def add_policy(tab: Tab) -> None:
    """Fill in a form of two steps and reminders, and see what it means before it is saved."""
    page = tab.page
    tab.open("/policies")
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile("/policies/new"))
    page.get_by_label("Name", exact=True).fill("production")
    first, second = (page.get_by_role("group", name=f"Step {number}") for number in (1, 2))
    expect(first.get_by_label("After")).to_have_value("0 min")
    expect(first.get_by_label("The monitor's own channels")).to_be_checked()
    second.get_by_label("After").fill("10 min")
    second.get_by_label(MEMBER).check()
    page.get_by_label("Every").fill("30 min")
    moments = page.locator("#preview").get_by_role("listitem")
    expect(moments).to_have_text(
        [
            re.compile("At once the monitor's own channels"),
            re.compile(f"After 10 min {MEMBER}"),
            re.compile("Then every 30 min everybody told so far, until somebody acknowledges"),
        ]
    )
    tab.look()
    tab.press("Add policy", "button")
    expect(page.get_by_role("list", name="Who is told when").get_by_role("listitem")).to_have_count(
        3
    )


def test_nothing_is_amiss_on_a_phone_by_day_and_by_night(stack: Stack, browser: Browser) -> None:
    forms = [f"/channels/new/{kind.name}" for kind in kinds()]
    with visiting(browser, stack.url, reduced_motion="reduce") as tab:
        tab.page.set_viewport_size(PHONE)
        tab.sign_in(MEMBER)
        for path in (*PAGES, *forms):
            tab.page.emulate_media(color_scheme="light")
            tab.open(path)
            tab.page.emulate_media(color_scheme="dark")
            tab.inspect_colours()
            wide = tab.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= PHONE["width"], f"{path} is {wide} pixels wide"


def test_a_policy_is_followed_and_ended_from_its_mail(stack: Stack, browser: Browser) -> None:
    url = stack.add_monitor("ledger", MEMBER, "--every", "1h")
    with visiting(browser, stack.url, color_scheme="dark") as tab:
        page = tab.page
        tab.sign_in(MEMBER)
        add_policy(tab)

        assert requests.get(f"{url}/3", timeout=20).status_code == 200
        tab.read_mail(MEMBER, "ledger failed (exit status 3)")
        page.context.clear_cookies()  # whoever got the mail may act, signed in or not
        tab.follow("Acknowledge or snooze")
        tab.press("Acknowledge", "button")
        expect(page.get_by_role("heading", level=1)).to_have_text("Done")

        tab.sign_in(MEMBER)
        page.get_by_role("main").get_by_role("link", name="ledger").click()
        tab.press("What happened, and who was told")
        expect(page.get_by_role("main")).to_contain_text(f"Acknowledged through {MEMBER}")
        expect(page.get_by_role("heading", name="Why this fired")).to_be_visible()
        tab.press("Take it back", "button")
        expect(page.get_by_role("button", name="Snooze 4 h")).to_be_visible()


def test_a_window_holds_back_and_is_ended_early(stack: Stack, browser: Browser) -> None:
    stack.add_monitor("archive", MEMBER, "--every", "1h")
    with visiting(browser, stack.url) as tab:
        page = tab.page
        tab.sign_in(MEMBER)
        tab.open("/maintenance/new")
        page.get_by_label("Name", exact=True).fill("upgrade")
        page.get_by_label("For how long").fill("2 h")
        expect(page.locator("#preview").get_by_role("listitem")).to_have_count(1)
        tab.press("Add window", "button")
        page.goto(f"{stack.url}/monitors")
        page.get_by_role("main").get_by_role("link", name="archive").click()
        expect(page.get_by_role("main")).to_contain_text("In maintenance until")
        tab.press("upgrade")
        tab.open("/maintenance")
        tab.press("End now upgrade", "button")
        expect(page.get_by_role("region", name="Past")).to_contain_text("Ended early")


def test_a_fire_drill_is_answered_from_its_mail(stack: Stack, browser: Browser) -> None:
    with visiting(browser, stack.url) as tab:
        page = tab.page
        tab.sign_in(MEMBER)
        tab.open("/drills")
        tab.press("Start a fire drill", "button")
        expect(page.get_by_role("main")).to_contain_text("0 of 1 answered")

        tab.read_mail(MEMBER, "Fire drill")
        tab.follow("Got it")
        tab.press("Got it", "button")
        expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")

        tab.open("/drills")
        expect(page.get_by_role("main")).to_contain_text("1 of 1 answered")
        tab.open("/channels")
        expect(page.get_by_role("listitem").filter(has_text=MEMBER)).to_contain_text("last proven")
