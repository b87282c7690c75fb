"""`earlywatch up`: everything on one machine, kept alive by one process."""

from earlywatch.supervisor.up import POSTGRES, secret_key_file, up

__all__ = ["POSTGRES", "secret_key_file", "up"]
