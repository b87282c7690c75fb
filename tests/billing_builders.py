"""Rows about money for tests; like `builders`, nothing here commits."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.letter import Letter
from earlywatch.domain.pausing import months_later
from earlywatch.models import BillingMail, Invoice, Subscription, Workspace
from earlywatch.services import billing_mails
from earlywatch.services.links import Links
from earlywatch.services.outbox import Outcome
from tests.builders import NOW, make_workspace

CARD = {"brand": "visa", "last4": "4242", "month": 12, "year": 2028}

_numbers = count(1)


def make_subscription(
    session: Session, workspace: Workspace | None = None, *, now: datetime = NOW, **columns: Any
) -> Subscription:
    """Team at $20 a month, begun at `now` and active; `columns` say otherwise."""
    workspace = workspace or make_workspace(session, now=now)
    number = next(_numbers)
    every = columns.get("every", "month")
    row = Subscription(
        **{
            "workspace_id": workspace.id,
            "customer_id": f"cus_{number}",
            "stripe_id": f"sub_{number}",
            "status": "active",
            "plan": "team",
            "amount": 2_000 if every == "month" else 20_000,
            "currency": "usd",
            "every": every,
            "started_at": now,
            "period_start": now,
            "period_end": months_later(now, 1 if every == "month" else 12),
            "card": CARD,
            "synced_at": now,
            **columns,
        }
    )
    session.add(row)
    session.flush()
    return row


def make_paused(
    session: Session,
    workspace: Workspace | None = None,
    *,
    until: datetime | None,
    credit: int = 0,
    now: datetime = NOW,
    **columns: Any,
) -> Subscription:
    """A subscription that was paused at `now` until a moment; `credit` is in cents."""
    return make_subscription(
        session,
        workspace,
        now=now,
        **{"status": "paused", "paused_at": now, "pause_until": until, "pause_credit": credit}
        | columns,
    )


def make_invoice(
    session: Session,
    workspace: Workspace,
    cents: int = 2_000,
    *,
    lines: Iterable[tuple[int, datetime, datetime]] | None = None,
    now: datetime = NOW,
    **columns: Any,
) -> Invoice:
    """A paid invoice of `now` for a month from then on, or for `lines` (cents, start, end)."""
    number = next(_numbers)
    stretches = [(cents, now, months_later(now, 1))] if lines is None else list(lines)
    total = sum(each for each, _, _ in stretches)
    paid = columns.get("paid", max(0, total))
    invoice = Invoice(
        **{
            "id": f"in_{number}",
            "workspace_id": workspace.id,
            "number": f"EW-{number:04d}",
            "status": "paid",
            "total": total,
            "paid": paid,
            "due": total - paid if columns.get("status") == "open" else 0,
            "currency": "usd",
            "created_at": now,
            "lines": [
                {"cents": each, "start": int(start.timestamp()), "end": int(end.timestamp())}
                for each, start, end in stretches
            ],
            "payment_ids": [f"pi_{number}"],
            **columns,
        }
    )
    session.add(invoice)
    session.flush()
    return invoice


def mails(session: Session, kind: str | None = None) -> list[BillingMail]:
    """Return the queued mails about money, or those of one kind, oldest first."""
    query = select(BillingMail).order_by(BillingMail.id).execution_options(populate_existing=True)
    if kind is not None:
        query = query.where(BillingMail.kind == kind)
    return list(session.scalars(query))


def letters(session: Session, kind: str | None = None) -> list[Letter]:
    """Return what the queued mails say."""
    return [Letter.from_json(mail.letter) for mail in mails(session, kind)]


def send_mails(session: Session, now: datetime) -> int:
    """Let every mail that is due be accepted at `now`; return how many."""
    links, sent = Links("https://watch.test", "a secret that is long enough"), 0
    while outgoing := billing_mails.claim(session, links, now):
        accepted = Outcome(sent=True, answer="250 accepted")
        billing_mails.record(session, outgoing, accepted, now)
        sent += 1
    return sent


def days(number: float) -> timedelta:
    """Return so many days."""
    return timedelta(days=number)
