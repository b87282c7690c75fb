"""Copies of Stripe's invoices: what was charged and given back, told once each."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from earlywatch.clients.stripe_shapes import InvoiceSeen
from earlywatch.domain.money import Money
from earlywatch.domain.proration import Line
from earlywatch.models import Invoice


def list_invoices(session: Session, workspace_id: int) -> Sequence[Invoice]:
    """Return the workspace's invoices, newest first."""
    query = select(Invoice).where(Invoice.workspace_id == workspace_id)
    return session.scalars(query.order_by(Invoice.created_at.desc(), Invoice.id)).all()


def lines_of(invoices: Iterable[Invoice | InvoiceSeen]) -> list[Line]:
    """Return the lines of those invoices that were paid.

    Of what Stripe says, they are less what was given back or disputed.
    """
    found: list[Line] = []
    for invoice in invoices:
        if invoice.status == "paid":
            found += _read(invoice.lines) if isinstance(invoice, Invoice) else _kept(invoice)
    return found


def store(session: Session, workspace_id: int, seen: Collection[InvoiceSeen]) -> dict[str, Invoice]:
    """Write copies of what is new or different; return what was known before, by id."""
    query = select(Invoice).where(Invoice.id.in_([each.id for each in seen]))
    rows = session.scalars(query.execution_options(populate_existing=True)).all()
    known = {row.id: _copy(row) for row in rows}
    stored = {row.id: row for row in rows}
    for each in seen:
        values = _values(workspace_id, each)
        if each.id not in stored or _differs(stored[each.id], values):
            row = insert(Invoice).values(id=each.id, **values)
            session.execute(row.on_conflict_do_update(index_elements=[Invoice.id], set_=values))
    return known


def _values(workspace_id: int, seen: InvoiceSeen) -> dict[str, Any]:
    return {
        "workspace_id": workspace_id,
        "number": seen.number,
        "status": seen.status,
        "total": seen.total,
        "paid": seen.paid,
        "due": seen.due,
        "refunded": seen.refunded,
        "currency": seen.currency,
        "created_at": seen.created_at,
        "lines": [
            {"cents": line.cents, "start": _seconds(line.start), "end": _seconds(line.end)}
            for line in seen.lines
        ],
        "payment_ids": list(seen.payment_ids),
    }


def _differs(row: Invoice, values: dict[str, Any]) -> bool:
    return any(getattr(row, name) != value for name, value in values.items())


def charged(seen: InvoiceSeen) -> Money:
    """Return what the card was charged."""
    return Money(seen.paid, seen.currency)


def _copy(invoice: Invoice) -> Invoice:
    return Invoice(
        id=invoice.id,
        status=invoice.status,
        paid=invoice.paid,
        currency=invoice.currency,
    )


def _kept(invoice: InvoiceSeen) -> Iterable[Line]:
    """Return the lines as what stayed with us paid for them."""
    if invoice.withheld == 0 or invoice.total <= 0:
        return invoice.lines
    kept = Fraction(max(0, invoice.total - invoice.withheld), invoice.total)
    return [replace(line, cents=round(line.cents * kept)) for line in invoice.lines]


def _read(lines: Iterable[dict[str, int]]) -> list[Line]:
    return [Line(line["cents"], _moment(line["start"]), _moment(line["end"])) for line in lines]


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
