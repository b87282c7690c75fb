"""What people did about an incident, in order."""

from enum import StrEnum

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from earlywatch.db import Base
from earlywatch.models.columns import Id, Moment, one_of, ref


class Deed(StrEnum):
    """What came of a press."""

    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    UNDONE = "undone"


class IncidentAct(Base):
    """One press of a button, on the page or in an alert. What holds now stands in the incident."""

    __tablename__ = "incident_act"
    __table_args__ = (
        one_of("deed", "deed", Deed),
        # Who did what about this incident?
        Index("ix_incident_act_incident", "incident_id", "id"),
    )

    id: Mapped[Id]
    incident_id: Mapped[int] = mapped_column(ref("incident"))
    deed: Mapped[str]
    at: Mapped[Moment]
    by: Mapped[str]  # an address, or through what it came
    until: Mapped[Moment | None]  # of a snooze; None: until it is back
