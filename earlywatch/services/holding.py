"""Why nobody is told of an incident for now, and when to look again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from earlywatch.models.incident import Held
from earlywatch.services.cases import Case


@dataclass(frozen=True)
class Hold:
    """Why an incident is held back, and until when (UTC); None: until an event wakes it."""

    held: Held
    until: datetime | None
    by_id: int | None = None  # the monitor that blocks it


Ask = Callable[[Session, Sequence[Case], datetime], dict[int, Hold]]
