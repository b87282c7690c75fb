"""Disputes and warnings of fraud: somebody is told, money goes back, nothing is frozen."""

import pytest
from sqlalchemy.orm import Session

from earlywatch.tasks.events import handle_due
from tests.billing_builders import letters, mails
from tests.events import outcomes, receive, stored
from tests.fakes.stripe import FakeStripe
from tests.selling import OPERATOR, buy, client_of, copy_of, fresh, make_customer


def charge_of(fake: FakeStripe, customer_id: str) -> str:
    return str(fake.all("charge", customer=customer_id)[0]["id"])


def test_a_dispute_is_told_to_operators_and_freezes_nothing(
    stripe: FakeStripe, session: Session
) -> None:
    row = make_customer(session, stripe)
    buy(stripe, row.customer_id)
    dispute = stripe.dispute(charge_of(stripe, row.customer_id))

    for _ in range(2):
        receive(session, "charge.dispute.created", None, dispute["id"])
    handle_due()

    [mail] = mails(session, "dispute")
    assert mail.address == OPERATOR
    assert letters(session, "dispute")[0].subject == "A charge of $20.00 is disputed"
    assert fresh(session, row.workspace_id).plan == "team"
    assert outcomes(session)[0] == (
        "The bank of the card disputes a charge of $20.00. The operators were told."
    )


def test_the_end_of_a_dispute_makes_us_look(stripe: FakeStripe, session: Session) -> None:
    row = make_customer(session, stripe)
    buy(stripe, row.customer_id)
    dispute = stripe.dispute(charge_of(stripe, row.customer_id))
    made = receive(session, "charge.dispute.closed", None, dispute["id"])

    handle_due()

    assert stored(session, made).outcome == "Set to active."


def test_a_warning_of_fraud_gives_the_money_back_once_and_freezes_nothing(
    stripe: FakeStripe, session: Session
) -> None:
    row = make_customer(session, stripe)
    buy(stripe, row.customer_id)
    warning = stripe.fraud_warning(charge_of(stripe, row.customer_id))

    for _ in range(2):
        receive(session, "radar.early_fraud_warning.created", None, warning["id"])
    handle_due()

    assert [entry.cents for entry in stripe.ledger(row.customer_id)] == [2000, -2000]
    assert [mail.address for mail in mails(session, "fraud")] == [OPERATOR]
    [told] = letters(session, "fraud_refund")
    assert told.subject == "Refund of $20.00"
    assert fresh(session, row.workspace_id).plan == "team"
    assert copy_of(session, row.workspace_id).status == "active"
    assert outcomes(session)[0] == (
        "The bank of the card warned of fraud about a charge of $20.00."
        " $20.00 were given back, and the operators were told."
    )


def test_a_refund_that_stripe_refuses_is_told_to_the_operators_and_not_tried_for_ever(
    stripe: FakeStripe, session: Session
) -> None:
    row = make_customer(session, stripe)
    buy(stripe, row.customer_id)
    charge = charge_of(stripe, row.customer_id)
    stripe.dispute(charge)
    warning = stripe.fraud_warning(charge)
    made = receive(session, "radar.early_fraud_warning.created", None, warning["id"])

    handle_due()

    found = stored(session, made)
    assert found.handled_at is not None
    assert "$0.00 were given back, and the operators were told." in (found.outcome or "")
    told = [*mails(session, "fraud"), *mails(session, "refund_refused")]
    assert [mail.address for mail in told] == [OPERATOR] * 2
    assert mails(session, "fraud_refund") == []
    assert fresh(session, row.workspace_id).plan == "team"


def test_operators_hear_of_a_warning_before_stripe_is_asked_for_the_refund(
    stripe: FakeStripe, session: Session
) -> None:
    row = make_customer(session, stripe)
    buy(stripe, row.customer_id)
    warning = stripe.fraud_warning(charge_of(stripe, row.customer_id))
    receive(session, "radar.early_fraud_warning.created", None, warning["id"])

    with stripe.fail_after_effect(5, only="refunds"):
        handle_due()

    assert len(mails(session, "fraud")) == 1
    assert mails(session, "fraud_refund") == []


@pytest.mark.parametrize("kind", ["charge.dispute.created", "radar.early_fraud_warning.created"])
def test_a_stranger_of_the_same_account_is_left_alone(
    stripe: FakeStripe, session: Session, kind: str
) -> None:
    stranger = client_of(stripe).v1.customers.create({"email": "stranger@example.org"})
    buy(stripe, stranger.id)
    charge = charge_of(stripe, stranger.id)
    made = stripe.dispute(charge) if "dispute" in kind else stripe.fraud_warning(charge)
    about = receive(session, kind, None, made["id"])

    handle_due()

    assert stored(session, about).outcome == "Not a customer of ours."
    assert [entry.cents for entry in stripe.ledger(stranger.id)] == [2000]
    assert mails(session) == []
