"""The migrations, and how to run them."""

from pathlib import Path

from alembic import command
from alembic.config import Config

HERE = Path(__file__).parent


def config(database_url: str) -> Config:
    """Return Alembic's configuration for this database."""
    alembic = Config()
    alembic.set_main_option("script_location", str(HERE))
    alembic.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    alembic.attributes["database_url"] = database_url
    return alembic


def upgrade(database_url: str) -> None:
    """Bring the tables to the newest version. Safe to run twice at once: they take turns."""
    command.upgrade(config(database_url), "head")
