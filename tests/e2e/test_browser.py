"""The main job by hand: in a browser, from signing up to the page of the incident."""

import re
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import Tab, visiting
from tests.e2e.stack import PASSWORD, Stack, running

MEMBER = "carol@example.org"
PAGES = [
    *("/", "/sign-up", "/forgot-password", "/check-mail", "/confirm-email/stale", "/nothing"),
    *("/docs", "/docs/pinging", "/docs/anywhere", "/docs/alerts", "/docs/self-hosting", "/mailbox"),
    *("/docs/billing", "/docs/export", "/docs/promises"),
]
PAGES_OF_MEMBERS = [
    *("/monitors", "/monitors?status=trouble&q=x", "/monitors/new", "/channels", "/account"),
    *("/channels/new/email", "/channels/new/slack", "/incidents/0", "/export"),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An installation as `make run` starts it: without mail server, so with a mailbox."""
    with running(tmp_path_factory.mktemp("browser"), {}) as stack:
        yield stack


@pytest.fixture(scope="module")
def member(stack: Stack) -> str:
    """The address of somebody who has an account and one monitor."""
    stack.add_account(MEMBER)
    stack.add_monitor("first job", MEMBER, "--cron", "0 3 * * *")
    return MEMBER


def status(page: Page) -> str:
    """Return the status word in the head of a monitor's page."""
    return page.locator("#state .lead .badge").first.inner_text().strip()


def add_monitor(tab: Tab, name: str) -> None:
    """Fill in the form of a new monitor: every 10 s, grace 2 s."""
    for label, text in {"Name": name, "Period": "10 s", "Grace": "2 s"}.items():
        tab.page.get_by_label(label, exact=True).fill(text)
    tab.page.get_by_label("Time zone").fill("Europe/Berlin")


def ping(url: str) -> None:
    """Do what the job does when it is done."""
    done = subprocess.run(["curl", "-fsS", "-m", "10", url], capture_output=True, check=True)
    assert done.stdout == b"OK"


def ping_url(tab: Tab) -> str:
    """Return the address that a monitor's page shows."""
    section = tab.page.get_by_role("region", name="Ping URL")
    return section.locator("code").first.inner_text()


def test_a_job_that_stops_is_seen_and_mailed_while_somebody_looks(
    stack: Stack, browser: Browser
) -> None:
    with visiting(browser, stack.url, permissions=["clipboard-read", "clipboard-write"]) as tab:
        page = tab.page
        tab.join("alice@example.org")
        expect(page.get_by_role("heading", level=1)).to_have_text("No monitors yet")

        page.keyboard.press("n")
        expect(page).to_have_url(re.compile("/monitors/new"))
        add_monitor(tab, "nightly backup")
        preview = page.locator("#preview")
        expect(preview).to_contain_text("Every 10 s")
        expect(preview.get_by_role("listitem")).to_have_count(5)
        expect(preview.get_by_role("listitem").last).to_have_text(
            re.compile(r"Europe/Berlin \(\d\d:\d\d(:\d\d)? UTC\)")
        )
        tab.press("Add monitor", "button")

        assert status(page) == "New"
        url = ping_url(tab)
        page.get_by_role("button", name="Copy the ping URL").click()
        expect(page.get_by_role("button", name="Copy the ping URL")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == url

        tab.await_event(0)  # the stream is open
        page.evaluate("window.isStillThatPage = true")
        heard = tab.events
        ping(url)
        tab.await_event(heard)
        expect(page).to_have_title(re.compile("^nightly backup is up "))
        assert status(page) == "Up"
        heard = tab.events
        tab.await_event(heard)
        expect(page).to_have_title(re.compile("^nightly backup is late "))
        assert status(page) == "Late"
        assert page.evaluate("window.isStillThatPage")
        tab.look()

        tab.read_mail("alice@example.org", "nightly backup is late")
        tab.follow("Open the incident")
        expect(page.get_by_role("heading", level=1)).to_contain_text("nightly backup has been late")
        tab.reload_until(page.get_by_text("alice@example.org (Email) was told of the trouble"))


def test_without_scripts_the_same_can_be_done(stack: Stack, browser: Browser) -> None:
    with visiting(browser, stack.url, java_script_enabled=False) as tab:
        page = tab.page
        tab.join("bob@example.org")

        tab.press("Use cron or more options")
        add_monitor(tab, "hourly report")
        tab.press("Preview", "button")
        expect(page.locator("#preview").get_by_role("listitem")).to_have_count(5)
        tab.press("Add monitor", "button")
        assert status(page) == "New"

        ping(ping_url(tab))
        page.reload()
        assert status(page) == "Up"
        tab.reload_until(page.get_by_text("No ping came in time."))
        assert status(page) == "Late"

        tab.read_mail("bob@example.org", "hourly report is late")
        tab.follow("Open the incident")
        expect(page.get_by_role("heading", level=1)).to_contain_text("hourly report has been late")


def test_the_keyboard_is_enough(stack: Stack, browser: Browser, member: str) -> None:
    with visiting(browser, stack.url) as tab:
        page = tab.page
        tab.open("/sign-in")

        page.keyboard.press("Tab")
        assert tab.has_focus("a.skip")
        page.keyboard.press("Enter")
        assert tab.has_focus("main")
        page.keyboard.press("Tab")
        page.keyboard.type(member)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Waiting for the first ping")

        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        tab.look()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        page.keyboard.press("/")
        assert tab.has_focus("input[type=search]")
        page.keyboard.type("n?")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="No monitor fits")).to_be_visible()
        page.keyboard.press("n")
        expect(page.get_by_role("heading", level=1)).to_have_text("Add a monitor")


def test_axe_finds_nothing_on_any_page_in_the_dark(
    stack: Stack, browser: Browser, member: str
) -> None:
    with visiting(browser, stack.url, color_scheme="dark") as tab:
        for path in PAGES:
            tab.open(path)
        tab.sign_in(member)
        for path in PAGES_OF_MEMBERS:
            tab.open(path)
        tab.page.goto(f"{stack.url}/monitors")
        tab.press("first job")
        tab.press("Delete monitor…")
        tab.page.goto(f"{stack.url}/channels")
        tab.press(member)
        tab.press("Edit")
