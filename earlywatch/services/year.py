"""A year of a workspace in three numbers, for its yearly summary."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.models import Channel, Delivery, Invoice, PaidMonth
from earlywatch.models.columns import OutboxState

ABOUT_INCIDENTS = (AlertKind.OPENED.value, AlertKind.RESOLVED.value)


@dataclass(frozen=True)
class Year:
    """What happened to a workspace from `since` to `until` (UTC). Amounts are in cents."""

    session: Session
    workspace_id: int
    since: datetime
    until: datetime

    def paid(self) -> int:
        """Return what the card was charged."""
        return self._of_invoices(func.sum(Invoice.paid))

    def given_back(self) -> int:
        """Return what the card got back, and what was credited for months without pings."""
        credited = select(func.sum(PaidMonth.cents)).where(
            PaidMonth.workspace_id == self.workspace_id,
            PaidMonth.to_card.is_(False),  # the others are refunds of invoices
            PaidMonth.credited_at >= self.since,
            PaidMonth.credited_at < self.until,
        )
        refunded = self._of_invoices(func.sum(Invoice.refunded))
        return refunded + int(self.session.scalar(credited) or 0)

    def alerts(self) -> int:
        """Return how many messages about incidents were sent, to channels that there still are."""
        sent = (
            select(func.count())
            .select_from(Delivery)
            .join(Channel, Channel.id == Delivery.channel_id)
            .where(
                Channel.workspace_id == self.workspace_id,
                Delivery.alert.in_(ABOUT_INCIDENTS),
                Delivery.state == OutboxState.SENT.value,
                Delivery.created_at >= self.since,
                Delivery.created_at < self.until,
            )
        )
        return self.session.scalar(sent) or 0

    def _of_invoices(self, total: ColumnElement[int]) -> int:
        query = select(total).where(
            Invoice.workspace_id == self.workspace_id,
            Invoice.created_at >= self.since,
            Invoice.created_at < self.until,
        )
        return int(self.session.scalar(query) or 0)
