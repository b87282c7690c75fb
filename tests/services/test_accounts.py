"""Accounts: who gets one, what is mailed about it, and when sessions and links end."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from earlywatch.models import Account, AccountMail, Channel, Member
from earlywatch.services.accounts import (
    AlreadyRegistered,
    StaleLink,
    WrongPassword,
    add_confirmed,
    authenticate,
    change_password,
    confirm,
    end_sessions,
    find_signed_in,
    lock_by_link,
    register,
    request_reset,
    reset_password,
)
from earlywatch.services.emails import clean_email
from earlywatch.services.passwords import InvalidPassword
from earlywatch.services.workspaces import find_member
from tests.builders import PASSWORD, make_account

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


def test_who_signs_up_gets_a_link_and_nothing_else_yet(session: Session, now: datetime) -> None:
    account = register(session, "Alice@Example.org", PASSWORD, now)

    assert account is not None
    assert mails(session) == [("alice@example.org", "confirm_email")]
    assert account.email_confirmed_at is None
    assert find_member(session, account.id) is None


def test_confirming_makes_workspace_and_channel(session: Session, now: datetime) -> None:
    account = register(session, "alice@example.org", PASSWORD, now)
    assert account is not None

    confirm(session, lock_by_link(session, account.id, account.session_epoch), now)

    member = find_member(session, account.id)
    assert member is not None
    assert member.role == "owner"
    assert member.workspace.name == "alice's workspace"
    channel = session.scalars(select(Channel)).one()
    assert channel.workspace_id == member.workspace_id
    assert channel.kind == "email"
    assert channel.usable
    assert channel.is_default


def test_a_link_works_once(session: Session, now: datetime) -> None:
    account = make_account(session, confirmed=False)
    confirm(session, lock_by_link(session, account.id, 0), now)

    with pytest.raises(StaleLink):
        lock_by_link(session, account.id, 0)


def test_the_newest_sign_up_voids_the_links_before(session: Session, now: datetime) -> None:
    first = register(session, "alice@example.org", "of somebody else", now)
    assert first is not None
    old_epoch = first.session_epoch

    newest = register(session, "alice@example.org", PASSWORD, now + MINUTE)

    assert newest is not None
    with pytest.raises(StaleLink):
        lock_by_link(session, newest.id, old_epoch)
    assert authenticate(session, "alice@example.org", "of somebody else") is None
    assert authenticate(session, "alice@example.org", PASSWORD) is newest


def test_a_known_address_is_told_and_keeps_its_password(session: Session, now: datetime) -> None:
    account = make_account(session, "alice@example.org", PASSWORD)

    assert register(session, "alice@example.org", "of somebody else", now) is None

    assert mails(session) == [("alice@example.org", "already_registered")]
    assert authenticate(session, "alice@example.org", PASSWORD) is account
    assert account.session_epoch == 0


def test_without_a_mail_a_sign_up_changes_nothing(session: Session, now: datetime) -> None:
    for minute in range(5):
        register(session, "alice@example.org", PASSWORD, now + minute * MINUTE)
        all_sent(session, now + minute * MINUTE)

    assert register(session, "alice@example.org", "of somebody else", now + 6 * MINUTE) is None

    assert authenticate(session, "alice@example.org", PASSWORD) is not None


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "123456789",
        "1234567890",
        "Password123",
        "aaaaaaaaaaaaaaa",
        "alice@example.org",
        "alice-in-the-evening",
        "x" * 1001,
    ],
)
def test_passwords_that_would_be_guessed_are_refused(
    session: Session, now: datetime, password: str
) -> None:
    with pytest.raises(InvalidPassword):
        register(session, "alice@example.org", password, now)

    assert mails(session) == []


def test_a_password_means_the_same_on_every_keyboard(session: Session) -> None:
    account = make_account(session, "alice@example.org", "zu Fuß über die Brücke")

    decomposed = "zu Fuß u\N{COMBINING DIAERESIS}ber die Bru\N{COMBINING DIAERESIS}cke"

    assert authenticate(session, "alice@example.org", decomposed) is account


def test_only_the_right_password_opens(session: Session) -> None:
    account = make_account(session, "alice@example.org", PASSWORD)
    make_account(session, "no-password@example.org")

    assert authenticate(session, " Alice@example.org", PASSWORD) is account
    assert authenticate(session, "alice@example.org", "not the right one") is None
    assert authenticate(session, "nobody@example.org", PASSWORD) is None
    assert authenticate(session, "no-password@example.org", PASSWORD) is None


@pytest.mark.parametrize(
    "typed",
    ["post@müller.example.org", "post@xn--mller-kva.example.org", "Post@mu\u0308ller.example.org"],
)
def test_every_spelling_that_signs_up_signs_in(session: Session, typed: str) -> None:
    account = make_account(session, clean_email(typed), PASSWORD)

    assert authenticate(session, typed, PASSWORD) is account
    assert authenticate(session, "post@müller.example.org", PASSWORD) is account


def test_an_address_we_would_refuse_today_still_signs_in(session: Session) -> None:
    account = make_account(session, "josé@example.org", PASSWORD)

    assert authenticate(session, " José@example.org", PASSWORD) is account


def test_what_no_database_can_hold_is_nobodys_address(session: Session) -> None:
    make_account(session, "alice@example.org", PASSWORD)

    assert authenticate(session, "alice@example.org\0", PASSWORD) is None


def test_a_reset_is_mailed_to_known_addresses_only(session: Session, now: datetime) -> None:
    make_account(session, "alice@example.org")

    request_reset(session, "nobody@example.org", now)
    request_reset(session, "ALICE@example.org", now)

    assert mails(session) == [("alice@example.org", "reset_password")]


def test_a_new_password_ends_sessions_and_links(session: Session, now: datetime) -> None:
    account = make_account(session, "alice@example.org", PASSWORD)

    reset_password(session, lock_by_link(session, account.id, 0), "a fresh pass phrase", now)

    assert find_signed_in(session, account.id, 0) is None
    with pytest.raises(StaleLink):
        lock_by_link(session, account.id, 0)
    assert authenticate(session, "alice@example.org", "a fresh pass phrase") is account


def test_a_reset_proves_the_address_too(session: Session, now: datetime) -> None:
    account = make_account(session, confirmed=False)

    reset_password(session, account, PASSWORD, now)

    assert account.email_confirmed_at == now
    assert find_member(session, account.id) is not None


def test_changing_the_password_needs_the_present_one(session: Session) -> None:
    account = make_account(session, password=PASSWORD)

    with pytest.raises(WrongPassword):
        change_password(session, account.id, "not the right one", "a fresh pass phrase")
    change_password(session, account.id, PASSWORD, "a fresh pass phrase")

    assert account.session_epoch == 1
    assert authenticate(session, account.email, "a fresh pass phrase") is account


def test_sessions_of_an_older_epoch_are_over(session: Session) -> None:
    account = make_account(session)
    assert find_signed_in(session, account.id, 0) is account

    end_sessions(session, account.id)

    assert find_signed_in(session, account.id, 0) is None
    assert find_signed_in(session, account.id, 1) is account


def test_an_unconfirmed_account_has_no_session(session: Session) -> None:
    account = make_account(session, confirmed=False)

    assert find_signed_in(session, account.id, 0) is None


def test_an_account_can_be_added_without_mail(session: Session, now: datetime) -> None:
    account = add_confirmed(session, "Ops@Example.org", None, now)

    assert find_member(session, account.id) is not None
    assert mails(session) == []
    with pytest.raises(AlreadyRegistered, match=r"ops@example\.org has an account already\."):
        add_confirmed(session, "ops@example.org", None, now)


def test_adding_takes_over_a_sign_up_that_was_never_confirmed(
    session: Session, now: datetime
) -> None:
    register(session, "alice@example.org", "of somebody else", now)

    account = add_confirmed(session, "alice@example.org", PASSWORD, now)

    assert authenticate(session, "alice@example.org", PASSWORD) is account
    assert session.query(Member).count() == 1


def test_signing_up_twice_is_one_account_and_one_mail(session: Session, now: datetime) -> None:
    first = register(session, "alice@example.org", PASSWORD, now)
    second = register(session, "ALICE@example.org", PASSWORD, now)

    assert first is second
    assert len(mails(session)) == 1
