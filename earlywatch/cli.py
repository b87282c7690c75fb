"""The `earlywatch` command."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event

import click
from flask import Flask

from earlywatch import __version__, migrations
from earlywatch.app import create_app
from earlywatch.clock import utcnow
from earlywatch.config import Settings, load_settings
from earlywatch.db import in_words, transaction
from earlywatch.domain.duration import parse_duration
from earlywatch.domain.monitor import Rules
from earlywatch.domain.schedule import Cron, Interval, OnCalendar, Schedule
from earlywatch.embedded import EmbeddedPostgres
from earlywatch.errors import EarlywatchError
from earlywatch.logs import configure_logging
from earlywatch.server import gunicorn_command
from earlywatch.services import accounts, monitors, workspaces
from earlywatch.services.wiring import wiring
from earlywatch.supervisor import (
    POSTGRES,
    at_noted_address,
    make_data_directory,
    secret_key_file,
)
from earlywatch.supervisor import up as run_all
from earlywatch.tasks.watch import watch as run_watch
from earlywatch.worker import create_celery, run_beat, run_worker


class Sentences(click.Group):
    """Shows expected errors as one sentence, without a stack trace."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the words typed; bytes that are no text are refused."""
        try:
            " ".join(args).encode()
        except UnicodeEncodeError:
            raise click.ClickException("The command is not text in UTF-8.") from None
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; an EarlywatchError becomes a message and exit status 1."""
        try:
            return super().invoke(ctx)
        except EarlywatchError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Sentences)
@click.version_option(__version__, prog_name="earlywatch")
def main() -> None:
    """Earlywatch: a dead man's switch for scheduled jobs."""


@main.command()
def up() -> None:
    """Start everything on this machine, with servers of its own where no URL is set."""
    sys.exit(run_all(load_settings()))


@main.command()
def web() -> None:
    """Serve pings and pages."""
    _serve("app", "database_url", "secret_key")


@main.command()
def ingest() -> None:
    """Serve pings alone."""
    _serve("ingest_app", "database_url")


@main.command()
def worker() -> None:
    """Work on tasks: detect what is late, deliver alerts. Any number may run."""
    flask_app = _app("worker")
    run_worker(create_celery(flask_app, _redis_url()))


@main.command()
def beat() -> None:
    """Ring the bell for every periodic task. One is enough; two do no harm."""
    flask_app = _app("beat")
    run_beat(create_celery(flask_app, _redis_url()))


@main.command()
def watch() -> None:
    """Detect and deliver in one loop that needs no Redis: the fallback for worker and beat."""
    flask_app, stop = _app("watch"), Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    run_watch(flask_app, stop)


@main.group(cls=Sentences)
def db() -> None:
    """Look after the database."""


@db.command()
def upgrade() -> None:
    """Bring the tables to this version."""
    settings = load_settings()
    configure_logging("db", readable=sys.stderr.isatty())
    with _database(settings) as url:
        migrations.upgrade(url)


@main.group(cls=Sentences)
def account() -> None:
    """Look after accounts."""


@account.command("add")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def account_add(email: str, password_stdin: bool) -> None:
    """Add a confirmed account with a workspace and an email channel."""
    password = _typed_password() if password_stdin else None
    with _ready_app() as flask_app, flask_app.app_context(), transaction() as session:
        accounts.add_confirmed(session, email, password, utcnow())
    click.echo(f"Added {email}.", err=True)
    if password is None:
        click.echo("It has no password yet: choose one with “Forgotten password”.", err=True)


@main.group(cls=Sentences)
def monitor() -> None:
    """Look after monitors."""


class Length(click.ParamType[timedelta]):
    """A length of time such as 10s or 1h 30m."""

    name = "length"

    def convert(
        self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Return the length, or fail with the sentence of `parse_duration`."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(value)
        except EarlywatchError as error:
            self.fail(str(error), param, ctx)


@monitor.command("add")
@click.argument("name")
@click.option("--owner", required=True, help="The email address of the workspace's owner.")
@click.option("--every", type=Length(), help="A period, such as 10s or 1d.")
@click.option("--cron", help="A cron expression of five fields.")
@click.option("--oncalendar", help="A systemd calendar expression.")
@click.option("--tz", default="UTC", show_default=True, help="The time zone of the schedule.")
@click.option("--grace", type=Length(), default="1h", show_default=True)
@click.option("--max-runtime", type=Length(), help="The longest a run may take.")
def monitor_add(
    name: str,
    owner: str,
    every: timedelta | None,
    cron: str | None,
    oncalendar: str | None,
    tz: str,
    grace: timedelta,
    max_runtime: timedelta | None,
) -> None:
    """Add a monitor that uses all default channels; print its ping URL."""
    rules = Rules(_schedule(every, cron, oncalendar, tz), grace, max_runtime)
    values = monitors.MonitorValues(monitors.clean_name(name), rules, tz)
    with _ready_app() as flask_app, flask_app.app_context():
        with transaction() as session:
            workspace = workspaces.get_owned(session, owner)
            made = monitors.create_monitor(session, workspace, values, utcnow())
        click.echo(f"{wiring().settings.ping_base_url}/{made.ping_key}")


def _schedule(
    every: timedelta | None, cron: str | None, oncalendar: str | None, tz: str
) -> Schedule:
    if sum(given is not None for given in (every, cron, oncalendar)) != 1:
        raise click.UsageError("Give exactly one of --every, --cron and --oncalendar.")
    if every is not None:
        return Interval(every)
    return Cron(cron, tz) if cron is not None else OnCalendar(oncalendar or "", tz)


def _typed_password() -> str:
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise click.ClickException("The password is not text in UTF-8.") from None


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


@contextmanager
def _ready_app() -> Iterator[Flask]:
    """The site for a command on this machine, with the embedded database when there is no other."""
    settings = at_noted_address(load_settings())
    with _database(settings) as url:
        found = {"database_url": url}
        if settings.secret_key is None:
            make_data_directory(settings.earlywatch_data_dir)
            found["secret_key"] = secret_key_file(settings.earlywatch_data_dir).read_text()
        yield create_app(settings.model_copy(update=found))


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    """The URL of the database; the embedded one is started for the moment if it does not run."""
    if settings.database_url is not None:
        with in_words(settings.database_url):
            yield settings.database_url
        return
    make_data_directory(settings.earlywatch_data_dir)
    server = EmbeddedPostgres(settings.earlywatch_data_dir / POSTGRES)
    with in_words(server.url):
        if server.is_served():
            yield server.url
            return
        with server:
            migrations.upgrade(server.url)
            yield server.url
