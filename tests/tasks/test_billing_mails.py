"""Mails about money leave with everything else, and reminders are looked for by beat."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.clients.mailbox import list_mailbox
from earlywatch.clock import utcnow
from earlywatch.domain import billing_letters
from earlywatch.services import billing_mails
from earlywatch.services.billing_mails import Whom
from earlywatch.services.wiring import wiring
from earlywatch.tasks import beat_schedule, fair_use, reminders
from earlywatch.tasks.deliveries import drain
from earlywatch.tasks.drains import Drains
from tests.billing_builders import mails, make_paused, make_subscription
from tests.builders import make_account, make_workspace
from tests.waiting import wait_until


@pytest.fixture
def drains(task_app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Drains]:
    """Threads of this test alone."""
    drains = Drains(drain)
    monkeypatch.setattr("earlywatch.tasks.deliveries.drains", drains)
    yield drains
    drains.stopping.set()


def test_a_mail_about_money_is_sent_with_its_links(rows: Session, drains: Drains) -> None:
    workspace = make_workspace(rows, make_account(rows, "owner@example.org"))
    letter = billing_letters.resume_failed(plan="Team", reason="The bank declined the card.")
    now = utcnow()
    billing_mails.tell(rows, workspace.id, "resume_failed", "in_1", letter, now, Whom.OWNERS)
    rows.commit()

    drains.start_one()

    wait_until(lambda: [mail.state for mail in mails(rows)] == ["sent"], 10, "the mail")
    rows.rollback()
    found = list_mailbox(wiring().settings.mailbox_dir)
    [kept] = [mail for mail in found if mail.subject == letter.subject]
    assert kept.to == "owner@example.org"
    assert "/billing/mail/resume/" in kept.text


def test_a_reminder_is_queued_and_looking_again_adds_none(rows: Session) -> None:
    since = utcnow()
    make_subscription(rows, status="past_due", past_due_since=since.replace(year=since.year - 1))
    rows.commit()

    reminders.remind_due()
    first = [mail.kind for mail in mails(rows)]
    rows.rollback()
    reminders.remind_due()

    assert "grace_over" in first
    assert [mail.kind for mail in mails(rows)] == first


def test_a_reminder_that_has_to_wait_does_not_hold_up_the_others(rows: Session) -> None:
    now = utcnow()
    make_paused(rows, until=now, now=now)  # its charge is asked of Stripe, which there is none of
    make_subscription(rows, started_at=now.replace(year=now.year - 2, day=1))
    rows.commit()

    reminders.remind_due()

    assert [mail.kind for mail in mails(rows)] == ["yearly_summary"]


def test_nothing_is_asked_where_nothing_is_sold(rows: Session) -> None:
    reminders.remind()
    fair_use.credit_unused_months()

    assert mails(rows) == []
    assert {"remind", "credit_unused_months"} <= set(beat_schedule())
