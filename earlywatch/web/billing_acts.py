"""Acting on the bill: subscribe, change, pause, extend, resume, cancel, undo."""

from flask import Blueprint, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from earlywatch.clients.stripe_shapes import StripeRefused, Tariff
from earlywatch.db import db, release
from earlywatch.domain.money import InvalidMoney
from earlywatch.domain.plans import PLANS
from earlywatch.errands import acts, offers, stripe_pages
from earlywatch.errands.acting import UnderWay
from earlywatch.errands.offers import NotPossible
from earlywatch.services import subscriptions, watching
from earlywatch.web import billing_pages, pricing, selling
from earlywatch.web.billing_desk import Desk, Page
from earlywatch.web.billing_forms import ActForm, AmountForm, ChangeForm, read_tariff
from earlywatch.web.guards import member_only
from earlywatch.web.limits import limiter, person
from earlywatch.web.roles import treasurer
from earlywatch.web.stripe_turns import asks_stripe

bp = selling.register(Blueprint("billing_acts", __name__, url_prefix="/billing"))


@bp.route("/subscribe", methods=["POST"])
@member_only
@treasurer
@limiter.limit("10/hour", key_func=person)  # forms that take any amount draw testers of cards
@asks_stripe
def subscribe() -> ResponseReturnValue:
    """Lead to Stripe's page, where the plan is paid."""
    form = ActForm()
    form.pressed()
    try:
        tariff = read_tariff(request.form)
    except InvalidMoney as error:
        typed = request.form.get("amount", "")
        return pricing.page(AmountForm(formdata=None).show(typed, error))
    row = subscriptions.find(db.session(), g.workspace.id)
    if row is not None and row.live:
        return redirect(_change_url(tariff), 303)
    return _to_checkout(form, tariff)


@bp.route("/change", methods=["GET", "POST"])
@member_only
@treasurer
@asks_stripe
def change() -> ResponseReturnValue:
    """Choose a plan, see what it costs to the cent, confirm."""
    typed = request.args.get("amount", "")
    if "plan" not in request.args:
        return pricing.page(AmountForm(formdata=None).show(typed), "billing/choose.html")
    try:
        tariff = read_tariff(request.args)
    except InvalidMoney as error:
        return pricing.page(AmountForm(formdata=None).show(typed, error), "billing/choose.html")
    desk, form = Desk.of_member(), ChangeForm()
    if not form.pressed():
        return desk.show(_change_page(tariff))
    at, shown, now = form.at.value, form.shown.value, g.now
    press = (desk.workspace_id, desk.actor, form.action_id.value, tariff, at, shown, now)
    return desk.press(lambda: acts.change(*press), _change_page(tariff))


@bp.route("/pause", methods=["GET", "POST"])
@member_only
@treasurer
@asks_stripe
def pause() -> ResponseReturnValue:
    """Pause for some months, or until the owner comes back."""
    return billing_pages.pause(Desk.of_member())


@bp.route("/extend", methods=["GET", "POST"])
@member_only
@treasurer
@asks_stripe
def extend() -> ResponseReturnValue:
    """Let the pause last longer."""
    return billing_pages.extend(Desk.of_member())


@bp.route("/resume", methods=["GET", "POST"])
@member_only
@treasurer
@asks_stripe
def resume() -> ResponseReturnValue:
    """End the pause with a payment."""
    return billing_pages.resume(Desk.of_member())


@bp.route("/cancel", methods=["GET", "POST"])
@member_only
@treasurer
@asks_stripe
def cancel() -> ResponseReturnValue:
    """End the plan: with what is paid, or now."""
    return billing_pages.cancel(Desk.of_member())


@bp.route("/keep", methods=["GET", "POST"])
@member_only
@treasurer
@asks_stripe
def keep() -> ResponseReturnValue:
    """Undo a cancellation."""
    return billing_pages.keep(Desk.of_member())


def _to_checkout(form: ActForm, tariff: Tariff) -> ResponseReturnValue:
    release()
    press = (g.workspace.id, g.account, tariff, form.action_id.value, g.now)
    try:
        there = stripe_pages.subscribe(*press)
    except (StripeRefused, NotPossible, UnderWay) as error:
        flash(str(error), "warn")
        return redirect(url_for("pricing.index"), 303)
    return redirect(there, 303)


def _change_url(tariff: Tariff) -> str:
    amount = f"{tariff.price.cents / 100:.2f}" if PLANS[tariff.plan].chooses_amount else None
    return url_for(
        "billing_acts.change", plan=tariff.plan.value, every=tariff.every.value, amount=amount
    )


def _change_page(tariff: Tariff) -> Page:
    def page(desk: Desk, said: str) -> ResponseReturnValue:
        offer = offers.change(desk.workspace_id, tariff, g.now)
        plan = PLANS[tariff.plan]
        frozen = watching.would_freeze(db.session(), desk.workspace, plan.monitors)
        return desk.render("change", said, offer=offer, plans=PLANS, frozen=frozen)

    return page
