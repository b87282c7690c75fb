"""One log format for people and one for machines, neither with secrets."""

import json
import logging
from collections.abc import Iterator

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from earlywatch.logs import GUNICORN_LOGGING, configure_logging, for_people

logger = logging.getLogger("earlywatch.tests")


@pytest.fixture(autouse=True)
def root() -> Iterator[None]:
    """Put the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)


def test_machines_read_json_with_the_process_and_all_fields(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("worker", readable=False)

    logger.info("delivery sent", extra={"delivery_id": 3})

    line = json.loads(capsys.readouterr().out)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "process": "worker",
        "level": "info",
        "message": "delivery sent",
        "delivery_id": 3,
    }


def test_people_read_a_line_with_time_level_sentence_and_fields(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("worker", readable=True)

    logger.warning("delivery %s", "failed", extra={"delivery_id": 3})

    line = capsys.readouterr().out
    time, rest = line.split(maxsplit=1)
    assert time.endswith("Z")
    assert rest == "[warning  ] delivery failed delivery_id=3\n"


@pytest.mark.parametrize(
    "secret",
    [
        "/ping/151a8f17-db6c-4fb7-8861-ade3c93b588a",
        "{'bob@example.org': (550, b'no such user')}",
        "https://hooks.slack.com/services/T0/B0/secret",
        "https://chat.example.org/hooks/T0/B0/secret",
        "Max retries exceeded with url: /hooks/T0/B0/secret (Caused by",
        "violates check\nDETAIL:  Failing row contains (1, secret@\nbob).\n[SQL: INSERT]",
        "redis://user:secret@redis/0",
    ],
)
@pytest.mark.parametrize("readable", [True, False])
def test_secrets_are_hidden_in_messages_fields_and_tracebacks(
    capsys: pytest.CaptureFixture[str], secret: str, readable: bool
) -> None:
    configure_logging("worker", readable=readable)

    try:
        raise ValueError(secret)
    except ValueError:
        logger.exception("refused: %s", secret, extra={"field": secret})

    said = capsys.readouterr().out
    assert said.count("<") >= 3
    for word in ("secret@", "T0/B0", "bob", secret):
        assert word not in said


def test_of_alembic_only_the_migrations_it_runs_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("db", readable=False)
    alembic = logging.getLogger("alembic.runtime.migration")

    alembic.info("Context impl %s.", "PostgresqlImpl")
    alembic.info("Will assume %s DDL.", "transactional")
    alembic.info("Running %s", "upgrade -> 0001")
    alembic.warning("Revision is not known")

    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["message"] for line in lines] == [
        "Running upgrade -> 0001",
        "Revision is not known",
    ]


def test_a_json_line_becomes_a_line_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("worker", readable=False)
    logger.error("delivery failed", extra={"delivery_id": 3})

    line = for_people(capsys.readouterr().out.rstrip())

    assert line.endswith("Z [error    ] delivery failed delivery_id=3")


@pytest.mark.parametrize("line", ["LOG:  ready", '{"process": "worker"', '{"process": 1}', ""])
def test_any_other_line_stays_as_it_is(line: str) -> None:
    assert for_people(line) == line


def test_gunicorn_settings_are_valid_and_give_no_access_log() -> None:

    config = Config()
    for name, value in GUNICORN_LOGGING.items():
        config.set(name, value)

    gunicorn = Logger(config)

    assert gunicorn.error_log.propagate
    assert not gunicorn.error_log.handlers
    assert not gunicorn.access_log.handlers
