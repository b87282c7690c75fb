"""A paid month that has ended, and whether it is given back because nothing pinged."""

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from earlywatch.db import Base
from earlywatch.models.columns import Moment, ref


class PaidMonth(Base):
    """Looked at once, soon after its end: pings and monitors may be gone later."""

    __tablename__ = "paid_month"
    __table_args__ = (
        CheckConstraint("cents >= 0", name="cents"),
        # What is still to be given back?
        Index(
            "ix_paid_month_open",
            "workspace_id",
            postgresql_where="cents > 0 AND credited_at IS NULL",
        ),
    )

    workspace_id: Mapped[int] = mapped_column(ref("workspace"), primary_key=True)
    starts_at: Mapped[Moment] = mapped_column(primary_key=True)
    ends_at: Mapped[Moment]
    cents: Mapped[int]  # to give back; 0: something pinged, or nothing was paid
    currency: Mapped[str]
    # To the card instead of the balance: the subscription has ended, no invoice will come.
    to_card: Mapped[bool] = mapped_column(server_default=text("false"))
    asked_at: Mapped[Moment | None]  # Stripe was asked, last
    credited_at: Mapped[Moment | None]
