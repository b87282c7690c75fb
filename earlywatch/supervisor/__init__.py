"""`earlywatch up`: everything on one machine, kept alive by one process."""

from earlywatch.supervisor.data import (
    POSTGRES,
    at_noted_address,
    make_data_directory,
    secret_key_file,
)
from earlywatch.supervisor.up import up

__all__ = ["POSTGRES", "at_noted_address", "make_data_directory", "secret_key_file", "up"]
