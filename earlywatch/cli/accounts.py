"""Commands about accounts."""

import sys

import click

from earlywatch.cli.parts import Sentences, ready_app
from earlywatch.clock import utcnow
from earlywatch.db import transaction
from earlywatch.services import accounts
from earlywatch.services.wiring import wiring


@click.group(cls=Sentences)
def account() -> None:
    """Look after accounts."""


@account.command("add")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def account_add(email: str, password_stdin: bool) -> None:
    """Add a confirmed account with a workspace and an email channel."""
    password = _typed_password() if password_stdin else None
    with ready_app() as flask_app, flask_app.app_context(), transaction() as session:
        accounts.add_confirmed(session, email, password, utcnow(), wiring().first_plan)
    click.echo(f"Added {email}.", err=True)
    if password is None:
        click.echo("It has no password yet: choose one with “Forgotten password”.", err=True)


def _typed_password() -> str:
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise click.ClickException("The password is not text in UTF-8.") from None
