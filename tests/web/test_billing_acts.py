"""Changing, cancelling and undoing; who may, and what happens when things go wrong."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session

from earlywatch.models import BillingAction
from earlywatch.models.billing import ActionKind
from earlywatch.models.workspace import Role
from tests.billing_builders import make_subscription
from tests.builders import make_account, make_member
from tests.web.shop import LATER_REFUSED, Shop, carried, many_monitors, text_of

ACTS = [f"/billing/{act}" for act in ("change", "pause", "extend", "resume", "cancel", "keep")]
TEAM = "/billing/change?plan=team&every=month"
DAY = timedelta(days=1)


@pytest.mark.parametrize("role", [Role.MEMBER, Role.VIEWER])
@pytest.mark.parametrize("path", ACTS)
def test_only_owners_and_admins_act_on_the_bill(
    selling: Shop, session: Session, path: str, role: Role
) -> None:
    make_subscription(session, selling.workspace)
    mate = make_account(session)
    make_member(session, selling.workspace, mate, role)
    selling.browser.sign_in(mate)
    token = selling.browser.token(selling.browser.get("/monitors"))
    data = {"csrf_token": token, "action_id": str(uuid4()), "shown": "0"}

    answers = [selling.browser.get(path), selling.browser.post(path, data=data)]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert "Only owners and admins of" in answers[0].text
    assert not selling.acts


@pytest.mark.parametrize("path", ACTS)
def test_an_admin_may(selling: Shop, session: Session, path: str) -> None:
    admin = make_account(session)
    make_member(session, selling.workspace, admin, Role.ADMIN)
    selling.browser.sign_in(admin)

    assert selling.browser.get(path).status_code in {200, 303}


@pytest.mark.parametrize("path", ACTS[1:])
def test_without_a_subscription_an_act_says_why_not(selling: Shop, path: str) -> None:
    answer = selling.browser.get(path)

    assert answer.location == "/billing"
    assert 'class="message message-warn"' in selling.browser.follow(answer).text


@pytest.mark.parametrize("path", [TEAM, "/billing/pause", "/billing/cancel"])
def test_while_stripe_is_away_every_page_says_so(selling: Shop, path: str) -> None:
    make_subscription(selling.session, selling.workspace)

    with selling.stripe.down():
        answer = selling.browser.get(path)

    assert answer.status_code == 503
    assert "Stripe cannot be reached" in answer.text
    assert f'href="{path.replace("&", "&amp;")}">Try again' in answer.text


@pytest.mark.parametrize(
    "broken",
    [{"action_id": ""}, {"action_id": "x"}, {"shown": "x"}, {"shown": ""}, {"when": "soon"}],
)
def test_a_form_that_lost_something_changes_nothing(selling: Shop, broken: dict[str, str]) -> None:
    selling.own("team")

    answer = selling.press("/billing/cancel", **{"when": "now", **broken})

    assert answer.status_code == 400
    assert selling.theirs["status"] == "active"


def test_a_second_press_while_the_first_is_at_work_leads_to_the_bill(selling: Shop) -> None:
    selling.own("team")
    page = selling.browser.get("/billing/cancel")
    data = {**carried(page), "when": "now"}
    first = {"id": UUID(data["action_id"]), "workspace_id": selling.workspace.id, "actor": "olive"}
    at = {"created_at": selling.now, "next_attempt_at": selling.now}
    kind = ActionKind.CANCEL_NOW.value
    selling.session.add(BillingAction(kind=kind, details={}, **first, **at))

    answer = selling.browser.post("/billing/cancel", data=data)

    assert answer.location == "/billing"
    assert "This is being done." in selling.browser.follow(answer).text
    assert selling.theirs["status"] == "active"


# Changing


def test_a_change_shows_to_the_cent_what_is_charged(selling: Shop) -> None:
    selling.own("supporter", "7")
    selling.stripe.advance(by=15 * DAY)

    page = selling.browser.get(TEAM)
    answer = selling.press(TEAM)

    assert "From Supporter, $7.00 a month, to Team, $20.00 a month." in page.text
    assert "Unused time on" in page.text
    assert "Pay $6.50 and change" in page.text
    assert selling.charged() == [700, 650]
    assert "You pay $20.00 a month for Team" in selling.browser.follow(answer).text


def test_a_smaller_plan_is_credited_and_names_what_stops_being_watched(selling: Shop) -> None:
    selling.own("team")
    many_monitors(selling, 102)
    smaller = "/billing/change?plan=supporter&every=month&amount=5"

    said = text_of(selling.browser.get(smaller))
    selling.press(smaller)

    assert "2 monitors stop being watched" in said
    assert "<li>job 101</li>" in said
    assert "<li>job 99</li>" not in said
    assert "Kept as a credit for your next payments" in said
    assert selling.charged() == [2_000]
    assert selling.row.plan == "supporter"


def test_a_supporter_changes_the_amount(selling: Shop) -> None:
    selling.own("supporter", "7")

    selling.press("/billing/change?plan=supporter&every=month&amount=9.50")

    assert selling.row.amount == 950


@pytest.mark.parametrize("amount", ["1", "", "9 EUR"])
def test_an_amount_that_cannot_be_is_refused_where_it_was_typed(selling: Shop, amount: str) -> None:
    selling.own("team")

    page = selling.browser.get(f"/billing/change?plan=supporter&amount={amount}")

    assert "Change your plan" in page.text
    assert 'aria-invalid="true"' in page.text


def test_what_one_has_already_is_no_change(selling: Shop) -> None:
    selling.own("team")

    answer = selling.browser.follow(selling.browser.get(TEAM))

    assert "That is what you have already." in answer.text


def test_a_declined_card_leaves_everything_as_it_was(selling: Shop) -> None:
    selling.own("supporter", "7", card=LATER_REFUSED)

    answer = selling.press(TEAM)

    page = selling.browser.follow(answer) if answer.location else answer
    assert "message-warn" in page.text
    assert selling.row.plan == "supporter"
    assert selling.charged() == [700]


def test_a_figure_that_is_not_true_any_more_is_shown_anew(selling: Shop) -> None:
    selling.own("supporter", "7")
    page = selling.browser.get(TEAM)

    answer = selling.browser.post(TEAM, data={**carried(page), "shown": "100"})

    assert answer.status_code == 200
    assert "not $1.00 as shown" in answer.text
    assert "Pay $13.00 and change" in answer.text
    assert selling.charged() == [700]


# Cancelling


def test_both_ways_to_cancel_stand_side_by_side(selling: Shop) -> None:
    selling.own("team")
    selling.stripe.advance(by=15 * DAY)

    page = selling.browser.get("/billing/cancel")

    assert "Cancel on 20 Dec 2026" in page.text
    assert "Cancel now, $10.00 back" in page.text
    assert "15 unused whole days" in page.text
    assert page.text.count('<button type="submit" class="button button-plain" name="when"') == 2
    assert 'href="/export"' in page.text


def test_cancelling_at_the_end_can_be_undone(selling: Shop) -> None:
    selling.own("team")

    answer = selling.browser.follow(selling.press("/billing/cancel", when="end"))

    assert "Team ends on 20 Dec 2026" in answer.text
    assert selling.theirs["cancel_at_period_end"]
    page = selling.browser.get("/billing/keep")
    assert "$20.00 on" in text_of(page)
    kept = selling.browser.follow(selling.press("/billing/keep"))
    assert "You pay $20.00 a month for Team" in kept.text
    assert not selling.theirs["cancel_at_period_end"]


def test_what_is_cancelled_can_still_be_ended_at_once(selling: Shop) -> None:
    selling.own("team")
    selling.press("/billing/cancel", when="end")

    page = selling.browser.get("/billing/cancel")
    selling.press("/billing/cancel", when="now")

    assert 'value="end"' not in page.text
    assert selling.theirs["status"] == "canceled"


def test_cancelling_now_gives_the_money_back_once(selling: Shop) -> None:
    selling.own("team")
    selling.stripe.advance(by=15 * DAY)
    page = selling.browser.get("/billing/cancel")
    data = {**carried(page), "when": "now"}

    answers = [selling.browser.post("/billing/cancel", data=data) for _ in range(2)]

    assert selling.charged() == [2_000, -1_000]
    assert "$10.00" in selling.browser.follow(answers[1]).text
    assert "You have Free, and pay nothing" in selling.browser.get("/billing").text


def test_who_cancels_chooses_what_stays_watched(selling: Shop) -> None:
    selling.own("team")
    ids = many_monitors(selling)
    page = selling.browser.get("/billing/cancel")
    assert "3 of 23 monitors stop being watched" in page.text
    assert f'<li data-monitor="{ids[22]}">job 22</li>' in page.text

    kept = ids[3:]
    selling.press("/billing/cancel", when="now", watch=[str(each) for each in kept])

    frozen = selling.browser.get("/monitors?status=frozen").text
    assert all(f"job {number:02d}" in frozen for number in range(3))
    assert "job 22" not in frozen


def test_choosing_more_than_free_watches_is_refused_and_kept(selling: Shop) -> None:
    selling.own("team")
    ids = [str(each) for each in many_monitors(selling)]

    answer = selling.press("/billing/cancel", when="now", watch=ids)

    assert "You chose 23 monitors" in answer.text
    assert answer.text.count(" checked>") == 23
    assert selling.theirs["status"] == "active"


def test_an_answer_that_was_lost_cancels_and_refunds_once(selling: Shop) -> None:
    selling.own("team")
    selling.stripe.advance(by=15 * DAY)
    page = selling.browser.get("/billing/cancel")
    data = {**carried(page), "when": "now"}
    with selling.stripe.down():
        away = selling.browser.post("/billing/cancel", data=data)

    assert away.status_code == 503
    assert selling.charged() == [2_000]
    selling.browser.post("/billing/cancel", data=carried(away))
    assert selling.charged() == [2_000, -1_000]
