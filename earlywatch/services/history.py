"""The billing history: every change of price, plan or state, with who did it and when."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from earlywatch.domain.money import Money
from earlywatch.models import BillingChange

STRIPE = "Stripe"
EARLYWATCH = "Earlywatch"
PER_PAGE = 100


def add(
    session: Session,
    workspace_id: int,
    kind: str,
    about: str,
    actor: str,
    sentence: str,
    now: datetime,
    money: Money | None = None,
) -> bool:
    """Add a line dated `now` (UTC); return False if this `about` was told before.

    `money` is what was charged; negative was given back.
    """
    line = insert(BillingChange).values(
        workspace_id=workspace_id,
        at=now,
        kind=kind,
        about=about,
        actor=actor,
        sentence=sentence,
        amount=money.cents if money else None,
        currency=money.currency if money else None,
    )
    added = line.on_conflict_do_nothing().returning(BillingChange.id)
    return session.scalar(added) is not None


def lines(
    session: Session, workspace_id: int, before: int | None = None
) -> Sequence[BillingChange]:
    """Return a page of the history, newest first, of lines older than the one with id `before`."""
    query = select(BillingChange).where(BillingChange.workspace_id == workspace_id)
    if before is not None:
        query = query.where(BillingChange.id < before)
    return session.scalars(query.order_by(BillingChange.id.desc()).limit(PER_PAGE)).all()
