"""The mails about an account: fixed words and one link, nothing that anybody typed."""

from dataclasses import dataclass

from earlywatch.clients.mail import Mail
from earlywatch.clients.mail_templates import render
from earlywatch.models.account_mail import AccountMailKind


@dataclass(frozen=True)
class Words:
    """What a mail says. The link's age is said where it matters."""

    subject: str
    body: str
    url_words: str
    note: str


WORDS = {
    AccountMailKind.CONFIRM_EMAIL: Words(
        subject="Confirm your email address",
        body=(
            "Somebody signed up for Earlywatch with this address. If that was you, confirm it"
            " and the account is ready. The link works for 3 days."
        ),
        url_words="Confirm this address",
        note="If it was not you, do nothing: without confirmation the account cannot be used.",
    ),
    AccountMailKind.ALREADY_REGISTERED: Words(
        subject="You already have an Earlywatch account",
        body=(
            "Somebody signed up for Earlywatch with this address, which already has an account."
            " Sign in with it. If you do not remember the password, ask for a new one there."
        ),
        url_words="Sign in",
        note="If it was not you, do nothing: nothing has changed.",
    ),
    AccountMailKind.RESET_PASSWORD: Words(
        subject="Choose a new password",
        body=(
            "Somebody asked for a new password for your Earlywatch account. If that was you,"
            " choose one. The link works once, for 2 hours."
        ),
        url_words="Choose a password",
        note="If it was not you, do nothing: your password stays as it is.",
    ),
}


def account_mail(kind: AccountMailKind, to: str, link: str, message_id: str) -> Mail:
    """Return the mail of `kind`. `message_id` must be the same at every attempt."""
    words = WORDS[kind]
    values = {
        "subject": words.subject,
        "body": words.body,
        "url": link,
        "url_words": words.url_words,
        "note": words.note,
    }
    text, html = render("account", values)
    return Mail(message_id, to, words.subject, text, html)
