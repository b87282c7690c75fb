"""The SMS of a month: how they are counted, and what happens to one too many."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.channels.registry import Doors
from earlywatch.channels.voice import NOT_CALLED
from earlywatch.domain.alert import AlertKind
from earlywatch.domain.plans import PLANS, PlanName
from earlywatch.models import BillingMail, Channel, Delivery, SmsUse, Workspace
from earlywatch.models.workspace import Role
from earlywatch.services import channels, deliveries
from earlywatch.services.channels import ChannelValues
from earlywatch.services.limits import LimitReached
from earlywatch.services.links import Links
from earlywatch.services.outbox import Outcome
from tests.builders import (
    CONFIGS,
    make_account,
    make_channel,
    make_delivery,
    make_incident,
    make_member,
    make_monitor,
    make_workspace,
)
from tests.services.sending import attempt_all, claimed

SUPPORTER = PLANS[PlanName.SUPPORTER].sms or 0
SENT = Outcome(sent=True, answer="queued")


def use_up(session: Session, workspace: Workspace, month: date) -> None:
    session.add(SmsUse(workspace_id=workspace.id, month=month, used=SUPPORTER))
    session.flush()


def alert_by_sms(session: Session, workspace: Workspace) -> Delivery:
    """A delivery about trouble, due, on its way to a telephone."""
    channel = make_channel(session, workspace, "sms")
    incident = make_incident(session, make_monitor(session, workspace, status="late"))
    return make_delivery(session, channel, incident)


def used(session: Session, workspace: Workspace, month: date) -> int | None:
    query = select(SmsUse.used).where(SmsUse.workspace_id == workspace.id, SmsUse.month == month)
    return session.scalar(query)


def test_an_sms_is_counted_in_its_month(session: Session, links: Links, now: datetime) -> None:
    workspace = make_workspace(session, plan=PlanName.SUPPORTER)
    alert_by_sms(session, workspace)

    outgoing = claimed(session, links, now)
    deliveries.record(session, outgoing, SENT, now)

    assert outgoing.refusal is None
    assert used(session, workspace, date(2026, 11, 1)) == 1


def test_an_sms_that_was_not_sent_does_not_count(
    session: Session, links: Links, now: datetime
) -> None:
    workspace = make_workspace(session, plan=PlanName.SUPPORTER)
    alert_by_sms(session, workspace)

    outgoing = claimed(session, links, now)
    deliveries.record(session, outgoing, Outcome(sent=False, answer="no"), now)

    assert used(session, workspace, date(2026, 11, 1)) == 0


def test_an_sms_that_may_have_been_sent_counts(
    session: Session, links: Links, now: datetime
) -> None:
    workspace = make_workspace(session, plan=PlanName.SUPPORTER)
    alert_by_sms(session, workspace)

    outgoing = claimed(session, links, now)
    deliveries.record(session, outgoing, Outcome(False, "no answer", timed_out=True), now)

    assert used(session, workspace, date(2026, 11, 1)) == 1


def test_one_too_many_is_not_sent_and_the_owners_get_it_by_mail(
    session: Session, links: Links, doors: Doors, now: datetime
) -> None:
    owner, mate = make_account(session), make_account(session)
    workspace = make_workspace(session, owner, mate, plan=PlanName.SUPPORTER)
    make_member(session, workspace, admin := make_account(session), Role.ADMIN)
    use_up(session, workspace, date(2026, 11, 1))
    delivery = alert_by_sms(session, workspace)

    attempt_all(session, links, doors, now)
    session.refresh(delivery)

    assert delivery.state == "failed"
    assert delivery.answer == (
        "Not sent: the 10 SMS and calls of this month that the plan Supporter includes are used up."
        " The owners of the workspace were told by mail."
    )
    mails = session.scalars(select(BillingMail)).all()
    assert {mail.address for mail in mails} == {owner.email, admin.email}
    assert {mail.kind for mail in mails} == {"sms_cap"}
    assert mails[0].letter["subject"] == "No SMS was sent: nightly backup is late"
    assert used(session, workspace, date(2026, 11, 1)) == SUPPORTER


def test_the_channel_of_one_too_many_is_not_broken(
    session: Session, links: Links, doors: Doors, now: datetime
) -> None:
    workspace = make_workspace(session, plan=PlanName.SUPPORTER)
    use_up(session, workspace, date(2026, 11, 1))
    delivery = alert_by_sms(session, workspace)

    attempt_all(session, links, doors, now)

    channel = session.get_one(Channel, delivery.channel_id, populate_existing=True)
    assert channel.usable


def test_a_worker_that_dies_does_not_tell_the_owners_twice(
    session: Session, links: Links, now: datetime
) -> None:
    workspace = make_workspace(session, plan=PlanName.SUPPORTER)
    use_up(session, workspace, date(2026, 11, 1))
    alert_by_sms(session, workspace)

    claimed(session, links, now)
    claimed(session, links, now + timedelta(minutes=1))

    assert len(session.scalars(select(BillingMail)).all()) == 1


def test_the_count_begins_anew_with_the_month_in_utc(session: Session, links: Links) -> None:
    workspace = make_workspace(session, plan=PlanName.SUPPORTER)
    use_up(session, workspace, date(2026, 11, 1))
    december = datetime(2026, 12, 1, tzinfo=UTC)
    alert_by_sms(session, workspace)

    outgoing = claimed(session, links, december)

    assert outgoing.refusal is None
    assert used(session, workspace, date(2026, 12, 1)) == 1


def test_deleting_the_channel_does_not_reset_the_count(
    session: Session, links: Links, now: datetime
) -> None:
    workspace = make_workspace(session, plan=PlanName.SUPPORTER)
    delivery = alert_by_sms(session, workspace)
    deliveries.record(session, claimed(session, links, now), SENT, now)

    channels.delete_channel(session, workspace, delivery.channel_id, now)

    assert used(session, workspace, date(2026, 11, 1)) == 1


def test_a_test_beyond_the_cap_says_why_and_writes_to_nobody(
    session: Session, links: Links, doors: Doors, now: datetime
) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    channel = make_channel(session, workspace, "sms")
    delivery = make_delivery(session, channel, alert=AlertKind.TEST)

    attempt_all(session, links, doors, now)
    session.refresh(delivery)

    assert delivery.answer == "Not sent: the plan Free includes no SMS and no calls."
    assert session.scalars(select(BillingMail)).all() == []


def test_a_call_counts_as_an_sms(
    session: Session, links: Links, doors: Doors, now: datetime
) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    values = ChannelValues("", CONFIGS["sms"])
    make_delivery(session, make_channel(session, workspace, "voice"), alert=AlertKind.TEST)

    attempt_all(session, links, doors, now)

    query = select(Delivery.answer).where(Delivery.alert == AlertKind.TEST)
    assert session.scalars(query).all() == ["Not sent: the plan Free includes no SMS and no calls."]
    with pytest.raises(LimitReached):
        channels.create_channel(session, workspace, "voice", values, now)


def test_a_call_too_many_is_called_so(
    session: Session, links: Links, doors: Doors, now: datetime
) -> None:
    workspace = make_workspace(session, plan=PlanName.SUPPORTER)
    use_up(session, workspace, date(2026, 11, 1))
    incident = make_incident(session, make_monitor(session, workspace, status="late"))
    make_delivery(session, make_channel(session, workspace, "voice"), incident)

    attempt_all(session, links, doors, now)

    letter = session.scalars(select(BillingMail)).one().letter
    assert letter["subject"] == "No call was made: nightly backup is late"
    assert "the 10 SMS and calls of this month are used up" in letter["first"]


@pytest.mark.parametrize("left", [True, False])
def test_a_call_that_nobody_wishes_costs_nothing_and_is_missed_by_nobody(
    session: Session, links: Links, doors: Doors, now: datetime, left: bool
) -> None:
    workspace = make_workspace(session, plan=PlanName.SUPPORTER)
    month = date(2026, 11, 1)
    if not left:
        use_up(session, workspace, month)
    phone = {**CONFIGS["sms"], "recoveries": False}
    channel = make_channel(session, workspace, "voice", config=phone)
    incident = make_incident(session, make_monitor(session, workspace), resolved_at=now)
    delivery = make_delivery(session, channel, incident, AlertKind.RESOLVED)

    attempt_all(session, links, doors, now)
    session.refresh(delivery)

    assert (delivery.state, delivery.answer) == ("sent", NOT_CALLED)
    assert used(session, workspace, month) == (None if left else SUPPORTER)
    assert session.scalars(select(BillingMail)).all() == []


def test_an_own_installation_has_no_cap(session: Session, links: Links, now: datetime) -> None:
    workspace = make_workspace(session)
    session.add(SmsUse(workspace_id=workspace.id, month=date(2026, 11, 1), used=100_000))
    alert_by_sms(session, workspace)

    assert claimed(session, links, now).refusal is None


def test_an_sms_channel_cannot_be_added_to_a_plan_without_sms(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    values = ChannelValues("", CONFIGS["sms"])

    with pytest.raises(
        LimitReached, match=r"Your plan, Free, includes no SMS and no calls\. "
    ) as refused:
        channels.create_channel(session, workspace, "sms", values, now)
    assert refused.value.words(sold=True).endswith(", or choose a larger plan under Billing.")
    workspace.plan = PlanName.SUPPORTER.value

    assert channels.create_channel(session, workspace, "sms", values, now).kind == "sms"
