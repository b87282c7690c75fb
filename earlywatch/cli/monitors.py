"""Commands about monitors."""

from datetime import timedelta

import click

from earlywatch.cli.parts import Sentences, ready_app
from earlywatch.clock import utcnow
from earlywatch.db import transaction
from earlywatch.domain.duration import parse_duration
from earlywatch.domain.monitor import Rules
from earlywatch.domain.schedule import Cron, Interval, OnCalendar, Schedule
from earlywatch.errors import EarlywatchError
from earlywatch.services import monitors, slugs, workspaces
from earlywatch.services.wiring import wiring


@click.group(cls=Sentences)
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
@click.option("--stall-after", type=Length(), help="The longest its progress may stand still.")
@click.option("--slug", help="Its name in ping URLs; made from NAME if you give none.")
def monitor_add(
    name: str,
    owner: str,
    every: timedelta | None,
    cron: str | None,
    oncalendar: str | None,
    tz: str,
    grace: timedelta,
    max_runtime: timedelta | None,
    stall_after: timedelta | None,
    slug: str | None,
) -> None:
    """Add a monitor that uses all default channels; print its ping URL."""
    rules = Rules(_schedule(every, cron, oncalendar, tz), grace, max_runtime, stall_after)
    slug = None if slug is None else slugs.clean_slug(slug)
    values = monitors.MonitorValues(monitors.clean_name(name), rules, tz, slug=slug)
    with ready_app() as flask_app, flask_app.app_context():
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
