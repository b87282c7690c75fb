"""Pausing, extending and resuming on the pages."""

from datetime import timedelta

import pytest

from earlywatch.domain.pausing import months_later
from tests.web.shop import LATER_REFUSED, Shop, carried, many_monitors, text_of

DAY = timedelta(days=1)


def test_a_pause_says_to_the_cent_what_is_credited(selling: Shop) -> None:
    selling.own("team")
    selling.stripe.advance(by=15 * DAY)

    said = text_of(selling.browser.get("/billing/pause"))
    selling.press("/billing/pause", length="3")

    assert "$20.00 a month, first on" in said
    assert "<b>$10.00</b> for what is paid and unused until" in said
    assert selling.row.pause_credit == 1_000
    assert selling.charged() == [2_000]
    page = selling.browser.get("/billing")
    assert "Team is paused until 5 Mar 2027" in page.text
    assert "<b>$10.00</b>" in page.text


@pytest.mark.parametrize("months", [1, 2, 3, 6, 12])
def test_each_length_is_one_button(selling: Shop, months: int) -> None:
    selling.own("team")
    assert f'name="length" value="{months}"' in selling.browser.get("/billing/pause").text

    selling.press("/billing/pause", length=str(months))

    assert selling.theirs["status"] == "paused"
    assert selling.row.pause_until == months_later(selling.now, months)


def test_a_pause_may_have_no_end(selling: Shop) -> None:
    selling.own("team")

    selling.press("/billing/pause", length="open")

    assert selling.row.pause_until is None
    assert "Team is paused until you come back" in selling.browser.get("/billing").text


@pytest.mark.parametrize("length", ["", "4", "forever"])
def test_other_lengths_are_refused(selling: Shop, length: str) -> None:
    selling.own("team")

    assert selling.press("/billing/pause", length=length).status_code == 400
    assert selling.theirs["status"] == "active"


def test_a_pause_names_what_stops_being_watched_and_lets_choose(selling: Shop) -> None:
    selling.own("team")
    ids = many_monitors(selling)

    page = selling.browser.get("/billing/pause")
    selling.press("/billing/pause", length="1", watch=[str(each) for each in ids[3:]])

    assert "3 of 23 monitors stop being watched" in page.text
    named = [f'<li data-monitor="{ids[number]}">job {number}</li>' for number in (20, 21, 22)]
    assert all(name in page.text for name in named)
    assert f'<li data-monitor="{ids[19]}" hidden>job 19</li>' in page.text
    frozen = selling.browser.get("/monitors?status=frozen").text
    assert all(f"job {number:02d}" in frozen for number in range(3))


def test_what_is_frozen_already_is_said_to_stay_so(selling: Shop) -> None:
    selling.own("team")
    many_monitors(selling)
    selling.press("/billing/pause", length="1")

    page = selling.browser.get("/billing/cancel")

    assert "3 of 23 monitors stay frozen" in page.text


def test_few_monitors_all_stay_watched(selling: Shop) -> None:
    selling.own("team")
    many_monitors(selling, 3)

    page = selling.browser.get("/billing/pause")

    assert "All 3 monitors stay watched." in page.text
    assert 'name="watch"' not in page.text


def test_pressing_pause_twice_is_one_pause(selling: Shop) -> None:
    selling.own("team")
    page = selling.browser.get("/billing/pause")
    data = {**carried(page), "length": "1"}

    first, second = (selling.browser.post("/billing/pause", data=data) for _ in range(2))

    assert first.location == second.location == "/billing"
    assert "message-ok" in selling.browser.follow(second).text
    assert [act.kind for act in selling.acts] == ["pause", "subscribe"]


def test_a_pause_that_stripe_did_not_hear_can_be_pressed_again(selling: Shop) -> None:
    selling.own("team")
    many = [str(each) for each in many_monitors(selling)[3:]]
    page = selling.browser.get("/billing/pause")

    with selling.stripe.down():
        data = {**carried(page), "length": "2", "watch": many}
        away = selling.browser.post("/billing/pause", data=data)

    assert away.status_code == 503
    assert "Nothing has changed here" in away.text
    assert selling.theirs["status"] == "active"
    assert away.text.count('name="watch"') == len(many)
    selling.browser.post("/billing/pause", data={**carried(away), "watch": many})
    assert selling.theirs["status"] == "paused"
    assert selling.row.pause_until == months_later(selling.now, 2)


def test_what_is_paused_cannot_be_paused_or_changed(selling: Shop) -> None:
    selling.own("team")
    selling.press("/billing/pause", length="1")

    for path in ("/billing/pause", "/billing/change?plan=business"):
        answer = selling.browser.follow(selling.browser.get(path))
        assert "Resume it first" in answer.text


def test_extending_counts_from_the_end_of_the_pause(selling: Shop) -> None:
    selling.own("team")
    selling.press("/billing/pause", length="3")
    until = selling.row.pause_until
    assert until

    page = selling.browser.get("/billing/extend")
    answer = selling.press("/billing/extend", length="1")

    assert "until 20 Mar 2027" in page.text
    assert selling.row.pause_until == months_later(until, 1)
    assert "Team is paused until 20 Mar 2027" in selling.browser.follow(answer).text


def test_a_pause_without_an_end_can_get_one(selling: Shop) -> None:
    selling.own("team")
    selling.press("/billing/pause", length="open")

    page = selling.browser.get("/billing/extend")
    selling.press("/billing/extend", length="1")

    assert "Give the pause an end" in page.text
    assert 'value="open"' not in page.text
    assert selling.row.pause_until == months_later(selling.now, 1)


def test_resuming_shows_price_date_and_card_before(selling: Shop) -> None:
    selling.own("team")
    selling.stripe.advance(by=15 * DAY)
    selling.press("/billing/pause", length="3")

    said = text_of(selling.browser.get("/billing/resume"))
    answer = selling.press("/billing/resume")

    assert "<b>$10.00</b>" in said
    assert "less your credit of $10.00" in said
    assert "Visa ending in 4242" in said
    assert "$20.00 on" in said
    assert "5 Jan 2027" in said
    assert "Pay $10.00 and resume" in said
    assert selling.charged() == [2_000, 1_000]
    assert "Resumed." in selling.browser.follow(answer).text


def test_a_resumption_that_the_card_refuses_leaves_the_pause(selling: Shop) -> None:
    selling.own("team", card=LATER_REFUSED)
    selling.stripe.advance(by=15 * DAY)
    selling.press("/billing/pause", length="3")

    answer = selling.press("/billing/resume")

    page = selling.browser.follow(answer) if answer.location else answer
    assert "message-warn" in page.text
    assert selling.row.status == "paused"
    assert selling.charged() == [2_000]
    assert "Team is paused until 5 Mar 2027" in selling.browser.get("/billing").text


def test_a_figure_for_resuming_that_is_not_true_is_shown_anew(selling: Shop) -> None:
    selling.own("team")
    selling.stripe.advance(by=15 * DAY)
    selling.press("/billing/pause", length="3")
    page = selling.browser.get("/billing/resume")

    answer = selling.browser.post("/billing/resume", data={**carried(page), "shown": "1"})

    assert "not $0.01 as shown" in answer.text
    assert "Pay $10.00 and resume" in answer.text
    assert selling.row.status == "paused"


def test_cancelling_a_pause_gives_its_credit_back(selling: Shop) -> None:
    selling.own("team")
    selling.stripe.advance(by=15 * DAY)
    selling.press("/billing/pause", length="3")

    page = selling.browser.get("/billing/cancel")
    selling.press("/billing/cancel", when="now")

    assert 'value="end"' not in page.text
    assert "the credit from before the pause" in text_of(page)
    assert selling.charged() == [2_000, -1_000]
