"""Mails out of templates: styles in place, texts escaped, one rendering per shape."""

import html

import pytest
from html5lib import HTMLParser
from hypothesis import given
from hypothesis import strategies as st

from earlywatch.clients.mail_templates import render
from earlywatch.models.account_mail import AccountMailKind
from earlywatch.services.mails import account_mail

VALUES = {
    "subject": "Choose a new password",
    "body": "Somebody asked.",
    "url": "https://earlywatch.test/reset-password/a?b=1&c=2",
    "url_words": "Choose a password",
    "note": "Do nothing.",
}
LINK = "https://earlywatch.test/confirm-email/WzE3NjM2.abc_def-ghi"


def test_styles_stand_in_the_elements_and_dark_rules_in_the_head() -> None:
    _, page = render("account", VALUES)

    assert '<a class="button" href="https://earlywatch.test/reset-password/a?b=1&amp;c=2"' in page
    assert 'style="display: inline-block' in page
    assert "@media (prefers-color-scheme: dark)" in page


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"])))
def test_texts_are_escaped_and_otherwise_untouched(text: str) -> None:
    plain, page = render("account", {**VALUES, "body": f"<b>{text} xx0xx"})

    assert f"<b>{text} xx0xx" in plain
    assert (
        f"{html.escape(f'<b>{text} xx0xx').replace('&#x27;', '&#39;').replace('&quot;', '&#34;')}"
        in page
    )


@pytest.mark.parametrize("kind", AccountMailKind)
def test_account_mails_carry_their_link_and_nothing_anybody_typed(kind: AccountMailKind) -> None:
    mail = account_mail(kind, "alice@example.org", LINK, "account-mail-17")

    assert mail.id == "account-mail-17"
    assert mail.text.count(LINK) == 1
    assert f'href="{LINK}"' in mail.html
    assert mail.text.startswith(f"{mail.subject}\n\n")
    assert "alice" not in mail.subject + mail.text + mail.html
    assert len(mail.html) < 50_000
    HTMLParser(strict=True).parse(mail.html)
