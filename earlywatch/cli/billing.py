"""Commands about plans and what is paid for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.app import make_stripe
from earlywatch.cli.bill import bill_lines
from earlywatch.cli.parts import Sentences, ready_app
from earlywatch.clients.stripe_setup import set_up
from earlywatch.clock import utcnow
from earlywatch.config import Settings, is_on_loopback, load_settings
from earlywatch.db import transaction
from earlywatch.domain.plans import PLANS, PlanName
from earlywatch.errands.sync import sync as look
from earlywatch.errors import EarlywatchError, NotFound
from earlywatch.models import Subscription, Workspace
from earlywatch.services import plans, workspaces
from earlywatch.services.subscriptions import UNCHANGED
from earlywatch.supervisor import at_noted_address

OPERATOR = "the operator"
GIFTS = [plan.value for plan in PlanName if plan is not PlanName.UNLIMITED]
LARGEST_ID = 2**63 - 1
NO_WAY_IN = "Set BASE_URL to an address that it can reach, and run this again."
WHERE_SHOWN = "Stripe's dashboard shows it, under Webhooks, at this endpoint."
LAST_SECOND = time(23, 59, 59, tzinfo=UTC)


@click.group(cls=Sentences)
def billing() -> None:
    """Look after plans, and what is paid for them through Stripe.

    WORKSPACE is its number or the address of its owner.
    """


@billing.command()
@click.argument("workspace", required=False)
def sync(workspace: str | None) -> None:
    """Set our copy of what WORKSPACE pays, or all copies, from Stripe."""
    with _shop():
        outcomes = [(each, _look(each)) for each in _subscribed(workspace)]
    for workspace_id, outcome in outcomes:
        if workspace or outcome != UNCHANGED:
            click.echo(f"Workspace {workspace_id}: {outcome}")
    if not workspace:
        repaired = sum(outcome != UNCHANGED for _, outcome in outcomes)
        click.echo(f"{len(outcomes)} compared with Stripe, {repaired} not as they were.")


@billing.command()
@click.argument("workspace")
def show(workspace: str) -> None:
    """Show plan, subscription, gift and history of WORKSPACE."""
    with _shop(), transaction() as session:
        for line in bill_lines(session, _workspace(session, workspace), utcnow()):
            click.echo(line)


@billing.command()
@click.argument("workspace")
@click.argument("plan", type=click.Choice(GIFTS))
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day (UTC).")
def gift(workspace: str, plan: str, until: datetime | None) -> None:
    """Give WORKSPACE a PLAN; free takes a gift back."""
    now, end = utcnow(), _end_of(until)
    if end is not None and end <= now:
        raise click.UsageError("The last day of a gift must not be over.")
    with _shop(), transaction() as session:
        found = _workspace(session, workspace)
        plans.gift(session, found, PlanName(plan), end, OPERATOR, now)
        in_force = PLANS[PlanName(found.plan)].label
    click.echo(f"Workspace {found.id} is on {in_force} now.")


@billing.command()
def setup() -> None:
    """Make products, prices, webhook and portal in the Stripe account; again: check them."""
    settings = at_noted_address(load_settings())
    key = settings.require("stripe_secret_key")
    door = make_stripe(settings)
    assert door is not None
    url = webhook_url(settings)
    mode = "live" if "_live_" in key else "test"
    click.echo(f"The Stripe account of STRIPE_SECRET_KEY, {mode} mode:")
    done = set_up(door, url)
    for change in done.changes or ("Everything was there already. Nothing was changed.",):
        click.echo(f"- {change}")
    if url is None:
        click.echo(f"- Webhook: none, since Stripe cannot reach {settings.base_url}. {NO_WAY_IN}")
    if done.secret:
        click.echo(
            f"Stripe shows this once. Set it, and start the site again:\n{_line(done.secret)}"
        )
    elif url and not settings.stripe_webhook_secret:
        click.echo(f"STRIPE_WEBHOOK_SECRET is not set yet. {WHERE_SHOWN}")


@contextmanager
def _shop() -> Iterator[None]:
    """Be where plans are sold. Raises ConfigError where they are not."""
    load_settings().require("stripe_secret_key")
    with ready_app() as flask_app, flask_app.app_context():
        yield


def _look(workspace_id: int) -> str:
    try:
        return look(workspace_id, utcnow())
    except EarlywatchError as error:
        return str(error)


def _subscribed(words: str | None) -> list[int]:
    with transaction() as session:
        if words:
            return [_workspace(session, words).id]
        query = select(Subscription.workspace_id).order_by(Subscription.workspace_id)
        return list(session.scalars(query))


def _workspace(session: Session, words: str) -> Workspace:
    if not (words.isascii() and words.isdigit()):
        return workspaces.get_owned(session, words)
    number = int(words)
    found = session.get(Workspace, number) if number <= LARGEST_ID else None
    if found is None:
        raise NotFound(f"There is no workspace {words}.")
    return found


def _end_of(day: datetime | None) -> datetime | None:
    return datetime.combine(day.date(), LAST_SECOND) if day else None


def webhook_url(settings: Settings) -> str | None:
    """Return where Stripe is to call; None if it could not reach that."""
    if is_on_loopback(settings.base_url) and not is_on_loopback(settings.stripe_api_base):
        return None
    return f"{settings.base_url}/webhooks/stripe"


def _line(secret: str) -> str:
    return f"STRIPE_WEBHOOK_SECRET={secret}"
