"""Links in mails about money: a page, one button, no signing in."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.domain.pausing import months_later
from earlywatch.models import Member
from earlywatch.models.workspace import Role
from earlywatch.services.wiring import wiring
from tests.builders import make_account, make_member
from tests.client import Browser
from tests.web.people import another
from tests.web.shop import Shop, carried, text_of

PURPOSES = ("extend", "resume", "cancel", "keep")
DAY = timedelta(days=1)


@pytest.fixture
def reader(app: Flask, selling: Shop) -> Browser:
    """A browser in which nobody has signed in."""
    return another(app)


def link(selling: Shop, purpose: str, address: str = "") -> str:
    """Return the path of the link in a mail that is sent now."""
    who = (selling.workspace.id, address or selling.owner.email)
    return urlsplit(wiring().links.billing(purpose, *who, selling.now)).path


def press(browser: Browser, path: str, **data: str) -> str:
    """Press the button behind a link; return what the page says then."""
    page = browser.get(path)
    assert page.status_code == 200
    answer = browser.post(path, data={**carried(page), **data})
    assert answer.status_code == 200
    return text_of(answer)


def test_opening_a_link_changes_nothing(selling: Shop, reader: Browser) -> None:
    selling.own("team")
    before = selling.theirs

    page = reader.get(link(selling, "cancel"))

    assert page.status_code == 200
    assert "Opening this page has changed nothing" in page.text
    assert selling.theirs == before
    assert [act.kind for act in selling.acts] == ["subscribe"]


def test_cancelling_takes_one_button_and_no_password(selling: Shop, reader: Browser) -> None:
    selling.own("team")
    selling.stripe.advance(by=15 * DAY)

    said = press(reader, link(selling, "cancel"), when="now")

    assert "$10.00 goes back to your card" in said
    assert selling.charged() == [2_000, -1_000]
    [cancelled] = [act for act in selling.acts if act.kind == "cancel_now"]
    assert cancelled.actor == selling.owner.email
    assert reader.get("/billing").status_code == 303


def test_cancelling_at_the_end_works_too_and_can_be_undone(selling: Shop, reader: Browser) -> None:
    selling.own("team")

    press(reader, link(selling, "cancel"), when="end")
    assert selling.row.ends_at is not None
    press(reader, link(selling, "keep"))

    assert selling.row.ends_at is None


def test_a_pause_is_extended(selling: Shop, reader: Browser) -> None:
    selling.own("team")
    selling.press("/billing/pause", length="1")
    until = selling.row.pause_until
    assert until

    press(reader, link(selling, "extend"), length="3")

    assert selling.row.pause_until == months_later(until, 3)


def test_a_plan_is_resumed_at_the_figure_shown(selling: Shop, reader: Browser) -> None:
    selling.own("team")
    selling.stripe.advance(by=15 * DAY)
    selling.press("/billing/pause", length="1")
    page = reader.get(link(selling, "resume"))
    assert "Pay $10.00 and resume" in page.text
    assert "/billing/card" not in page.text

    said = press(reader, link(selling, "resume"))

    assert "Resumed." in said
    assert selling.charged() == [2_000, 1_000]


def test_pressing_twice_has_one_effect(selling: Shop, reader: Browser) -> None:
    selling.own("team")
    selling.stripe.advance(by=15 * DAY)
    path = link(selling, "cancel")
    data = {**carried(reader.get(path)), "when": "now"}

    first, second = (reader.post(path, data=data) for _ in range(2))

    assert first.text == second.text
    assert selling.charged() == [2_000, -1_000]


@pytest.mark.parametrize("purpose", PURPOSES)
def test_what_is_not_possible_any_more_is_said(
    selling: Shop, reader: Browser, purpose: str
) -> None:
    page = reader.get(link(selling, purpose))

    assert page.status_code == 200
    assert "Nothing was done" in page.text


def test_an_old_link_does_nothing(selling: Shop, reader: Browser) -> None:
    selling.own("team")
    path = link(selling, "cancel")
    selling.stripe.advance(by=61 * DAY)

    page = reader.get(path)

    assert page.status_code == 410
    assert "This link is too old" in page.text


@pytest.mark.parametrize("path", ["/billing/mail/cancel/x", "/billing/mail/cancel/a.b.c"])
def test_a_link_that_we_did_not_make_does_nothing(reader: Browser, path: str) -> None:
    assert reader.get(path).status_code == 410


def test_a_link_serves_its_own_purpose_alone(selling: Shop, reader: Browser) -> None:
    token = link(selling, "keep").rsplit("/", 1)[-1]

    assert reader.get(f"/billing/mail/cancel/{token}").status_code == 410
    assert reader.get(f"/billing/mail/refund/{token}").status_code == 404


def test_who_may_not_act_on_the_bill_any_more_cannot_by_old_mails(
    selling: Shop, session: Session, reader: Browser
) -> None:
    admin = make_account(session)
    member = make_member(session, selling.workspace, admin, Role.ADMIN)
    selling.own("team")
    path = link(selling, "cancel", admin.email)
    assert reader.get(path).status_code == 200

    session.get_one(Member, (member.account_id, member.workspace_id)).role = Role.MEMBER.value

    page = reader.get(path)
    assert page.status_code == 410
    assert "may not act on this bill any more" in page.text


def test_a_form_of_another_site_is_refused(selling: Shop, reader: Browser) -> None:
    selling.own("team")
    path = link(selling, "cancel")
    data = {**carried(reader.get(path)), "when": "now", "csrf_token": "stolen"}

    assert reader.post(path, data=data).status_code == 400
    assert selling.theirs["status"] == "active"


def test_while_stripe_is_away_the_link_says_so(selling: Shop, reader: Browser) -> None:
    selling.own("team")

    with selling.stripe.down():
        answer = reader.get(link(selling, "cancel"))

    assert answer.status_code == 503
    assert "Stripe cannot be reached" in answer.text
