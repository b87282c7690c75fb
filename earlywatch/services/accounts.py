"""People: signing up, proving who they are, and what is mailed to them about it."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from earlywatch.domain.plans import PlanName
from earlywatch.errors import EarlywatchError
from earlywatch.models import Account, AccountMail
from earlywatch.models.account_mail import AccountMailKind
from earlywatch.models.columns import OutboxState
from earlywatch.services.emails import clean_email, known_spelling
from earlywatch.services.passwords import check_password, hash_password, verify_password
from earlywatch.services.workspaces import create_workspace

MAIL_EVERY = timedelta(minutes=1)
# Counted apart: whoever signs up with somebody's address must not use up their way back in.
MAILS_PER_HOUR = {
    AccountMailKind.CONFIRM_EMAIL: 5,
    AccountMailKind.ALREADY_REGISTERED: 1,
    AccountMailKind.RESET_PASSWORD: 5,
}


class AlreadyRegistered(EarlywatchError):
    """The address has an account."""


class StaleLink(EarlywatchError):
    """The link was used, or something newer replaced it."""


class WrongPassword(EarlywatchError):
    """The password is not the account's."""


def register(session: Session, typed_email: str, password: str, now: datetime) -> Account | None:
    """Sign somebody up and mail them. Return their account if this password is now its own.

    A confirmed address gets a mail that says so, and None is returned: the caller must show both
    alike. Somebody else may have signed up with the address before it was confirmed: the newest
    password counts, and the links mailed for the older ones are void.
    """
    email = clean_email(typed_email)
    check_password(password, email)
    password_hash = hash_password(password)
    account = _lock_or_add(session, email, now)
    if account.email_confirmed_at is not None:
        queue_account_mail(session, account, AccountMailKind.ALREADY_REGISTERED, now)
        return None
    if not queue_account_mail(session, account, AccountMailKind.CONFIRM_EMAIL, now):
        return None
    account.password_hash = password_hash
    account.session_epoch += 1
    session.flush()
    return account


def lock_by_link(session: Session, account_id: int, epoch: int) -> Account:
    """Return, locked, the account a mailed link was made for. Raises StaleLink."""
    account = _lock(session, account_id)
    if account is None or account.session_epoch != epoch:
        raise StaleLink("This link was used before, or a newer one has replaced it.")
    return account


def confirm(
    session: Session, account: Account, now: datetime, plan: PlanName = PlanName.UNLIMITED
) -> None:
    """Open a locked account whose owner has shown that they read its mail.

    `plan` is what its workspace begins with.
    """
    if account.email_confirmed_at is None:
        account.email_confirmed_at = now
        create_workspace(session, account, now, plan)
    account.session_epoch += 1
    session.flush()


def authenticate(session: Session, typed_email: str, password: str) -> Account | None:
    """Return the account, confirmed or not, whose password this is. Raises Busy.

    Takes as long for an address without account as for one with.
    """
    email = known_spelling(typed_email)
    found = select(Account).where(Account.email == email)
    account = session.scalar(found) if "\0" not in email else None  # PostgreSQL has no NUL
    right = verify_password(account.password_hash if account else None, password)
    return account if right else None


def request_confirmation(session: Session, account_id: int, now: datetime) -> None:
    """Mail the link that opens the account once more."""
    account = _lock(session, account_id)
    if account is not None and account.email_confirmed_at is None:
        queue_account_mail(session, account, AccountMailKind.CONFIRM_EMAIL, now)


def find_signed_in(session: Session, account_id: int, epoch: int) -> Account | None:
    """Return the account of a session that has not been ended since."""
    account = session.get(Account, account_id)
    if account is None or account.session_epoch != epoch or account.email_confirmed_at is None:
        return None
    return account


def request_reset(session: Session, typed_email: str, now: datetime) -> None:
    """Mail a link to choose a new password, if the address has an account."""
    email = clean_email(typed_email)
    account = session.scalar(select(Account).where(Account.email == email).with_for_update())
    if account is not None:
        queue_account_mail(session, account, AccountMailKind.RESET_PASSWORD, now)


def reset_password(
    session: Session,
    account: Account,
    password: str,
    now: datetime,
    plan: PlanName = PlanName.UNLIMITED,
) -> None:
    """Set the password of a locked account; end all its sessions and void its links.

    Who got the link reads the mail, so this confirms the address as well.
    """
    check_password(password, account.email)
    account.password_hash = hash_password(password)
    confirm(session, account, now, plan)


def change_password(session: Session, account_id: int, old: str, new: str) -> Account:
    """Replace the password and end all sessions. Raises WrongPassword, InvalidPassword."""
    account = _lock_known(session, account_id)
    if not verify_password(account.password_hash, old):
        raise WrongPassword("This is not your present password.")
    check_password(new, account.email)
    account.password_hash = hash_password(new)
    account.session_epoch += 1
    session.flush()
    return account


def end_sessions(session: Session, account_id: int) -> Account:
    """Sign the account out everywhere."""
    account = _lock_known(session, account_id)
    account.session_epoch += 1
    session.flush()
    return account


def add_confirmed(
    session: Session,
    typed_email: str,
    password: str | None,
    now: datetime,
    plan: PlanName = PlanName.UNLIMITED,
) -> Account:
    """Create an account that needs no confirmation, with workspace and email channel.

    Without a password its owner sets one through the forgotten-password page. Raises
    InvalidEmail, InvalidPassword, AlreadyRegistered.
    """
    email = clean_email(typed_email)
    if password is not None:
        check_password(password, email)
    account = _lock_or_add(session, email, now)
    if account.email_confirmed_at is not None:
        raise AlreadyRegistered(f"{email} has an account already.")
    account.password_hash = hash_password(password) if password is not None else None
    confirm(session, account, now, plan)
    return account


def queue_account_mail(
    session: Session, account: Account, kind: AccountMailKind, now: datetime
) -> bool:
    """Put a mail to the owner of a locked account into the outbox, at the earliest for `now`.

    At most one goes out per minute: a further one waits, and one of the same kind that nobody
    has tried to send yet is enough, as its link is made at sending. Return False if the
    hour's mails of this kind are used up and none was queued.
    """
    mine = AccountMail.account_id == account.id
    pending = select(AccountMail.id).where(
        mine,
        AccountMail.kind == kind.value,
        AccountMail.state == OutboxState.PENDING.value,
        AccountMail.attempts == 0,
    )
    if session.scalar(pending.limit(1)) is not None:
        return True
    last_at = func.max(func.coalesce(AccountMail.sent_at, AccountMail.created_at))
    lately = mine, AccountMail.created_at > now - timedelta(hours=1)
    alike = func.count().filter(AccountMail.kind == kind.value)
    [(mails, newest)] = session.execute(select(alike, last_at).where(*lately))
    if mails >= MAILS_PER_HOUR[kind]:
        return False
    due = max(now, newest + MAIL_EVERY) if newest else now
    mail = AccountMail(account_id=account.id, kind=kind.value, created_at=now, next_attempt_at=due)
    session.add(mail)
    session.flush()
    return True


def _lock_or_add(session: Session, email: str, now: datetime) -> Account:
    row = insert(Account).values(email=email, created_at=now).on_conflict_do_nothing()
    session.execute(row)
    query = select(Account).where(Account.email == email).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def _lock(session: Session, account_id: int) -> Account | None:
    return session.get(Account, account_id, with_for_update=True, populate_existing=True)


def _lock_known(session: Session, account_id: int) -> Account:
    return session.get_one(Account, account_id, with_for_update=True, populate_existing=True)
