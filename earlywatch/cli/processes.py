"""Commands that run Earlywatch, and bring its tables up to date."""

import os
import signal
import sys
from threading import Event

import click
from flask import Flask

from earlywatch import migrations
from earlywatch.app import create_app
from earlywatch.cli.parts import Sentences, open_database
from earlywatch.config import load_settings
from earlywatch.logs import configure_logging
from earlywatch.server import gunicorn_command
from earlywatch.smtpd import run_smtpd
from earlywatch.supervisor import up as run_all
from earlywatch.tasks.watch import watch as run_watch
from earlywatch.worker import create_celery, run_beat, run_worker


@click.command()
def up() -> None:
    """Start everything on this machine, with servers of its own where no URL is set."""
    sys.exit(run_all(load_settings()))


@click.command()
def web() -> None:
    """Serve pings and pages."""
    _serve("app", "database_url", "secret_key")


@click.command()
def ingest() -> None:
    """Serve pings alone."""
    _serve("ingest_app", "database_url")


@click.command()
def smtpd() -> None:
    """Take pings by email."""
    settings = load_settings()
    configure_logging("smtpd", readable=sys.stderr.isatty())
    run_smtpd(settings)


@click.command()
def worker() -> None:
    """Work on tasks: detect what is late, deliver alerts. Any number may run."""
    flask_app = _app("worker")
    run_worker(create_celery(flask_app, _redis_url()))


@click.command()
def beat() -> None:
    """Ring the bell for every periodic task. One is enough; two do no harm."""
    flask_app = _app("beat")
    run_beat(create_celery(flask_app, _redis_url()))


@click.command()
def watch() -> None:
    """Detect and deliver in one loop that needs no Redis: the fallback for worker and beat."""
    flask_app, stop = _app("watch"), Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    run_watch(flask_app, stop)


@click.group(cls=Sentences)
def db() -> None:
    """Look after the database."""


@db.command()
def upgrade() -> None:
    """Bring the tables to this version."""
    settings = load_settings()
    configure_logging("db", readable=sys.stderr.isatty())
    with open_database(settings) as url:
        migrations.upgrade(url)


def _serve(target: str, *needed: str) -> None:
    settings = load_settings()
    for name in needed:  # before gunicorn, which would say it with a stack trace
        settings.require(name)
    command = gunicorn_command(settings, target)
    os.execvp(command[0], command)  # noqa: S606 - our own command, no shell


def _app(process: str) -> Flask:
    settings = load_settings()
    configure_logging(process, readable=sys.stderr.isatty())
    return create_app(settings)


def _redis_url() -> str:
    return load_settings().require("redis_url")
