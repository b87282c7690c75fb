"""Writing the files of an export, and reading them back."""

import csv
import json
from datetime import datetime
from io import StringIO
from typing import Any

from sqlalchemy.orm import Session

from earlywatch.clients.object_store import ObjectStore
from earlywatch.models import Workspace
from earlywatch.services import exports

BASE = "https://watch.test/ping"


def parts(
    session: Session, workspace: Workspace, now: datetime, store: ObjectStore | None = None
) -> list[str]:
    """Write the file as the site does, which ends the transaction after each part."""
    written = []
    for part in exports.workspace_json(session, workspace, BASE, now, store):
        session.commit()
        written.append(part)
    return written


def read(
    session: Session, workspace: Workspace, now: datetime, store: ObjectStore | None = None
) -> Any:
    """Return the object that the file holds."""
    return json.loads("".join(parts(session, workspace, now, store)))


def table(session: Session, workspace: Workspace, now: datetime) -> list[dict[str, str]]:
    """Return the lines of the table."""
    text = "".join(exports.monitors_csv(session, workspace, BASE, now))
    assert text.startswith("\ufeff")
    return list(csv.DictReader(StringIO(text[1:], newline="")))
