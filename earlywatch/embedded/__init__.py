"""A private PostgreSQL and a private Valkey, so that the first run needs nothing installed."""

from earlywatch.embedded.postgres import EmbeddedPostgres
from earlywatch.embedded.server import EmbeddedError, EmbeddedServer
from earlywatch.embedded.valkey import EmbeddedValkey

__all__ = ["EmbeddedError", "EmbeddedPostgres", "EmbeddedServer", "EmbeddedValkey"]
