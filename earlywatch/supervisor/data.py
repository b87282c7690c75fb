"""What lies in the data directory of one machine, beside the data of its servers."""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from earlywatch.config import Settings
from earlywatch.errors import EarlywatchError

POSTGRES = "postgres"  # the directories of the private servers
VALKEY = "valkey"
ADDRESS = "address"  # of the site, while it runs


class StartError(EarlywatchError):
    """Earlywatch cannot be started as asked."""


def make_data_directory(directory: Path) -> None:
    """Make the data directory; raise StartError when we may not make or fill it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise _unusable(directory, error) from None


def secret_key_file(directory: Path) -> Path:
    """The file that holds our secret key, for our eyes alone; made at the first start.

    Raises StartError when it cannot be made or read.
    """
    path = directory / "secret_key"
    try:
        if not path.exists():
            _write(path, secrets.token_urlsafe(48))
        path.read_text()
    except OSError as error:
        raise _unusable(path, error) from None
    return path


@contextmanager
def noted_address(settings: Settings) -> Iterator[None]:
    """Let other commands on this data directory know where the site is, as long as it runs."""
    path = settings.earlywatch_data_dir / ADDRESS
    try:
        _write(path, f"{settings.base_url}\n{settings.ping_base_url}\n")
    except OSError as error:
        raise _unusable(path, error) from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def at_noted_address(settings: Settings) -> Settings:
    """The settings with the address of the site that runs here, unless they name one."""
    if settings.model_fields_set & {"base_url", "ping_base_url", "port"}:
        return settings
    try:
        base_url, ping_base_url = (settings.earlywatch_data_dir / ADDRESS).read_text().split()
    except (OSError, ValueError):
        return settings
    return settings.model_copy(update={"base_url": base_url, "ping_base_url": ping_base_url})


def _write(path: Path, text: str) -> None:
    """Write a file for our eyes alone so that it is complete or not there at all."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.rename(path)


def _unusable(path: Path, error: OSError) -> StartError:
    return StartError(
        f"{path} cannot be used ({error.strerror}); set EARLYWATCH_DATA_DIR to a directory"
        " that can."
    )
