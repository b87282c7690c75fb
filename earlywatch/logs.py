"""One log format for our own code and for every library, without secrets.

Everything goes through stdlib logging: a constant sentence plus `extra={...}` fields.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Protocol

import structlog
from structlog.stdlib import ExtraAdder, ProcessorFormatter
from structlog.types import EventDict, Processor, WrappedLogger

LEVEL_OF_LIBRARIES = {
    "celery": logging.WARNING,  # else a line per task, twice a second
    "kombu": logging.WARNING,
    "alembic.runtime.plugins": logging.WARNING,
    "mail.log": logging.ERROR,  # aiosmtpd, which writes down who sent what to which key
    "urllib3": logging.ERROR,  # else a line per connection that is tried once more
}
ALEMBIC = "alembic.runtime.migration"
JSON_START = '{"process":'
# Settings for gunicorn: its loggers speak through ours, and no access log, since the address of a
# ping holds its key.
GUNICORN_LOGGING: dict[str, Any] = {
    "accesslog": None,
    "errorlog": None,
    "logconfig_dict": {
        "version": 1,
        "incremental": True,  # what is not named here stays as `configure_logging` left it
        "root": {},  # in place of gunicorn's defaults
        "handlers": {},
        "loggers": {"gunicorn.error": {"propagate": True}},
    },
}
# What libraries put into messages and tracebacks although nobody should read it.
SECRETS = (
    (re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"), "<key>"),
    (re.compile(r"(\w://)[^\s/@\"']+@"), r"\1<credentials>@"),
    # Webhooks, and links that we mail.
    (re.compile(r"((?:https?://[^\s/\"']+|hooks\.slack\.com)/)[^\s\"'<>)]+"), r"\1<path>"),
    (re.compile(r"(with url: )\S+"), r"\1<path>"),  # urllib3
    # PostgreSQL shows the row that it refused.
    (re.compile(r"(DETAIL|CONTEXT):.*?(?=\n\[SQL|\n\n|\Z)", re.DOTALL), r"\1: <row>"),
    (re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"), "<address>"),
)


class Stream(Protocol):
    """Where lines can be written to."""

    def write(self, text: str, /) -> object:
        """Take some text."""

    def flush(self) -> object:
        """Pass on what was taken."""


def configure_logging(process: str, *, readable: bool, stream: Stream | None = None) -> None:
    """Send the logs of this process to a stream: lines for people, or else JSON with its name.

    The stream is standard output unless another one is given.

    Times are UTC. Fields given with `extra` are kept. May be called again, as after a fork.
    """
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[ExtraAdder()],
            processors=[
                ProcessorFormatter.remove_processors_meta,
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper("iso", utc=True),
                structlog.processors.format_exc_info,
                _mask,
                *([_console()] if readable else _for_machines(process)),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name, level in LEVEL_OF_LIBRARIES.items():
        logging.getLogger(name).setLevel(level)
    logging.getLogger(ALEMBIC).addFilter(_is_news)
    logging.captureWarnings(capture=True)


def for_people(line: str) -> str:
    """Return a JSON line of ours as a line for people, any other line as it is."""
    if not line.startswith(JSON_START):
        return line
    try:
        event: EventDict = json.loads(line)
        event["event"] = event.pop("message")
        del event["process"]
    except (ValueError, KeyError):
        return line
    return str(_console()(None, "", event))


def without_secrets(value: Any) -> Any:
    """Return `value` with every text in it masked, within mappings and sequences too."""
    if isinstance(value, Mapping):
        return {name: without_secrets(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(part) for part in value]
    return _masked(value) if isinstance(value, str) else value


def _is_news(record: logging.LogRecord) -> bool:
    """Of what Alembic says at every start, only the migrations that it runs are news."""
    return record.levelno > logging.INFO or str(record.msg).startswith("Running")


def _console() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(
        colors=sys.stdout.isatty(),
        pad_event_to=0,
        exception_formatter=structlog.dev.plain_traceback,
    )


def _for_machines(process: str) -> list[Processor]:
    def name_process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {"process": process, **event}

    return [
        name_process,
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(default=str),
    ]


def _mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {name: _masked(value) for name, value in event.items()}


def _masked(value: object) -> object:
    """Hide secrets in text; what is neither number nor text is turned into text first."""
    if value is None or isinstance(value, int | float):
        return value
    text = str(value)
    for pattern, replacement in SECRETS:
        text = pattern.sub(replacement, text)
    return text
