"""What every task does while the database is away: one line in the log, and again next time."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

logger = logging.getLogger(__name__)


@contextmanager
def outlived(work: str) -> Iterator[None]:
    """Log any error of `work` instead of raising it; it is done again in a second."""
    try:
        yield
    except (OperationalError, InterfaceError, NoConnectionFree) as error:
        reason = str(error).partition("\n")[0]
        logger.warning("database is away", extra={"work": work, "reason": reason})
    except Exception:  # a periodic task goes on, whatever one round met
        logger.exception("round failed", extra={"work": work})
