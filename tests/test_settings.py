"""A setting that makes no sense stops every command with one sentence."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from earlywatch.config import ConfigError, child_environment, is_on_loopback, load_settings
from tests.terminal import Outcome, Terminal, terminal
from tests.waiting import free_port

COMMANDS = {
    "up": ["up"],
    "web": ["web"],
    "ingest": ["ingest"],
    "smtpd": ["smtpd"],
    "worker": ["worker"],
    "beat": ["beat"],
    "watch": ["watch"],
    "db upgrade": ["db", "upgrade"],
    "account add": ["account", "add", "you@example.org"],
    "monitor add": ["monitor", "add", "x", "--owner", "you@example.org", "--every", "10s"],
}
NOBODY = "postgresql://u:hidden@127.0.0.1:1/d"  # nobody listens there
BAD = [
    ("DATABASE_URL", "postgresql://h:abc/d"),
    ("DATABASE_URL", "postgresql://h:99999/d"),
    ("DATABASE_URL", "postgresql://u:hid@den@h/d"),
    ("DATABASE_URL", "postgresql://u:hidden@h/d?colour=blue"),
    ("DATABASE_URL", "mysql://h/d"),
    ("DATABASE_URL", "\udcff"),
    ("REDIS_URL", "redis://h:abc"),
    ("REDIS_URL", "redis://:hid/den@h"),
    ("REDIS_URL", "redis://h/abc"),
    ("SMTP_URL", "smtp://h:abc"),
    ("SMTP_URL", "smtp://u:hid/den@h"),
    ("SMTP_URL", "smtp:h"),
    ("BASE_URL", "http://h:99999"),
    ("BASE_URL", "http://[::1"),
    ("PING_BASE_URL", "https:h"),
    ("TWILIO_API_BASE", "http://h:abc"),
    ("WATCHDOG_URL", "watchdog"),
    ("SENTRY_DSN", "foo"),
    ("SENTRY_DSN", "https://hidden@h:abc/1"),
    ("MAIL_FROM", "foo bar"),
    ("MAIL_FROM", "<>"),
    ("MAIL_FROM", "x@ü.de"),
    ("MAIL_FROM", "a@example.org, b@example.org"),
    ("MAIL_FROM", "a@example.org b"),
    ("MAIL_FROM", "A <a@example.org>\nBcc: b@example.org"),
    ("PRIVATE_TARGETS", "home"),
    ("OBJECT_STORE_URL", "https://access:hid/den@h/pings"),
    ("SECRET_KEY", "hidden"),
    ("PORT", "99999"),
    ("TRUSTED_PROXIES", "many"),
    ("PING_MAIL_DOMAIN", "https://ping.example.org"),
    ("PING_MAIL_DOMAIN", "pings@example.org"),
    ("SMTPD_PORT", "0"),
]


@pytest.fixture(scope="module")
def typing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A terminal for all tests of this module."""
    with terminal(tmp_path_factory.mktemp("terminal")) as opened:
        yield opened


def assert_refused(outcome: Outcome, *words: str) -> None:
    """Assert that a command ended with one sentence, which has these words and no secret."""
    assert outcome.status == 1
    assert outcome.err.startswith("Error: ")
    assert outcome.err.endswith(".\n")
    assert outcome.err.count("\n") == 1
    for word in words:
        assert word in outcome.err
    assert "hid" not in outcome.err
    assert "Traceback" not in outcome.out


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_stops_every_command_with_a_sentence(
    typing: Terminal, command: str, name: str, value: str
) -> None:
    outcome = typing.run(*COMMANDS[command], **{name: value})

    assert_refused(outcome, f"{name} is not usable: ")
    assert outcome.out == ""


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_stops_every_command_with_a_sentence(
    typing: Terminal, tmp_path: Path, command: str, content: bytes | None
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)

    outcome = typing.run(*COMMANDS[command], SECRET_KEY_FILE=str(path))

    assert_refused(outcome, "SECRET_KEY_FILE ", str(path))


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("web", "DATABASE_URL"),
        ("web", "SECRET_KEY"),
        ("ingest", "DATABASE_URL"),
        ("smtpd", "DATABASE_URL"),
        ("smtpd", "PING_MAIL_DOMAIN"),
        ("worker", "DATABASE_URL"),
        ("worker", "SECRET_KEY"),
        ("worker", "REDIS_URL"),
        ("beat", "REDIS_URL"),
        ("watch", "DATABASE_URL"),
    ],
)
def test_a_missing_setting_stops_the_commands_that_need_it(
    typing: Terminal, command: str, name: str
) -> None:
    needed = {"DATABASE_URL": NOBODY, "SECRET_KEY": "x" * 16, "REDIS_URL": "redis://127.0.0.1:1"}
    needed["PING_MAIL_DOMAIN"] = "ping.example.org"
    del needed[name]

    outcome = typing.run(*COMMANDS[command], **needed)

    assert_refused(outcome, f"{name} is missing: ")
    assert outcome.out == ""


@pytest.mark.parametrize("command", ["up", "smtpd"])
def test_a_certificate_that_cannot_be_used_is_named_with_the_reason(
    typing: Terminal, tmp_path: Path, command: str
) -> None:
    paths = {"SMTPD_TLS_CERT": str(tmp_path / "none.pem"), "SMTPD_TLS_KEY": str(tmp_path)}
    port = {"PORT": str(free_port()), "SMTPD_PORT": str(free_port())}

    outcome = typing.run(
        command, DATABASE_URL=NOBODY, PING_MAIL_DOMAIN="ping.example.org", **paths, **port
    )

    assert_refused(outcome, "SMTPD_TLS_CERT ", "(no such file or directory)", "none.pem")


def test_a_certificate_without_its_key_is_refused(typing: Terminal) -> None:
    outcome = typing.run("smtpd", SMTPD_TLS_CERT="/tmp/certificate.pem")

    assert_refused(outcome, "SMTPD_TLS_CERT and SMTPD_TLS_KEY must be set both, or neither")


def test_a_port_that_mails_cannot_come_to_is_named_with_the_reason(typing: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        outcome = typing.run(
            "smtpd", DATABASE_URL=NOBODY, PING_MAIL_DOMAIN="ping.example.org", SMTPD_PORT=port
        )

    assert_refused(outcome, "SMTPD_PORT", "(address already in use)", port)


@pytest.mark.parametrize("domain", ["ping.example.org", "Ping.Example.ORG", "localhost"])
def test_the_domain_of_mails_is_kept_in_lower_case(domain: str) -> None:
    assert load_settings({"PING_MAIL_DOMAIN": domain}).ping_mail_domain == domain.lower()


@pytest.mark.parametrize("command", ["up", "db upgrade", "account add", "monitor add"])
def test_a_data_directory_that_cannot_be_used_is_named(
    typing: Terminal, tmp_path: Path, command: str
) -> None:
    (tmp_path / "file").touch()
    data = tmp_path / "file" / "var"

    outcome = typing.run(*COMMANDS[command], EARLYWATCH_DATA_DIR=str(data))

    assert_refused(outcome, str(data), "set EARLYWATCH_DATA_DIR")


@pytest.mark.parametrize("command", ["db upgrade", "account add", "monitor add"])
@pytest.mark.parametrize(
    ("url", "host", "reason"),
    [
        (NOBODY, "on 127.0.0.1", "Connection refused"),
        ("postgresql://u:hidden@/d?host=/nowhere", "on /nowhere", "No such file"),
        ("postgresql://u:hidden@127.0.0.1/d?sslmode=blue", "on 127.0.0.1", "sslmode"),
    ],
)
def test_a_database_that_cannot_be_reached_is_named_with_the_reason(
    typing: Terminal, command: str, url: str, host: str, reason: str
) -> None:
    outcome = typing.run(*COMMANDS[command], DATABASE_URL=url)

    assert_refused(outcome, f"The database {host} cannot be used: ", reason)
    assert outcome.out == ""


@pytest.mark.parametrize(
    "sender",
    ["alerts@localhost", "<a@b.example>", "Frühwarnung <a@watch.local>", '"A, B" <a@b.example>'],
)
def test_an_address_with_or_without_a_name_is_a_sender(sender: str) -> None:
    assert load_settings({"MAIL_FROM": sender}).mail_from == sender


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgresql+psycopg://u:p%40/w@h/d"),
        ("DATABASE_URL", "postgresql+psycopg:///d?host=/run/postgresql&sslmode=disable"),
        ("REDIS_URL", "redis:///0"),
        ("REDIS_URL", "rediss://:p@h:6379/1"),
        ("REDIS_URL", "redis+socket:///run/valkey.sock"),
        ("SMTP_URL", "smtp://[::1]:25"),
        ("SENTRY_DSN", "https://key@sentry.example.org/1"),
    ],
)
def test_a_good_address_stays_as_it_is(name: str, url: str) -> None:
    assert getattr(load_settings({name: url}), name.lower()) == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3://access:hidden@h/pings", "must start with http:// or https://"),
        ("https://h/pings", "must have access-key:secret-key@"),
        ("https://access@h/pings", "must have access-key:secret-key@"),
        ("https://access:hidden@h", "the name of a bucket alone"),
        ("https://access:hidden@h/pings/old", "the name of a bucket alone"),
        ("https://access:hidden@h/Pings", "the name of a bucket alone"),
        ("https://access:hidden@h/pi..ngs", "the name of a bucket alone"),
        ("https://access:hidden@h/10.0.0.1", "the name of a bucket alone"),
        ("https://access:hidden@h/pings?zone=a", "?region= and its name"),
        ("https://access:hidden@h/pings?region=", "?region= and its name"),
        ("https://access:hidden@h/pings#a", "?region= and its name"),
        ("https://access:hidden@h:99999/pings", "must have a host and a port"),
    ],
)
def test_an_object_store_that_could_not_be_used_is_refused(url: str, words: str) -> None:
    with pytest.raises(ConfigError, match=r"^OBJECT_STORE_URL is not usable: ") as caught:
        load_settings({"OBJECT_STORE_URL": url})

    assert words in str(caught.value)
    assert "hid" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://access:secret@127.0.0.1:9000/pings",
        "https://access:se%2Fcret@s3.example.org/my-pings.2026?region=eu-west-1",
    ],
)
def test_an_object_store_stays_as_it_is(url: str) -> None:
    assert load_settings({"OBJECT_STORE_URL": url}).object_store_url == url


def test_an_empty_setting_is_one_that_is_not_set() -> None:
    assert load_settings({"MAIL_FROM": "", "DATABASE_URL": " "}) == load_settings({})


def test_a_value_and_its_file_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give only one"):
        load_settings({"PORT": "1", "PORT_FILE": str(tmp_path)})


def test_a_setting_given_to_a_child_takes_the_place_of_its_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL_FILE", "/run/secrets/database_url")

    environment = child_environment({"DATABASE_URL": "postgresql://h/d"})

    assert environment["DATABASE_URL"] == "postgresql://h/d"
    assert "DATABASE_URL_FILE" not in environment


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost", True),
        ("http://LOCALHOST:8000", True),
        ("https://127.1.2.3/x", True),
        ("http://[::1]:8000", True),
        ("http://0.0.0.0:8000", False),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1.example.org", False),
        ("http://192.0.2.1", False),
        ("http://[::1", False),
        ("//", False),
    ],
)
def test_loopback_is_known_by_its_names(url: str, expected: bool) -> None:
    assert is_on_loopback(url) is expected
