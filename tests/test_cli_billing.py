"""`earlywatch billing` and `earlywatch events`, typed beside a Stripe."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from earlywatch.cli.billing import webhook_url
from earlywatch.clock import utcnow
from earlywatch.config import Settings
from earlywatch.models import ReceivedEvent, Subscription, Workspace
from earlywatch.services import events
from earlywatch.services.workspaces import get_owned
from tests.events import make_event
from tests.fakes.stripe import FakeStripe
from tests.selling import KEY, buy, client_of
from tests.serving import database_with_tables
from tests.terminal import Outcome, Terminal, terminal

OWNER = "owner@example.org"
TABLES = "account, workspace, received_event, refused_event, tick"


@pytest.fixture(scope="module")
def engine(worker: str) -> Iterator[Engine]:
    """A database of this module, with tables."""
    with database_with_tables(f"{worker}_cli_billing") as url:
        engine = create_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture
def stripe() -> Iterator[FakeStripe]:
    """A Stripe account that nobody has used; it tells us nothing."""
    with FakeStripe() as fake:
        yield fake


class Desk:
    """An operator's terminal, with the settings of an installation that sells plans."""

    def __init__(self, typing: Terminal, engine: Engine, stripe: FakeStripe) -> None:
        self._typing = typing
        self.settings = {
            "DATABASE_URL": engine.url.render_as_string(hide_password=False),
            "SECRET_KEY": "for the tests alone",
            "BASE_URL": "https://watch.example.org",
            "STRIPE_SECRET_KEY": KEY,
            "STRIPE_API_BASE": stripe.url,
        }

    def run(self, *words: str, **settings: str) -> Outcome:
        """Run a command."""
        return self._typing.run(*words, **{**self.settings, **settings})


@pytest.fixture
def desk(tmp_path: Path, engine: Engine, stripe: FakeStripe) -> Iterator[Desk]:
    """A desk in an installation with one owner."""
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {TABLES} CASCADE"))
    with terminal(tmp_path) as typing:
        desk = Desk(typing, engine, stripe)
        assert desk.run("account", "add", OWNER).status == 0
        yield desk


@pytest.fixture
def rows(engine: Engine, desk: Desk) -> Iterator[Session]:
    """What the commands find and leave."""
    with Session(engine) as session:
        yield session


def workspace(rows: Session) -> Workspace:
    rows.rollback()
    return get_owned(rows, OWNER)


def subscribe(rows: Session, desk: Desk, stripe: FakeStripe) -> Subscription:
    """Let the owner subscribe at Stripe; we have not heard of it."""
    assert desk.run("billing", "setup").status == 0
    customer = client_of(stripe).v1.customers.create({"email": OWNER})
    rows.add(Subscription(workspace_id=workspace(rows).id, customer_id=customer.id))
    rows.commit()
    buy(stripe, customer.id)
    return rows.query(Subscription).one()


def test_setup_says_what_it_made_and_tells_the_secret_once(desk: Desk, stripe: FakeStripe) -> None:
    first = desk.run("billing", "setup")
    again = desk.run("billing", "setup", STRIPE_WEBHOOK_SECRET="whsec_earlywatch")

    assert (first.status, first.err) == (0, "")
    assert "test mode" in first.out
    assert "- Product earlywatch_team: made.\n" in first.out
    assert "- Price earlywatch_business_year: made, $800.00 a year.\n" in first.out
    assert "- Webhook https://watch.example.org/webhooks/stripe: made" in first.out
    assert "\nSTRIPE_WEBHOOK_SECRET=whsec_" in first.out
    assert again.status == 0
    assert again.out.endswith(":\n- Everything was there already. Nothing was changed.\n")


def test_setup_reminds_of_a_secret_that_is_not_set(desk: Desk) -> None:
    desk.run("billing", "setup")

    again = desk.run("billing", "setup")

    assert "STRIPE_WEBHOOK_SECRET is not set yet." in again.out


def test_a_webhook_is_made_only_where_stripe_can_reach_it() -> None:
    def url(base: str, **others: str) -> str | None:
        return webhook_url(Settings.model_validate({"base_url": base, **others}))

    assert url("https://watch.example.org") == "https://watch.example.org/webhooks/stripe"
    assert url("http://127.0.0.1:8000") is None
    assert url("http://localhost:8000") is None
    beside_us = url("http://127.0.0.1:8000", stripe_api_base="http://127.0.0.1:12111")
    assert beside_us == "http://127.0.0.1:8000/webhooks/stripe"


@pytest.mark.parametrize(
    "words",
    [
        ["setup"],
        ["sync"],
        ["show", OWNER],
        ["gift", OWNER, "team"],
    ],
)
def test_without_a_key_a_sentence_names_it(desk: Desk, words: list[str]) -> None:
    outcome = desk.run("billing", *words, STRIPE_SECRET_KEY="")

    assert outcome.status == 1
    assert outcome.err == (
        "Error: STRIPE_SECRET_KEY is missing: the secret key of a Stripe account,"
        " from Stripe's dashboard.\n"
    )


def test_while_stripe_is_away_a_sentence_says_so(
    desk: Desk, rows: Session, stripe: FakeStripe
) -> None:
    subscribe(rows, desk, stripe)

    with stripe.down():
        setup, sync = desk.run("billing", "setup"), desk.run("billing", "sync", OWNER)

    assert setup.status == 1
    assert setup.err.startswith("Error: Stripe, which takes our payments, could not be reached.")
    assert "could not be reached" in sync.out


def test_sync_sets_our_copies_and_names_what_was_wrong(
    desk: Desk, rows: Session, stripe: FakeStripe
) -> None:
    row = subscribe(rows, desk, stripe)

    first, again = desk.run("billing", "sync"), desk.run("billing", "sync")
    one = desk.run("billing", "sync", str(row.workspace_id))

    assert first.out == (
        f"Workspace {row.workspace_id}: Set to active.\n"
        "1 compared with Stripe, 1 not as they were.\n"
    )
    assert again.out == "1 compared with Stripe, 0 not as they were.\n"
    assert one.out == f"Workspace {row.workspace_id}: Nothing had changed.\n"
    assert workspace(rows).plan == "team"


def test_show_tells_what_an_operator_is_asked(
    desk: Desk, rows: Session, stripe: FakeStripe
) -> None:
    row = subscribe(rows, desk, stripe)
    desk.run("billing", "sync")

    shown = desk.run("billing", "show", OWNER)

    assert (shown.status, shown.err) == (0, "")
    facts = dict(line.split(maxsplit=1) for line in shown.out.splitlines() if line.split()[1:])
    assert f"({OWNER})" in facts["Workspace"]
    assert facts["Subscription"] == "Team, active, $20.00 a month"
    assert facts["Next"].startswith("$20.00 on ")
    assert facts["Card"] == "visa, ends in 4242"
    assert facts["Gift"] == "none"
    assert row.customer_id in shown.out
    assert "Subscribed to Team, $20.00 a month." in shown.out


def test_show_knows_who_never_went_to_stripe(desk: Desk, rows: Session) -> None:
    shown = desk.run("billing", "show", str(workspace(rows).id))

    assert "Plan in force   Free\n" in shown.out
    assert "never went to Stripe" in shown.out


def test_a_gift_counts_until_its_last_day_and_can_be_taken_back(desk: Desk, rows: Session) -> None:
    last_day = (utcnow() + timedelta(days=30)).date().isoformat()

    given = desk.run("billing", "gift", OWNER, "business", "--until", last_day)
    held = workspace(rows)
    shown = desk.run("billing", "show", OWNER)
    taken = desk.run("billing", "gift", OWNER, "free")

    assert given.out == f"Workspace {held.id} is on Business now.\n"
    assert held.gift_until is not None
    assert held.gift_until.isoformat() == f"{last_day}T23:59:59+00:00"
    assert "Gift            Business until" in shown.out
    assert taken.out == f"Workspace {held.id} is on Free now.\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["gift", OWNER, "gold"], "'gold' is not one of"),
        (["gift", OWNER, "unlimited"], "'unlimited' is not one of"),
        (["gift", OWNER, "team", "--until", "2020-01-01"], "must not be over"),
        (["gift", OWNER, "team", "--until", "soon"], "'soon' does not match"),
        (["show", "nobody@example.org"], "Nobody with the address nobody@example.org"),
        (["show", "4711"], "There is no workspace 4711."),
        (["show", "9" * 30], "There is no workspace 9"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(
    desk: Desk, words: list[str], sentence: str
) -> None:
    outcome = desk.run("billing", *words)

    assert outcome.status != 0
    assert sentence in outcome.err
    assert "Traceback" not in outcome.err


def test_an_event_is_replayed_by_our_number_or_by_stripes(desk: Desk, rows: Session) -> None:
    now = utcnow()
    event = make_event(rows, now=now)
    claimed = events.claim(rows, now)
    assert claimed is not None
    events.settle(rows, claimed, "Set to active.", now)
    rows.commit()

    by_id = desk.run("events", "replay", event.event_id)
    rows.rollback()
    waits = rows.get_one(ReceivedEvent, event.id, populate_existing=True).handled_at is None
    by_number = desk.run("events", "replay", str(event.id))
    unknown = desk.run("events", "replay", "evt_nobody")
    huge = desk.run("events", "replay", "9" * 30)

    assert by_id.err == f"{event.event_id} (invoice.paid) is handled again within seconds.\n"
    assert waits
    assert by_number.status == 0
    assert (unknown.status, unknown.err) == (1, "Error: There is no such event.\n")
    assert (huge.status, huge.err) == (1, "Error: There is no such event.\n")
