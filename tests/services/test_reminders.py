"""Reminders: told in time, told once, and no charge without them."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.domain.pausing import months_later
from earlywatch.models.columns import OutboxState
from earlywatch.services import reminders
from tests.billing_builders import (
    days,
    letters,
    mails,
    make_invoice,
    make_paused,
    make_subscription,
    send_mails,
)
from tests.builders import (
    make_account,
    make_channel,
    make_delivery,
    make_incident,
    make_workspace,
)


def remind(session: Session, now: datetime) -> int:
    """What the task does."""
    return sum(reminders.remind(session, due, now) for due in reminders.waiting(session, now))


def kinds(session: Session) -> list[str]:
    return [mail.kind for mail in mails(session)]


def test_the_first_charge_after_a_pause_is_told_7_days_and_1_day_before(
    session: Session, now: datetime
) -> None:
    until = now + days(90)
    make_paused(session, until=until, credit=1_234, now=now)

    told = {day: remind(session, until - days(day)) for day in (30, 8, 7, 6, 2, 1, 0.5)}

    assert [day for day, count in told.items() if count] == [7, 1]
    first, last = letters(session)
    assert kinds(session) == ["resume_7_days", "resume_1_day"]
    for letter in (first, last):
        assert letter.subject == "Team resumes on 18 Feb 2027: $7.66 is charged"
        assert ("Card", "Visa ending in 4242") in letter.rows
        assert [purpose for purpose, _ in letter.buttons] == ["extend", "resume", "cancel"]


def test_looking_twice_tells_nobody_twice(session: Session, now: datetime) -> None:
    make_paused(session, until=now + days(7), now=now)

    assert remind(session, now) == 1
    assert remind(session, now) == 0
    assert remind(session, now + days(1)) == 0


def test_an_extended_pause_is_reminded_of_anew(session: Session, now: datetime) -> None:
    row = make_paused(session, until=now + days(7), now=now)
    remind(session, now)

    row.pause_until = now + days(37)
    session.flush()

    assert remind(session, now + days(1)) == 0
    assert remind(session, now + days(30)) == 1
    assert len({mail.about for mail in mails(session, "resume_7_days")}) == 2


def test_what_a_credit_or_the_balance_covers_is_not_charged(
    session: Session, now: datetime
) -> None:
    row = make_paused(session, until=now + days(7), credit=1_500, now=now, balance=-400)
    assert reminders.due_at_resumption(row).cents == 100

    row.balance = -900

    assert reminders.due_at_resumption(row).cents == 0
    remind(session, now)
    assert letters(session)[0].subject == "Team resumes on 27 Nov 2026: nothing is charged"


def test_a_pause_ends_by_itself_once_its_reminder_went_out_a_day_ago(
    session: Session, now: datetime
) -> None:
    until = now + days(30)
    row = make_paused(session, until=until, now=now)
    remind(session, until - days(1))
    send_mails(session, until - days(1))

    assert not reminders.may_resume(session, row, until - days(0.1))
    assert reminders.may_resume(session, row, until)


def test_a_late_reminder_moves_the_charge_and_says_so(session: Session, now: datetime) -> None:
    until = now + days(30)
    row = make_paused(session, until=until, now=now)
    back = until + days(2)

    remind(session, back)
    assert not reminders.may_resume(session, row, back + days(5)), "it was never sent"
    send_mails(session, back)

    assert kinds(session) == ["resume_1_day"]
    assert letters(session)[0].subject == "Team resumes on 23 Dec 2026: $20.00 is charged"
    assert not reminders.may_resume(session, row, back + days(0.9))
    assert reminders.may_resume(session, row, back + days(1))


def test_the_reminder_of_another_date_does_not_count(session: Session, now: datetime) -> None:
    row = make_paused(session, until=now, now=now - days(30))
    remind(session, now - days(1))
    send_mails(session, now - days(1))

    row.pause_until = now + days(30)
    session.flush()

    assert not reminders.may_resume(session, row, now + days(30))


def test_a_mail_that_nobody_took_does_not_count(session: Session, now: datetime) -> None:
    row = make_paused(session, until=now, now=now - days(30))
    remind(session, now - days(1))

    for mail in mails(session):
        mail.state = OutboxState.FAILED.value
    session.flush()

    assert not reminders.may_resume(session, row, now + days(30))


def test_only_a_pause_with_an_end_ends_by_itself(session: Session, now: datetime) -> None:
    endless = make_paused(session, until=None, now=now - days(300))
    active = make_subscription(session, now=now)

    assert not reminders.may_resume(session, endless, now)
    assert not reminders.may_resume(session, active, now)


def test_a_pause_without_an_end_is_mentioned_every_six_months(
    session: Session, now: datetime
) -> None:
    make_paused(session, until=None, now=now)

    told = [month for month in range(20) if remind(session, months_later(now, month))]

    assert told == [6, 12, 18]
    yearly = kinds(session).count("yearly_summary")
    assert kinds(session).count("still_paused") == 3
    assert yearly == 1


def test_a_pause_whose_payment_failed_is_mentioned_too(session: Session, now: datetime) -> None:
    until = now + days(30)
    make_paused(session, until=until, now=now)
    remind(session, until)

    remind(session, months_later(until, 6))

    assert kinds(session) == ["resume_1_day", "still_paused"]


def test_yearly_plans_are_told_30_and_7_days_before_their_renewal(
    session: Session, now: datetime
) -> None:
    row = make_subscription(session, every="year", next_amount=18_000, now=now)
    assert row.period_end is not None

    told = [day for day in (40, 30, 29, 8, 7, 1) if remind(session, row.period_end - days(day))]

    assert told == [30, 7]
    assert [letter.subject for letter in letters(session)] == [
        "Team renews on 20 Nov 2027: $180.00"
    ] * 2


def test_what_ends_or_is_paid_by_the_month_does_not_renew(session: Session, now: datetime) -> None:
    make_subscription(session, now=now)
    make_subscription(session, every="year", ends_at=months_later(now, 12), now=now)

    assert remind(session, months_later(now, 12) - days(3)) == 0


def test_the_year_is_summed_up_on_its_anniversary(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    make_subscription(session, workspace, now=now, period_end=months_later(now, 13))
    for month in range(12):
        make_invoice(session, workspace, now=months_later(now, month))
    make_invoice(session, workspace, now=months_later(now, 3), refunded=500)
    make_invoice(session, workspace, now=months_later(now, 12))
    channel = make_channel(session, workspace)
    incident = make_incident(session)
    for state, month in (("sent", 5), ("failed", 5), ("sent", 12)):
        make_delivery(
            session,
            channel,
            incident if state == "failed" else make_incident(session),
            AlertKind.OPENED,
            state=state,
            now=months_later(now, month),
        )

    assert remind(session, months_later(now, 12) - days(1)) == 0
    assert remind(session, months_later(now, 12) + days(3)) == 1

    [letter] = letters(session)
    assert letter.subject == "Your year with Earlywatch: $260.00 paid, 1 alert sent"
    rows = dict(letter.rows)
    assert (rows["Paid"], rows["Given back"], rows["Alerts sent"]) == ("$260.00", "$5.00", "1")
    assert rows["From"].startswith("Fri 20 Nov 2026")
    assert rows["To"].startswith("Sat 20 Nov 2027")


def test_the_end_of_the_grace_is_told(session: Session, now: datetime) -> None:
    make_subscription(session, status="past_due", past_due_since=now, now=now - days(31))

    assert remind(session, now + days(13.9)) == 0
    assert remind(session, now + days(14)) == 1
    assert remind(session, now + days(20)) == 0
    assert kinds(session) == ["grace_over"]


def test_owners_are_reminded_and_members_are_not(session: Session, now: datetime) -> None:
    owner, member = make_account(session), make_account(session)
    make_paused(session, make_workspace(session, owner, member), until=now + days(7), now=now)

    remind(session, now)

    assert [mail.address for mail in mails(session)] == [owner.email]


def test_a_workspace_without_a_subscription_is_reminded_of_nothing(
    session: Session, now: datetime
) -> None:
    due = reminders.Due(make_workspace(session).id, reminders.Kind.GRACE_OVER, now)

    assert reminders.waiting(session, now) == []
    assert reminders.remind(session, due, now) == 0


def test_a_pause_of_the_31st_is_mentioned_at_the_months_end(session: Session) -> None:
    begin = datetime(2026, 8, 31, 12, tzinfo=UTC)
    make_paused(session, until=None, now=begin)

    remind(session, datetime(2027, 3, 3, tzinfo=UTC))
    remind(session, datetime(2027, 3, 4, tzinfo=UTC))

    assert kinds(session) == ["still_paused"]


def test_a_subscription_that_ended_is_quiet(session: Session, now: datetime) -> None:
    make_subscription(session, status="canceled", every="year", now=now)

    assert remind(session, months_later(now, 12)) == 0
