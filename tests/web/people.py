"""What several tests about people need: their browsers, their mails, the links in these."""

from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.models import Account, AccountMail
from earlywatch.services.wiring import wiring
from tests.builders import PASSWORD
from tests.client import Browser

ALICE = {"email": "alice@example.org", "password": PASSWORD}


def account_of(session: Session, email: str) -> Account:
    return session.scalars(select(Account).where(Account.email == email)).one()


def mail_kinds(session: Session) -> list[str]:
    return list(session.scalars(select(AccountMail.kind).order_by(AccountMail.id)))


def confirm_link(account: Account) -> str:
    return urlsplit(wiring().links.confirm_email(account, utcnow())).path


def reset_link(account: Account) -> str:
    return urlsplit(wiring().links.reset_password(account, utcnow())).path


def is_signed_in(browser: Browser) -> bool:
    return browser.get("/account").status_code == 200


def another(app: Flask) -> Browser:
    """A browser that shares nothing with the others."""
    browser = app.test_client()
    assert isinstance(browser, Browser)
    return browser
