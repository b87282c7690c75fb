"""Commands about call-backs of providers."""

import click

from earlywatch.cli.parts import Sentences, ready_app
from earlywatch.clock import utcnow
from earlywatch.db import transaction
from earlywatch.services import events as received

LONGEST_NUMBER = 18  # digits that PostgreSQL can hold


@click.group(cls=Sentences)
def events() -> None:
    """Look after what providers told us."""


@events.command()
@click.argument("event")
def replay(event: str) -> None:
    """Let a worker handle an event once more. EVENT is our number, or the provider's id."""
    ours = event.isascii() and event.isdigit() and len(event) <= LONGEST_NUMBER
    known_as = int(event) if ours else event
    with ready_app() as flask_app, flask_app.app_context(), transaction() as session:
        found = received.replay(session, known_as, utcnow())
    click.echo(f"{found.event_id} ({found.kind}) is handled again within seconds.", err=True)
