"""Somebody with a real browser: headless Chromium whose tabs notice what is wrong with a page."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

from tests.e2e.stack import PASSWORD
from tests.needs import missing
from tests.waiting import wait_until

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",  # which root may not have
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",  # often tiny in containers
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE = 30.0  # seconds, on a machine busy with other tests


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the Chromium of this machine; skip the tests where there is none, but never in CI."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        missing("Chromium, which the browser tests drive, is not installed")
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Tab:
    """A page that a person looks at, and all that went wrong on it so far.

    `events` is how many messages the live streams of its pages brought. `inspected` means that
    axe looks at every page, which takes a while.
    """

    page: Page
    base_url: str
    inspected: bool = True
    problems: list[str] = field(default_factory=list)
    events: int = 0

    def open(self, path: str) -> None:
        """Go to a path of the site, or to any address, and look at it."""
        self.page.goto(path if path.startswith("http") else self.base_url + path)
        self.look()

    def press(self, name: str, role: Any = "link") -> None:
        """Press the link or button of the page itself that has this name; look at what comes."""
        main = self.page.get_by_role("main")
        main.get_by_role(role, name=name, exact=True).first.click()
        self.look()

    def look(self) -> None:
        """Inspect the page, unless this tab is not for that."""
        if self.inspected:
            self.inspect()

    def inspect(self) -> None:
        """Let axe look for what people with disabilities would stumble over."""
        self._note_violations(Axe().run(self.page))

    def inspect_colours(self) -> None:
        """Let axe look at the contrasts of a page that it has inspected."""
        options = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
        self._note_violations(Axe("void 0").run(self.page, options=options))  # it is there still

    def _note_violations(self, found: Any) -> None:
        for violation in found.response["violations"]:
            places = [node["target"] for node in violation["nodes"]]
            self.problems.append(f"{self.page.url}: {violation['help']}: {places}")

    def reload_until(self, shown: Locator) -> None:
        """Load the page again and again, until it shows this."""
        what = f"{shown} on {self.page.url}"
        wait_until(lambda: shown.is_visible() or not self.page.reload(), PATIENCE, what, 0.3)

    def await_event(self, more_than: int) -> None:
        """Wait until the live streams brought more than so many messages."""
        wait_until(lambda: self._listen() > more_than, PATIENCE, "an event of the live stream")

    def read_mail(self, to: str, subject: str) -> None:
        """Wait in the mailbox for a mail to this address whose subject starts so, and open it."""
        self.open("/mailbox")
        mail = (
            self.page.get_by_role("listitem").filter(has_text=f"To {to}").filter(has_text=subject)
        )
        self.reload_until(mail)
        mail.get_by_role("link").click()
        self.look()

    def follow(self, words: str) -> None:
        """Press the button of the mail that is open."""
        self.page.frame_locator("iframe").get_by_role("link", name=words).click()
        expect(self.page).not_to_have_url(re.compile("/mailbox"))
        self.look()

    def sign_in(self, email: str) -> None:
        """Sign in with the usual password."""
        self.open("/sign-in")
        self.page.get_by_label("Email address").fill(email)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.press("Sign in", "button")

    def join(self, email: str) -> None:
        """Sign up, and confirm the address from the mailbox."""
        self.sign_up(email)
        self.press("open the mailbox")
        self.confirm(email)

    def sign_up(self, email: str) -> None:
        """Ask for an account with the usual password."""
        self.open("/sign-up")
        self.page.get_by_label("Email address").fill(email)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.press("Sign up", "button")

    def confirm(self, email: str) -> None:
        """Confirm the address with the mail in the mailbox."""
        self.read_mail(email, "Confirm your email address")
        self.follow("Confirm")
        self.press("Confirm my address", "button")

    def has_focus(self, selector: str) -> bool:
        """Tell whether the keyboard is on this element."""
        found = self.page.evaluate("selector => document.activeElement.matches(selector)", selector)
        return bool(found)

    def _listen(self) -> int:
        self.page.wait_for_timeout(1)  # playwright hands over what came only while it is asked
        return self.events


@contextmanager
def visiting(
    browser: Browser, base_url: str, *, inspected: bool = True, **options: Any
) -> Iterator[Tab]:
    """Open a tab with cookies of its own; fail at the end if anything was wrong on its pages.

    `options` are those of a playwright context. Without scripts axe cannot look either.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
    context.set_default_timeout(PATIENCE * 1000)
    try:
        page = context.new_page()
        scripts = options.get("java_script_enabled", True)
        tab = Tab(page, base_url, inspected=inspected and scripts)
        page.on("console", _noting(tab))  # violations of the Content-Security-Policy come here too
        page.on("pageerror", lambda error: tab.problems.append(f"{page.url}: {error}"))
        wire = context.new_cdp_session(page)
        wire.send("Network.enable")
        wire.on("Network.eventSourceMessageReceived", lambda _event: _count(tab))
        yield tab
        assert not tab.problems, "\n".join(tab.problems)
    finally:
        context.close()


def _noting(tab: Tab) -> Callable[[ConsoleMessage], None]:
    def note(message: ConsoleMessage) -> None:
        # That a page itself is an error, such as a 404, is told as one of the console too.
        unloaded = message.text.startswith("Failed to load resource")
        itself = unloaded and message.location["url"] == tab.page.url
        if message.type == "error" and not itself:
            tab.problems.append(f"{tab.page.url}: {message.text}")

    return note


def _count(tab: Tab) -> None:
    tab.events += 1
