"""What is away comes back, and everything recovers without a restart by hand."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests

from earlywatch.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.e2e.person import Person
from tests.e2e.sinks import MAIL, Inbox
from tests.e2e.stack import Stack, running
from tests.waiting import wait_until

OWNER = "owner@example.org"
RECOVERY = 60.0  # seconds


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for one installation."""
    return tmp_path_factory.mktemp("outage")


@pytest.fixture(scope="module")
def postgres(place: Path) -> Iterator[EmbeddedPostgres]:
    """A database server that the test may stop and start."""
    with EmbeddedPostgres(place / "postgres") as server:
        yield server


@pytest.fixture(scope="module")
def valkey(place: Path) -> Iterator[EmbeddedValkey]:
    """A Valkey that the test may stop and start."""
    with EmbeddedValkey(place / "valkey") as server:
        yield server


@pytest.fixture(scope="module")
def stack(
    place: Path, postgres: EmbeddedPostgres, valkey: EmbeddedValkey, outside: Mapping[str, str]
) -> Iterator[Stack]:
    """An installation whose servers are not its own."""
    servers = {
        "DATABASE_URL": postgres.url,
        "REDIS_URL": valkey.url,
        "SECRET_KEY": "a secret that is long enough",
    }
    with running(place, {**outside, **servers}) as stack:
        stack.add_account(OWNER)
        stack.tell_each_alone()
        yield stack


def accepts(url: str) -> bool:
    """Whether a ping is stored now."""
    return requests.get(url, timeout=20).status_code == 200


def add_job(stack: Stack, name: str) -> str:
    """Add a monitor that is late ten seconds after its ping; return its ping URL."""
    return stack.add_monitor(name, OWNER, "--every", "10s", "--grace", "0s")


def test_without_a_database_pings_and_pages_say_so_and_all_recovers(
    stack: Stack, postgres: EmbeddedPostgres, inbox: Inbox
) -> None:
    url = add_job(stack, "job one")
    person = Person(stack.url)
    person.sign_in(OWNER)
    assert accepts(url)

    postgres.stop()
    ping = requests.get(url, timeout=20)
    health = requests.get(f"{stack.url}/healthz", timeout=20)
    page = person.get("/monitors")

    assert (ping.status_code, "Retry-After" in ping.headers) == (503, True)
    assert health.status_code == 503
    assert (page.status_code, "Retry-After" in page.headers) == (503, True)
    assert "Traceback" not in page.text

    postgres.start()
    wait_until(lambda: accepts(url), RECOVERY, "a ping to be stored")
    wait_until(lambda: person.get("/monitors").status_code == 200, RECOVERY, "the page")
    assert inbox.wait_for("job one is late", MAIL, RECOVERY)


def test_without_redis_pings_and_pages_go_on_and_watch_delivers(
    stack: Stack, valkey: EmbeddedValkey, inbox: Inbox
) -> None:
    url = add_job(stack, "job two")
    person = Person(stack.url)

    valkey.stop()
    try:
        assert accepts(url)
        person.sign_in(OWNER)
        with stack.another("watch"):
            inbox.wait_for("job two is late", MAIL)
    finally:
        valkey.start()


def test_when_redis_comes_back_the_workers_go_on(
    stack: Stack, valkey: EmbeddedValkey, inbox: Inbox
) -> None:
    url = add_job(stack, "job three")
    assert accepts(url)

    valkey.stop()
    overdue = "SELECT count(*) FROM monitor WHERE deadline_at < now() - interval '2 seconds'"
    wait_until(lambda: stack.count(overdue) == 1, 30, "a deadline that nobody notices")
    assert inbox.about("job three is late") == []
    valkey.start()

    inbox.wait_for("job three is late", MAIL, RECOVERY)
    assert len(inbox.about("job three is late")) == 1
