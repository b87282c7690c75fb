"""`make migration m="…"`: write the next numbered migration from what the models say now."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from earlywatch import migrations
from earlywatch.embedded import EmbeddedPostgres


def write(message: str) -> None:
    """Compare the models with a database that has all migrations, and write the difference."""
    with (
        tempfile.TemporaryDirectory() as directory,
        EmbeddedPostgres(Path(directory), durable=False) as server,
    ):
        config = migrations.config(server.url)
        command.upgrade(config, "head")
        head = ScriptDirectory.from_config(config).get_current_head() or "0000"
        command.revision(config, message, autogenerate=True, rev_id=f"{int(head) + 1:04}")


if __name__ == "__main__":
    write(sys.argv[1])
