"""How many SMS a workspace sent in a month; channels come and go, this stays."""

from datetime import date

from sqlalchemy.orm import Mapped, mapped_column

from earlywatch.db import Base
from earlywatch.models.columns import ref


class SmsUse(Base):
    """One row per workspace and calendar month (UTC) in which it sent any."""

    __tablename__ = "sms_use"

    workspace_id: Mapped[int] = mapped_column(ref("workspace"), primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)  # its first day
    used: Mapped[int]
