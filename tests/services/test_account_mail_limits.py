"""How often an account is written to."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from earlywatch.models import Account, AccountMail
from earlywatch.models.account_mail import AccountMailKind
from earlywatch.services.accounts import (
    queue_account_mail,
)
from tests.builders import make_account

MINUTE = timedelta(minutes=1)


def mails(session: Session) -> list[tuple[str, str]]:
    rows = session.execute(
        select(Account.email, AccountMail.kind)
        .join(Account, Account.id == AccountMail.account_id)
        .order_by(AccountMail.id)
    )
    return [(email, kind) for email, kind in rows]


def all_sent(session: Session, now: datetime) -> None:
    session.execute(update(AccountMail).values(state="sent", sent_at=now))


def test_a_mail_not_yet_sent_is_enough(session: Session, now: datetime) -> None:
    account = make_account(session)

    assert queue_account_mail(session, account, AccountMailKind.RESET_PASSWORD, now)
    assert queue_account_mail(session, account, AccountMailKind.RESET_PASSWORD, now)

    assert len(mails(session)) == 1


def test_a_mail_on_its_way_may_hold_an_older_link(session: Session, now: datetime) -> None:
    account = make_account(session)
    queue_account_mail(session, account, AccountMailKind.CONFIRM_EMAIL, now)
    session.execute(update(AccountMail).values(attempts=1))

    queue_account_mail(session, account, AccountMailKind.CONFIRM_EMAIL, now)

    assert len(mails(session)) == 2


def test_the_next_mail_waits_for_its_minute(session: Session, now: datetime) -> None:
    account = make_account(session)
    queue_account_mail(session, account, AccountMailKind.RESET_PASSWORD, now)
    all_sent(session, now)

    queue_account_mail(session, account, AccountMailKind.RESET_PASSWORD, now + MINUTE / 3)

    newest = session.scalars(select(AccountMail).where(AccountMail.state == "pending")).one()
    assert newest.next_attempt_at == now + MINUTE


def test_five_mails_an_hour_and_then_again(session: Session, now: datetime) -> None:
    account = make_account(session)
    kind = AccountMailKind.RESET_PASSWORD

    for minute in range(10):
        queue_account_mail(session, account, kind, now + minute * MINUTE)
        all_sent(session, now + minute * MINUTE)

    assert len(mails(session)) == 5
    assert not queue_account_mail(session, account, kind, now + 59 * MINUTE)
    assert queue_account_mail(session, account, kind, now + 61 * MINUTE)


def test_sign_ups_of_others_never_block_a_forgotten_password(
    session: Session, now: datetime
) -> None:
    account = make_account(session)
    for minute in range(10):
        queue_account_mail(
            session, account, AccountMailKind.ALREADY_REGISTERED, now + minute * MINUTE
        )
        all_sent(session, now + minute * MINUTE)

    assert queue_account_mail(session, account, AccountMailKind.RESET_PASSWORD, now + 10 * MINUTE)

    kinds = [kind for _, kind in mails(session)]
    assert kinds == ["already_registered", "reset_password"]
