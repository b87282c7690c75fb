"""Where plans are sold: whether they are, and who may act on the bill."""

from uuid import uuid4

from flask import Blueprint, abort

from earlywatch.services.limits import LimitReached
from earlywatch.services.wiring import wiring


def sold_here() -> bool:
    """Whether plans are sold; without Stripe keys it is an installation of one's own."""
    return wiring().stripe is not None


def only_where_sold() -> None:
    """Answer 404 where nothing is sold; for `before_request` of blueprints about money."""
    if not sold_here():
        abort(404)


def limit_words(error: LimitReached) -> str:
    """Return why the plan allows no more, and the ways on that there are here."""
    return error.words(sold=sold_here())


def new_action_id() -> str:
    """Return what makes pressing a button twice one act."""
    return str(uuid4())


def register(bp: Blueprint) -> Blueprint:
    """Let the pages of a blueprint exist only where plans are sold."""
    bp.before_request(only_where_sold)
    bp.add_app_template_global(sold_here)
    bp.add_app_template_global(new_action_id)
    return bp
