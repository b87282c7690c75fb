"""Style sheets, scripts and icons: their addresses change with their content, so they are kept."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, request

ONE_YEAR = 365 * 24 * 3600  # seconds
ONE_HOUR = 3600  # seconds; for addresses without a version, such as those inside style sheets


class Site(Flask):
    """Flask that lets browsers keep versioned files for a year."""

    def get_send_file_max_age(self, filename: str | None) -> int | None:  # noqa: ARG002 - Flask's
        """Return for how many seconds a browser may use a file without asking again."""
        return ONE_YEAR if "v" in request.args else ONE_HOUR


def register(app: Flask) -> None:
    """Put the version of a file into every address that `url_for("static", …)` makes."""
    folder = Path(app.static_folder or "")

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and "filename" in values:
            path = folder / values["filename"]
            values["v"] = _version(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=256)
def _version(path: Path, _changed_at: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
