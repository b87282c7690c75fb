"""When each periodic process was last alive."""

from datetime import datetime

from sqlalchemy import BigInteger, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from earlywatch.db import Base
from earlywatch.models.columns import Moment

DETECTOR = "detect"  # the name of who judges


class Tick(Base):
    """One row per process that beats, such as `detect`."""

    __tablename__ = "tick"

    name: Mapped[str] = mapped_column(primary_key=True)
    ticked_at: Mapped[Moment]
    place: Mapped[int | None] = mapped_column(BigInteger)  # how far a walk over rows has come

    @classmethod
    def mark(cls, session: Session, name: str, now: datetime) -> None:
        """Remember that `name` was alive at `now` (UTC); an older `now` changes nothing."""
        row = insert(cls).values(name=name, ticked_at=now)
        newest = func.greatest(cls.ticked_at, row.excluded.ticked_at)
        session.execute(
            row.on_conflict_do_update(index_elements=[cls.name], set_={"ticked_at": newest})
        )
