"""The `earlywatch` command."""

import click

from earlywatch import __version__
from earlywatch.cli.accounts import account
from earlywatch.cli.billing import billing
from earlywatch.cli.events import events
from earlywatch.cli.exports import export
from earlywatch.cli.monitors import monitor
from earlywatch.cli.parts import Sentences
from earlywatch.cli.processes import beat, db, ingest, smtpd, up, watch, web, worker
from earlywatch.cli.telegram import telegram


@click.group(cls=Sentences)
@click.version_option(__version__, prog_name="earlywatch")
def main() -> None:
    """Earlywatch: a dead man's switch for scheduled jobs."""


for command in (
    up,
    web,
    ingest,
    smtpd,
    worker,
    beat,
    watch,
    db,
    account,
    monitor,
    export,
    billing,
    events,
    telegram,
):
    main.add_command(command)
