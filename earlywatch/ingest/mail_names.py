"""Which monitor an address means, and whether there is one."""

import asyncio
import logging
import re
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, and_, or_, select
from sqlalchemy.orm import Session

from earlywatch.ingest.line import Line
from earlywatch.ingest.request import ANY_UUID
from earlywatch.ingest.store import Unavailable
from earlywatch.models import Monitor, Workspace
from earlywatch.services.incoming import ByName, Name, Outcome
from earlywatch.services.slugs import SLUG

logger = logging.getLogger(__name__)

BY_NAME = re.compile(rf"([a-z0-9]{{22}})\+({SLUG.pattern})")
LOOK_UP_PATIENCE = 4.0  # seconds


def read_name(local: str) -> Name | None:
    """Return what the part before the @ stands for, or None.

    In upper case too, unlike in a URL: mail programs change the case of addresses as they like.
    """
    local = local.lower()
    if ANY_UUID.fullmatch(local):
        return UUID(local)
    found = BY_NAME.fullmatch(local)
    return ByName(*found.groups()) if found else None


class Names:
    """Looks up the monitors that addresses name, on a line of its own."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def look_up(self, name: Name, now: datetime) -> Outcome:
        """Return RECORDED if one monitor has this name now, else UNKNOWN or AMBIGUOUS.

        Raises Unavailable when the database does not say.
        """
        look = self._line.run(_look_up, self._line.engine, name, now)
        done, _ = await asyncio.wait({look}, timeout=LOOK_UP_PATIENCE)
        if not done:
            self._line.hang_up()
            look.cancel()
            raise Unavailable
        if error := look.exception():
            fields = {"error": f"{type(error).__name__}: {error}".partition("\n")[0]}
            logger.warning("address could not be looked up", extra=fields)
            raise Unavailable from error
        return look.result()

    def close(self) -> None:
        """Let go of the thread and the connection."""
        self._line.hang_up()
        self._line.close()


def _look_up(engine: Engine, name: Name, now: datetime) -> Outcome:
    if isinstance(name, UUID):
        query = select(Monitor.id).where(_has_key(Monitor, name, now))
    else:
        query = select(Monitor.id).join(Workspace, Workspace.id == Monitor.workspace_id)
        query = query.where(_has_key(Workspace, name.ping_key, now), Monitor.slug == name.slug)
    with Session(engine) as session:
        found = session.scalars(query.limit(2)).all()
    if not found:
        return Outcome.UNKNOWN
    return Outcome.RECORDED if len(found) == 1 else Outcome.AMBIGUOUS


def _has_key(
    table: type[Monitor] | type[Workspace], key: UUID | str, now: datetime
) -> ColumnElement[bool]:
    """Whether a row has this key: the one it has now, or the old one while that works."""
    return or_(table.ping_key == key, and_(table.old_ping_key == key, table.old_key_until > now))
