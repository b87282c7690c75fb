"""What commands share: errors in one sentence, and the site with its database."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import Flask

from earlywatch import migrations
from earlywatch.app import create_app
from earlywatch.config import Settings, load_settings
from earlywatch.db import in_words
from earlywatch.embedded import EmbeddedPostgres
from earlywatch.errors import EarlywatchError
from earlywatch.supervisor import (
    POSTGRES,
    at_noted_address,
    make_data_directory,
    secret_key_file,
)


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


@contextmanager
def ready_app() -> Iterator[Flask]:
    """The site for a command on this machine, with the embedded database when there is no other."""
    settings = at_noted_address(load_settings())
    with open_database(settings) as url:
        found = {"database_url": url}
        if settings.secret_key is None:
            make_data_directory(settings.earlywatch_data_dir)
            found["secret_key"] = secret_key_file(settings.earlywatch_data_dir).read_text()
        yield create_app(settings.model_copy(update=found))


@contextmanager
def open_database(settings: Settings) -> Iterator[str]:
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
