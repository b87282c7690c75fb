"""Doing what a person confirmed, once, however often the button is pressed or a process dies.

Each act is stored, Stripe is asked with the act's id as idempotency key, and our copy is set from
Stripe. Where Stripe does not answer, nothing is assumed: `errands.unfinished` finds out.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from earlywatch.clients.stripe_shapes import Tariff
from earlywatch.db import transaction
from earlywatch.domain.plans import PLANS
from earlywatch.domain.words import date_words
from earlywatch.errands import offers, refunds
from earlywatch.errands.acting import FigureChanged, Prepare, act, look_again, same, see_outcome
from earlywatch.errands.door import stripe
from earlywatch.errands.offers import NotPossible
from earlywatch.errands.sync import sync
from earlywatch.models import Subscription, Workspace
from earlywatch.models.billing import ActionKind
from earlywatch.services import (
    billing_actions,
    pauses,
    plans,
    reminders,
    subscription_news,
    subscriptions,
    watching,
)
from earlywatch.services.billing_actions import Pressed

FRESH = 15 * 60  # seconds for which the figures of a change hold
CANCELLABLE = ("active", "past_due", "paused", "unpaid")
PAYMENT_WAITS = (
    "The payment has not gone through. Pay it on Stripe's page, where your bank may ask you to"
    " confirm; until then nothing changes, and after 23 hours it is dropped."
)


def change(
    workspace_id: int,
    actor: str,
    action_id: UUID,
    tariff: Tariff,
    at: int,
    shown_due: int,
    now: datetime,
) -> str:
    """Change plan, amount or interval, at the figures that were shown for the Unix time `at`."""
    if not 0 <= now.timestamp() - at <= FRESH:
        raise FigureChanged("This page was open for a while. Please look at the new figures.")
    price = tariff.price
    details = {"plan": tariff.plan, "every": tariff.every, "amount": price.cents, "at": at}

    def work() -> str:
        found, preview = offers.preview_change(workspace_id, tariff, at)
        same(found.money(shown_due), found.money(preview.due), "would be charged now")
        stripe().change(found.subscription, tariff, at, f"{action_id}-change")
        row = see_outcome(workspace_id, now)
        if row and row.payment_url:
            return PAYMENT_WAITS
        return f"Changed to {PLANS[tariff.plan].label}, {price.words} a {tariff.every}."

    return act(Pressed(action_id, workspace_id, actor, ActionKind.CHANGE, details), work, now)


def pause(
    workspace_id: int,
    actor: str,
    action_id: UUID,
    until: datetime | None,
    watch: Collection[int],
    shown_credit: int,
    now: datetime,
) -> str:
    """Stop charging until a moment (UTC), or until the owner comes back; `watch` stays watched."""
    details = {"until": until.isoformat() if until else None, "credit": shown_credit}

    def work() -> str:
        found = offers.look_to_pause(workspace_id)
        zone = found.zone
        credit = found.money(offers.pause_credit(found, now))
        same(found.money(shown_credit), credit, "would be credited")
        if found.subscription.renewing:
            with transaction() as session:  # what it asked for is dropped first: no way back
                billing_actions.begin(session, action_id)
        _pause(found, action_id, now)
        look_again(workspace_id, now)
        return f"Paused {pauses.ending(until, zone)}. Nothing is charged meanwhile."

    pressed = Pressed(action_id, workspace_id, actor, ActionKind.PAUSE, details)
    return act(pressed, work, now, _choose(workspace_id, watch, now))


def extend(
    workspace_id: int, actor: str, action_id: UUID, until: datetime | None, now: datetime
) -> str:
    """Let a pause last until another moment (UTC), or until the owner comes back."""

    def work() -> str:
        with transaction() as session:
            row = subscriptions.find(session, workspace_id)
        if row and row.stripe_id and row.status == "paused" and row.payment_url:
            stripe().void_unpaid(row.stripe_id)  # a resumption that failed must not succeed later
            look_again(workspace_id, now)
        with transaction() as session:
            return pauses.extend(session, workspace_id, actor, until, now)

    details = {"until": until.isoformat() if until else None}
    return act(Pressed(action_id, workspace_id, actor, ActionKind.EXTEND, details), work, now)


def resume(
    workspace_id: int, actor: str, action_id: UUID, shown_due: int | None, now: datetime
) -> str:
    """Charge and go on; without a successful payment everything stays paused.

    `shown_due` None means that nobody was shown a figure: the pause ends by itself.
    """

    def work() -> str:
        found = offers.look(workspace_id, "paused")
        due = offers.resume_due(found)
        if shown_due is not None:
            same(found.money(shown_due), found.money(due), "would be charged now")
        _resume(found, action_id)
        row = see_outcome(workspace_id, now)
        if row and row.status == "paused":
            raise NotPossible(f"{PAYMENT_WAITS} Your plan stays paused.")
        return "Resumed. Every schedule counts from now."

    def still_ends(session: Session) -> None:
        row = Subscription.lock(session, workspace_id)
        if row is None or not reminders.may_resume(session, row, now):
            raise NotPossible("The pause does not end now.")

    pressed = Pressed(action_id, workspace_id, actor, ActionKind.RESUME, {})
    return act(pressed, work, now, still_ends if shown_due is None else None)


def cancel_at_end(
    workspace_id: int, actor: str, action_id: UUID, watch: Collection[int], now: datetime
) -> str:
    """Let the subscription end with its period; it can be undone until then."""

    def work() -> str:
        found = offers.look(workspace_id, "active", "past_due", "unpaid")
        stripe().set_end(found.subscription.id, f"{action_id}-end", at_period_end=True)
        look_again(workspace_id, now)
        end = date_words(found.subscription.period_end, found.zone)
        return f"Cancelled. {found.plan.label} ends on {end}."

    pressed = Pressed(action_id, workspace_id, actor, ActionKind.CANCEL_AT_END, {})
    return act(pressed, work, now, _choose(workspace_id, watch, now))


def keep(workspace_id: int, actor: str, action_id: UUID, now: datetime) -> str:
    """Undo a cancellation whose end has not come yet."""

    def work() -> str:
        found = offers.look(workspace_id, "active", "past_due", "unpaid")
        stripe().set_end(found.subscription.id, f"{action_id}-keep", at_period_end=False)
        look_again(workspace_id, now)
        return f"Undone. {found.plan.label} goes on."

    return act(Pressed(action_id, workspace_id, actor, ActionKind.KEEP, {}), work, now)


def cancel_now(
    workspace_id: int,
    actor: str,
    action_id: UUID,
    watch: Collection[int],
    shown_refund: int,
    now: datetime,
) -> str:
    """End at once; the whole unused days, and what else we owe, go back to the card."""

    def work() -> str:
        found = offers.look(workspace_id, *CANCELLABLE)
        if found.doubled:  # or the other one would go on
            sync(workspace_id, now)
            found = offers.look(workspace_id, *CANCELLABLE)
        refund = offers.cancel_refund(found, now)
        same(found.money(shown_refund), found.money(refund), "would be given back")
        with transaction() as session:
            billing_actions.note(session, action_id, **_plan(found, refund, now))
        stripe().cancel(found.subscription.id)
        return end_cancel(workspace_id, action_id, now)

    pressed = Pressed(action_id, workspace_id, actor, ActionKind.CANCEL_NOW, {})
    return act(pressed, work, now, _choose(workspace_id, watch, now))


def end_cancel(workspace_id: int, action_id: UUID, now: datetime) -> str:
    """Do the rest of a cancellation that Stripe has taken; a worker may have to. Return a sentence.

    Raises StripeAway: then it is done later.
    """
    with transaction() as session:
        if not billing_actions.begin_cancel(session, action_id):
            return "Cancelled."
    back, refused = refunds.follow_cancel(action_id)
    row, about = look_again(workspace_id, now), str(action_id)
    with transaction() as session:
        subscription_news.tell_cancelled(session, workspace_id, about, row, back, now)
    if refused:
        refunds.tell_refused(workspace_id, about, refused, now)
        return f"Cancelled. {refused.words} could not go back to your card; we will write to you."
    if not back:
        return "Cancelled. Nothing more is charged."
    return f"Cancelled. {back.words} goes back to your card within 14 days."


def _plan(found: offers.Look, refund: int, now: datetime) -> dict[str, Any]:
    """Return what the steps after the cancellation need; cents, a balance below 0 is a credit."""
    payers = refunds.payers(found.seen, found.subscription)
    return {
        "subscription": found.subscription.id,
        "customer": found.seen.id,
        "currency": found.tariff.price.currency,
        "refunds": refunds.shares(stripe(), payers, refund),
        "balance": refunds.balance_then(found.seen, found.subscription),
        "balance_after": refund - offers.cancel_owed(found, now),
    }


def end_pause(workspace_id: int, action_id: UUID, now: datetime) -> str:
    """Do the rest of a pause that has begun. Return a sentence. Raises StripeAway, NotPossible."""
    _pause(offers.look(workspace_id, "active"), action_id, now)
    look_again(workspace_id, now)
    return "Paused. Nothing is charged meanwhile."


def _pause(found: offers.Look, action_id: UUID, now: datetime) -> None:
    door, key = stripe(), f"{action_id}-pause"
    if found.subscription.renewing or found.subscription.waiting_invoice:
        # Or the new period would be charged within the hour; and Stripe pauses no waiting change.
        door.void_unpaid(found.subscription.id)
        # It may have been charged at the very moment: then there is something to credit.
        found = offers.look(found.row.workspace_id, "active")
    subscription = found.subscription
    if subscription.flexible:
        door.pause(subscription.id, key, credit=not subscription.renewing)
        return
    with transaction() as session:
        billing_actions.note(session, action_id, credit=offers.pause_credit(found, now))
    door.pause_collection(subscription.id, key)


def _resume(found: offers.Look, action_id: UUID) -> None:
    subscription, door = found.subscription, stripe()
    if subscription.waiting_invoice:
        door.pay(subscription.waiting_invoice, f"{action_id}-pay")
    elif not subscription.collection_paused:
        door.resume(subscription.id, f"{action_id}-resume")
    else:
        give_pause_credit(found, action_id)
        door.resume_collection(subscription.id, f"{action_id}-resume")


def give_pause_credit(found: offers.Look, action_id: UUID) -> None:
    """Move the credit that only we know of to the customer's balance, once."""
    cents = found.row.pause_credit or 0
    if cents == 0:
        return
    words, currency = offers.credit_words(found), found.tariff.price.currency
    if not stripe().has_credit(found.seen.id, words):
        stripe().credit(found.seen.id, cents, currency, words, f"{action_id}-credit")
    with transaction() as session:
        row = Subscription.lock(session, found.row.workspace_id)
        if row is not None:
            row.pause_credit = 0


def _choose(workspace_id: int, watch: Collection[int], now: datetime) -> Prepare:
    """Return what stores which monitors stay watched; without a choice the old one stands."""

    def remember(session: Session) -> None:
        workspace = session.get_one(Workspace, workspace_id)
        if watch:
            plan = plans.without_payment(workspace, now)
            watching.remember_choice(session, workspace, watch, plan)

    return remember
