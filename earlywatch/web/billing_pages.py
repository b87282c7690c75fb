"""What members and readers of signed mails can do to a subscription: one page, one button."""

from datetime import datetime

from flask import g
from flask.typing import ResponseReturnValue

from earlywatch.db import db
from earlywatch.domain.pausing import MONTHS, months_later
from earlywatch.errands import acts, offers
from earlywatch.errands.offers import NotPossible
from earlywatch.models import Subscription
from earlywatch.services import invoices, subscriptions
from earlywatch.web import billing_words
from earlywatch.web.billing_desk import Desk
from earlywatch.web.billing_forms import (
    OPEN_END,
    ActForm,
    BrokenForm,
    CancelForm,
    FigureForm,
    LengthForm,
    PauseForm,
)
from earlywatch.web.billing_words import Bill, State
from earlywatch.web.watched import ticked

NOT_PAUSED = "The subscription is not paused."
NOT_CANCELLED = "The subscription is not cancelled."


def pause(desk: Desk) -> ResponseReturnValue:
    """Say what is credited and what stops being watched; each length is a button."""
    form = PauseForm()
    if not form.pressed():
        return desk.show(_pause_page)
    until, watch, credit = form.until(g.now), ticked(), form.shown.value
    press = (desk.workspace_id, desk.actor, form.action_id.value, until, watch, credit, g.now)
    return desk.press(lambda: acts.pause(*press), _pause_page)


def extend(desk: Desk) -> ResponseReturnValue:
    """Let a pause end later; each length is a button."""
    form = LengthForm()
    if not form.pressed():
        return desk.show(_extend_page)

    def act() -> str:
        row = _paused(desk)
        until = form.until(max(row.pause_until or g.now, g.now))
        return acts.extend(desk.workspace_id, desk.actor, form.action_id.value, until, g.now)

    return desk.press(act, _extend_page)


def resume(desk: Desk) -> ResponseReturnValue:
    """Say what is charged, when and on which card; then do it."""
    form = FigureForm()
    if not form.pressed():
        return desk.show(_resume_page)
    press = (desk.workspace_id, desk.actor, form.action_id.value, form.shown.value, g.now)
    return desk.press(lambda: acts.resume(*press), _resume_page)


def cancel(desk: Desk) -> ResponseReturnValue:
    """Offer both ways to end, side by side."""
    form = CancelForm()
    if not form.pressed():
        return desk.show(_cancel_page)
    watch, refund = ticked(), form.shown.value
    who = (desk.workspace_id, desk.actor, form.action_id.value, watch)
    if form.when.data == "end":
        return desk.press(lambda: acts.cancel_at_end(*who, g.now), _cancel_page)
    if form.when.data == "now":
        return desk.press(lambda: acts.cancel_now(*who, refund, g.now), _cancel_page)
    raise BrokenForm


def keep(desk: Desk) -> ResponseReturnValue:
    """Say what is charged again, then undo the cancellation."""
    form = ActForm()
    if not form.pressed():
        return desk.show(_keep_page)
    press = (desk.workspace_id, desk.actor, form.action_id.value, g.now)
    return desk.press(lambda: acts.keep(*press), _keep_page)


def _pause_page(desk: Desk, said: str) -> ResponseReturnValue:
    offer = offers.pause(desk.workspace_id, g.now)
    figures = {"offer": offer, "ends": _ends(g.now), "choice": desk.unpaid_choice()}
    return desk.render("pause", said, bill=_bill(desk), **figures)


def _extend_page(desk: Desk, said: str) -> ResponseReturnValue:
    row = _paused(desk)
    start = max(row.pause_until or g.now, g.now)
    ends = _ends(start)
    if row.pause_until is None:
        del ends[OPEN_END]
    return desk.render("extend", said, ends=ends, bill=_bill(desk))


def _resume_page(desk: Desk, said: str) -> ResponseReturnValue:
    offer = offers.resume(desk.workspace_id, g.now)
    return desk.render("resume", said, offer=offer, bill=_bill(desk))


def _cancel_page(desk: Desk, said: str) -> ResponseReturnValue:
    offer = offers.cancel(desk.workspace_id, g.now)
    return desk.render("cancel", said, offer=offer, choice=desk.unpaid_choice(), bill=_bill(desk))


def _keep_page(desk: Desk, said: str) -> ResponseReturnValue:
    bill = _bill(desk)
    if bill.state is not State.ENDING:
        raise NotPossible(NOT_CANCELLED)
    return desk.render("keep", said, bill=bill)


def _ends(start: datetime) -> dict[str, datetime | None]:
    """Return when a pause from `start` on ends, by the button that says so."""
    return {**{str(months): months_later(start, months) for months in MONTHS}, OPEN_END: None}


def _paused(desk: Desk) -> Subscription:
    row = subscriptions.find(db.session(), desk.workspace_id)
    if row is None or row.status != "paused":
        raise NotPossible(NOT_PAUSED)
    return row


def _bill(desk: Desk) -> Bill:
    session = db.session()
    return billing_words.present(
        desk.workspace,
        subscriptions.find(session, desk.workspace_id),
        invoices.list_invoices(session, desk.workspace_id),
    )
