"""What plans cost, for everybody to see."""

from email.utils import parseaddr
from enum import StrEnum

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from earlywatch.db import db
from earlywatch.domain.money import Money
from earlywatch.domain.plans import FLOOR, FOR_SALE, FREE, SUGGESTED, Every
from earlywatch.errands.stripe_pages import NOTHING_TO_BUY
from earlywatch.models import Subscription
from earlywatch.services import plans, subscriptions
from earlywatch.services.wiring import wiring
from earlywatch.web import selling
from earlywatch.web.billing_forms import AmountForm
from earlywatch.web.guards import public
from earlywatch.web.roles import may_manage

bp = selling.register(Blueprint("pricing", __name__, url_prefix="/pricing"))

LONGEST_AMOUNT = 20


class Way(StrEnum):
    """What the buttons beside the prices do."""

    SIGN_UP = "sign_up"
    SUBSCRIBE = "subscribe"
    CHANGE = "change"
    LOOK = "look"  # there are none


@bp.route("")
@public
def index() -> ResponseReturnValue:
    """Show the plans."""
    form = AmountForm(formdata=None).show(request.args.get("amount", "")[:LONGEST_AMOUNT])
    return page(form)


def page(form: AmountForm, template: str = "pricing.html") -> str:
    """Return the plans, with what was typed as the amount of a supporter."""
    row = _subscription()
    return render_template(
        template,
        form=form,
        way=_way(row),
        nothing_to_buy=NOTHING_TO_BUY if _without_limits() else None,
        plans=(FREE, *FOR_SALE),
        intervals=tuple(Every),
        has=subscriptions.tariff_of(row) if row and row.live else None,
        floor=Money(FLOOR),
        suggested=[Money(cents).words.removesuffix(".00") for cents in SUGGESTED],
        write_to=parseaddr(wiring().settings.mail_from)[1],
    )


def _subscription() -> Subscription | None:
    workspace = g.get("workspace")
    return subscriptions.find(db.session(), workspace.id) if workspace else None


def _way(row: Subscription | None) -> Way:
    if g.get("account") is None:
        return Way.SIGN_UP
    if g.get("workspace") is None or not may_manage() or _without_limits():
        return Way.LOOK
    return Way.CHANGE if row and row.live else Way.SUBSCRIBE


def _without_limits() -> bool:
    workspace = g.get("workspace")
    return workspace is not None and plans.without_limits(workspace)
