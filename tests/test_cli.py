"""The `earlywatch` command beside a running installation, and on a machine of its own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from earlywatch.config import load_settings
from earlywatch.supervisor.data import noted_address
from tests import servers
from tests.serving import connect, database_with_tables
from tests.terminal import Terminal, terminal

OWNER = "owner@example.org"
SECRET_KEY = "for the tests alone"
FILL = """
    INSERT INTO monitor
        (workspace_id, ping_key, name, schedule_kind, period, time_zone, grace, created_at)
    SELECT id, gen_random_uuid(), 'job', 'interval', '1 hour', 'UTC', '0', now()
    FROM workspace, generate_series(1, 20)
"""
ADD_MONITOR = ["monitor", "add", "nightly backup", "--owner", OWNER, "--every", "10s"]


@pytest.fixture(scope="module")
def url(worker: str) -> Iterator[str]:
    """The URL of a database of this module, with tables and an owner."""
    with database_with_tables(f"{worker}_cli") as url:
        yield url


@pytest.fixture
def typing(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal on a machine without data directory."""
    with terminal(tmp_path) as opened:
        yield opened


@pytest.fixture
def owner(url: str, typing: Terminal) -> str:
    """The address of an account with a workspace."""
    with connect(url) as connection:
        connection.execute("TRUNCATE account, workspace CASCADE")
    added = typing.run("account", "add", OWNER, DATABASE_URL=url, SECRET_KEY=SECRET_KEY)
    assert added.status == 0, added.err
    return OWNER


@pytest.fixture
def docker(url: str, tmp_path: Path) -> dict[str, str]:
    """The settings of an installation whose secrets are files."""
    for name, value in {"database_url": url, "secret_key": SECRET_KEY}.items():
        (tmp_path / name).write_text(f"{value}\n")
    return {
        "DATABASE_URL_FILE": str(tmp_path / "database_url"),
        "SECRET_KEY_FILE": str(tmp_path / "secret_key"),
        "BASE_URL": "https://watch.example.org",
    }


def test_accounts_and_monitors_are_added_where_secrets_are_files(
    typing: Terminal, docker: dict[str, str], tmp_path: Path
) -> None:
    account = typing.run("account", "add", "docker@example.org", **docker)
    monitor = typing.run(*ADD_MONITOR[:4], "docker@example.org", "--every", "10s", **docker)

    assert (account.status, account.err.splitlines()[0]) == (0, "Added docker@example.org.")
    assert (monitor.status, monitor.err) == (0, "")
    assert monitor.out.startswith("https://watch.example.org/ping/")
    assert not (tmp_path / "var").exists()


def test_one_monitor_too_many_is_refused_with_a_sentence(
    typing: Terminal, docker: dict[str, str], url: str, owner: str
) -> None:
    with connect(url) as connection:
        connection.execute("UPDATE workspace SET plan = 'free'")
        connection.execute(FILL)

    refused = typing.run(*ADD_MONITOR, **docker)

    assert (refused.status, refused.out) == (1, "")
    assert refused.err == (
        "Error: Your plan, Free, watches 20 monitors and 20 are watched. Pause or delete one.\n"
    )


def test_without_a_secret_key_one_is_made_with_its_directory(
    typing: Terminal, url: str, owner: str, tmp_path: Path
) -> None:
    added = typing.run(*ADD_MONITOR, DATABASE_URL=url)

    assert (added.status, added.err) == (0, "")
    assert (tmp_path / "var" / "secret_key").stat().st_mode & 0o777 == 0o600


def test_everything_of_a_workspace_is_printed(typing: Terminal, url: str, owner: str) -> None:
    settings = {"DATABASE_URL": url, "SECRET_KEY": SECRET_KEY}
    ping_url = typing.run(*ADD_MONITOR, "--stall-after", "90s", **settings).out.strip()

    printed = typing.run("export", "--owner", OWNER, **settings, LC_ALL="C")
    nobody = typing.run("export", "--owner", "nobody@example.org", **settings)

    assert (printed.status, printed.err) == (0, "")
    [monitor] = json.loads(printed.out)["monitors"]
    assert (monitor["ping_url"], monitor["stall_after_seconds"]) == (ping_url, 90)
    assert (nobody.status, nobody.out) == (1, "")
    assert nobody.err.startswith("Error: Nobody with the address nobody@example.org")


def test_a_name_in_ping_urls_is_made_or_chosen(typing: Terminal, url: str, owner: str) -> None:
    settings = {"DATABASE_URL": url, "SECRET_KEY": SECRET_KEY}

    made = typing.run(*ADD_MONITOR, **settings)
    chosen = typing.run(*ADD_MONITOR, "--slug", "db_backup", **settings)
    taken = typing.run(*ADD_MONITOR, "--slug", "nightly-backup", **settings)
    wrong = typing.run(*ADD_MONITOR, "--slug", "Backup", **settings)

    assert (made.status, chosen.status, taken.status, wrong.status) == (0, 0, 1, 1)
    assert taken.err.startswith('Error: "nightly backup" has the name "nightly-backup" in ping')
    assert wrong.err.endswith(': write "backup".\n')
    with connect(url) as connection:
        slugs = connection.execute("SELECT slug FROM monitor ORDER BY id").fetchall()
    assert slugs == [("nightly-backup",), ("db_backup",)]


def test_a_secret_key_that_cannot_be_read_is_named(
    typing: Terminal, url: str, tmp_path: Path
) -> None:
    (tmp_path / "var" / "secret_key").mkdir(parents=True)

    added = typing.run(*ADD_MONITOR, DATABASE_URL=url)

    assert added.status == 1
    assert added.err.startswith(f"Error: {tmp_path}/var/secret_key cannot be used (")


def test_a_monitor_is_reached_where_the_site_runs(
    typing: Terminal, url: str, owner: str, tmp_path: Path
) -> None:
    settings = {"DATABASE_URL": url, "SECRET_KEY": SECRET_KEY}
    place = {"EARLYWATCH_DATA_DIR": str(tmp_path / "var")}
    (tmp_path / "var").mkdir()

    with noted_address(load_settings({"PORT": "8123", **place})):
        noted = typing.run(*ADD_MONITOR, **settings)
        named = typing.run(*ADD_MONITOR, **settings, PORT="8200")
    with noted_address(load_settings({"BASE_URL": "https://watch.example.org", **place})):
        outside = typing.run(*ADD_MONITOR, **settings)
    later = typing.run(*ADD_MONITOR, **settings)

    assert noted.out.startswith("http://127.0.0.1:8123/ping/")
    assert named.out.startswith("http://127.0.0.1:8200/ping/")
    assert outside.out.startswith("https://watch.example.org/ping/")
    assert later.out.startswith("http://127.0.0.1:8000/ping/")
    assert not (tmp_path / "var" / "address").exists()


def test_a_database_without_tables_asks_for_the_migrations(typing: Terminal, worker: str) -> None:
    with servers.database(f"{worker}_bare") as url:
        settings = {"DATABASE_URL": url, "SECRET_KEY": SECRET_KEY}
        before = typing.run("account", "add", OWNER, **settings)
        upgraded = typing.run("db", "upgrade", **settings)
        after = typing.run("account", "add", OWNER, **settings)

    assert before.status == 1
    assert before.err.endswith("run: earlywatch db upgrade.\n")
    assert before.err.count("\n") == 1
    assert upgraded.status == 0
    assert "Context impl" not in upgraded.out
    assert (after.status, after.err.splitlines()[0]) == (0, f"Added {OWNER}.")


@pytest.mark.parametrize(
    "words",
    [
        ["account", "add", "\udcff@example.org"],
        [*ADD_MONITOR[:4], "\udcff", "--every", "10s"],
        ["\udcff"],
    ],
)
def test_words_that_are_no_text_are_refused_with_a_sentence(
    typing: Terminal, words: list[str]
) -> None:
    outcome = typing.run(*words)

    assert outcome.status == 1
    assert outcome.err == "Error: The command is not text in UTF-8.\n"


def test_a_password_that_is_no_text_is_refused_with_a_sentence(typing: Terminal) -> None:
    outcome = typing.feed(b"\xff\xfe\n", "account", "add", OWNER, "--password-stdin")

    assert outcome.status == 1
    assert outcome.err == "Error: The password is not text in UTF-8.\n"
