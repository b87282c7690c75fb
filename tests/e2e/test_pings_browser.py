"""All that pings tell, seen in a browser; and a key that is changed while its job goes on."""

from collections.abc import Iterator
from smtplib import SMTP

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.e2e.browser import visiting
from tests.e2e.stack import Stack, running
from tests.waiting import free_port

MEMBER = "carol@example.org"
FIRST, SECOND = "019a9e4f-6a9e-7f0b-9d7e-0c8d11111111", "019a9e4f-6a9e-7f0b-9d7e-0c8d22222222"
CLOUD_KEY, PASSWORD = "AKIA" + "J" * 16, "hunter" + "2" * 8
OUTPUT = f"uploading with {CLOUD_KEY}\npassword={PASSWORD}\n1200 rows\n"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An installation that takes mail, with a member of a workspace."""
    settings = {"PING_MAIL_DOMAIN": "ping.test", "SMTPD_PORT": str(free_port())}
    with running(tmp_path_factory.mktemp("pings"), settings) as stack:
        stack.add_account(MEMBER)
        yield stack


def ping(url: str, body: str = "") -> None:
    """Do what a job does."""
    answer = requests.post(url, data=body, headers={"User-Agent": "job/1.0"}, timeout=20)
    assert (answer.status_code, answer.text) == (200, "OK")


def mail(stack: Stack, to: str) -> None:
    """Do what a job does that can send mail alone."""
    with SMTP("127.0.0.1", int(stack.environment["SMTPD_PORT"]), timeout=20) as door:
        door.sendmail("job@example.org", [to], f"Subject: import is done\n\n{OUTPUT}")


def test_runs_progress_numbers_and_masked_secrets_are_seen(stack: Stack, browser: Browser) -> None:
    url = stack.add_monitor("import", MEMBER, "--every", "1h", "--max-runtime", "2h")
    ping(f"{url}/start?rid={FIRST}&done=0&of=1200")
    ping(f"{url}/start?rid={SECOND}")
    ping(f"{url}/log?rid={FIRST}&done=340&metric=rows:1200&metric=duration:92.5", OUTPUT)

    with visiting(browser, stack.url) as tab:
        page = tab.page
        tab.sign_in(MEMBER)
        expect(page.get_by_role("listitem").filter(has_text="import")).to_contain_text(
            "Running \N{MULTIPLICATION SIGN}2"
        )
        tab.press("import")

        runs = page.get_by_role("region", name="2 runs at the same time")
        expect(runs.get_by_role("listitem")).to_have_count(2)
        expect(runs.get_by_role("listitem").first).to_contain_text("Run 11111111")
        expect(runs).to_contain_text("340 of 1,200, 28 %")
        expect(runs).to_contain_text("must end by")
        expect(runs.get_by_role("progressbar")).to_have_attribute("value", "0.2833")
        numbers = page.get_by_role("region", name="Numbers").get_by_role("row")
        expect(numbers.filter(has_text="rows")).to_contain_text("1,200")
        expect(numbers.filter(has_text="duration")).to_contain_text("92.50")

        ping(f"{url}/log?rid={FIRST}&done=600")
        expect(runs).to_contain_text("600 of 1,200, 50 %")  # by itself

        numbers.filter(has_text="rows").get_by_role("link").click()
        output = page.get_by_role("region", name="Output")
        expect(output).to_contain_text("uploading with [masked]")
        expect(output).to_contain_text("1200 rows")
        for secret in (CLOUD_KEY, PASSWORD):
            assert secret not in page.content()


def test_a_mail_is_seen_as_a_ping(stack: Stack, browser: Browser) -> None:
    stack.add_monitor("mailing", MEMBER, "--every", "1h")

    with visiting(browser, stack.url) as tab:
        page = tab.page
        tab.sign_in(MEMBER)
        page.get_by_role("main").get_by_role("link", name="mailing").click()
        addresses = page.get_by_role("region", name="Ping URL").locator("code", has_text="@")
        expect(addresses).to_have_count(2)  # by its own key, and by name
        for address in addresses.all_inner_texts():
            mail(stack, address)

        log = page.get_by_role("region", name="Ping log").get_by_role("row")
        expect(log.filter(has_text="import is done")).to_have_count(2)  # by themselves
        expect(page.locator("#state .lead .badge").first).to_have_text("Up")
        tab.look()
        log.last.get_by_role("link", name="of output").click()
        expect(page.get_by_role("region", name="Output")).to_contain_text("with [masked]")


def test_a_key_is_changed_while_its_job_goes_on(stack: Stack, browser: Browser) -> None:
    old_url = stack.add_monitor("rotated", MEMBER, "--every", "1h")

    with visiting(browser, stack.url) as tab:
        page = tab.page
        tab.sign_in(MEMBER)
        page.get_by_role("main").get_by_role("link", name="rotated").click()
        page.get_by_role("link", name="change the key").click()
        page.get_by_role("link", name="Change the key…").click()
        tab.look()
        page.get_by_label("1 day").check()
        tab.press("Change the key", "button")
        made = page.get_by_role("region", name="The new ping URL")
        new_url = made.locator("code").first.inner_text()
        expect(page.locator("#old-key")).to_contain_text("Nobody since the change.")

        ping(new_url)
        ping(old_url)
        user = page.locator("#old-key").get_by_role("row").filter(has_text="127.0.0.1")
        expect(user).to_contain_text("job/1.0")  # by itself
        tab.look()
        tab.press("End the old key now…")
        expect(page.get_by_role("main")).to_contain_text("it was used from 127.0.0.1.")
        tab.press("End the old key now", "button")
        expect(page.locator("#old-key")).to_have_count(0)
        tab.open("/ping-key")

    assert new_url != old_url
    assert requests.get(old_url, timeout=20).status_code == 404
    ping(new_url)
