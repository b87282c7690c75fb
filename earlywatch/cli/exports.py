"""The command that takes everything along."""

import click

from earlywatch.cli.parts import ready_app
from earlywatch.clock import utcnow
from earlywatch.db import release, transaction
from earlywatch.services import exports, workspaces
from earlywatch.services.wiring import wiring


@click.command()
@click.option("--owner", required=True, help="The email address of the workspace's owner.")
def export(owner: str) -> None:
    """Print everything of a workspace as JSON, secrets included."""
    with ready_app() as flask_app, flask_app.app_context(), transaction() as session:
        workspace, wired = workspaces.get_owned(session, owner), wiring()
        base, store = wired.settings.ping_base_url, wired.object_store
        for part in exports.workspace_json(session, workspace, base, utcnow(), store):
            release()  # whoever reads may be slow
            click.echo(part.encode(), nl=False)
