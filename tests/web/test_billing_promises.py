"""What `/docs/promises` promises about pages: no dark pattern is on any of them."""

import re
from datetime import timedelta
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import html5lib
import pytest
import requests
from flask import Flask
from werkzeug.test import TestResponse

from earlywatch.clock import utcnow
from earlywatch.domain.plans import FOR_SALE, Every, Plan
from earlywatch.services.wiring import wiring
from tests.client import Browser
from tests.web.people import another
from tests.web.shop import GOOD, Shop, carried, path_of

WHILE_ACTIVE = (
    "/pricing",
    "/billing",
    "/billing/pause",
    "/billing/change",
    "/billing/change?plan=team",
    "/billing/cancel",
    "/billing/history",
    "/billing/invoices",
)
WHILE_PAUSED = ("/billing", "/billing/resume", "/billing/extend", "/billing/cancel")
SHAME = re.compile(
    r"no,? thanks|i don.t (want|care|need)|i.d rather|i hate|let .* die|give up|lose|losing"
    r"|miss out|are you sure|really|regret|sad|sorry|risk",
    re.IGNORECASE,
)
HURRY = re.compile(
    r"hurry|last chance|limited (time|offer)|today only|only \d+ (left|places)|act now|don.t miss"
    r"|ends (soon|today)|countdown|\d+ (people|customers|teams) (are|have|bought|chose)"
    r"|most popular|best value|recommended|everybody else|trusted by|save \d+ ?%|\d+ ?% off"
    r"|instead of \$|!",
    re.IGNORECASE,
)
OFFER = re.compile(
    r"discount|% off|free month|half price|before you go|special|why are you|tell us why|feedback"
    r"|survey|reason|stay with|reconsider|pause instead|call us|chat with",
    re.IGNORECASE,
)


def main_of(page: TestResponse) -> Element:
    """Return what a page itself says, without the frame around it."""
    tree = html5lib.parse(page.text, namespaceHTMLElements=False)
    found = next(tree.iter("main"))
    assert isinstance(found, Element)
    return found


def words(element: Element) -> str:
    """Return the text as people read it."""
    return " ".join("".join(element.itertext()).split())


def pressed(element: Element) -> list[Element]:
    """Return everything that can be pressed."""
    return [one for tag in ("a", "button") for one in element.iter(tag)]


def bill(selling: Shop) -> Element:
    """Return the page of the bill."""
    return main_of(selling.browser.get("/billing"))


def rows(browser: Browser) -> list[list[str]]:
    """Return the cells of the table of plans."""
    [body] = main_of(browser.get("/pricing")).iter("tbody")
    return [[words(cell) for cell in row] for row in body.iter("tr")]


def hidden(form: Element) -> dict[str, str]:
    """Return what a form of one button sends."""
    return {one.get("name", ""): one.get("value", "") for one in form.iter("input")}


def pages(selling: Shop) -> list[tuple[str, Element]]:
    """Return every page about money, as a visitor, a customer and a paused customer see it."""
    browser = selling.browser
    stranger = another(browser.application)
    found = [("/pricing", stranger.get("/pricing")), ("/sign-up", stranger.get("/sign-up"))]
    selling.own()
    found += [(path, browser.get(path)) for path in WHILE_ACTIVE]
    selling.press("/billing/pause", length="3")
    found += [(path, browser.get(path)) for path in WHILE_PAUSED]
    assert [path for path, page in found if page.status_code != 200] == []
    return [(path, main_of(page)) for path, page in found]


def test_cancelling_takes_two_clicks(selling: Shop) -> None:
    selling.own()
    selling.stripe.advance(by=timedelta(hours=1))

    links = {words(link): link.get("href", "") for link in pressed(bill(selling))}
    selling.press(links["Cancel"], when="now")

    assert selling.row.status == "canceled"
    paid, refunded = selling.charged()
    assert -paid < refunded < 0  # the first day has begun


def test_a_mail_leads_to_cancelling_without_signing_in(selling: Shop, app: Flask) -> None:
    selling.own()
    stranger = another(app)
    address = selling.owner.email
    link = wiring().links.billing("cancel", selling.workspace.id, address, utcnow())
    path = urlsplit(link).path

    page = stranger.get(path)
    done = stranger.post(path, data={**carried(page), "when": "end"})

    assert done.status_code == 200
    assert selling.row.ends_at is not None


def test_no_button_shames_anybody(selling: Shop) -> None:
    said = [(path, words(one)) for path, page in pages(selling) for one in pressed(page)]

    assert said
    assert [each for each in said if SHAME.search(each[1])] == []


def test_nothing_stands_between_cancel_and_its_button(selling: Shop) -> None:
    selling.own()
    page = main_of(selling.browser.get("/billing/cancel"))
    fields = [one for tag in ("select", "textarea") for one in page.iter(tag)]
    fields += [one for one in page.iter("input") if one.get("type") != "hidden"]

    after = selling.browser.follow(selling.press("/billing/cancel", when="end"))

    assert fields == []
    assert not OFFER.search(words(page))
    assert path_of(after.request.path) == "/billing"
    assert list(main_of(after).iter("form")) == []
    assert not OFFER.search(words(main_of(after)))


@pytest.mark.parametrize(
    ("plan", "every"), [(plan, every) for plan in FOR_SALE for every in plan.prices]
)
def test_the_price_that_is_shown_is_the_price_that_is_charged(
    selling: Shop, plan: Plan, every: Every
) -> None:
    wanted = {"plan": plan.name.value, "every": every.value}
    cells = main_of(selling.browser.get("/pricing")).iter("td")
    forms = [(cell, hidden(form)) for cell in cells for form in cell.iter("form")]
    [(cell, sent)] = [(cell, sent) for cell, sent in forms if wanted.items() <= sent.items()]

    there = selling.browser.post("/billing/subscribe", data=sent).location
    assert there
    requests.post(there, data={"card": GOOD, "do": "pay"}, allow_redirects=False, timeout=10)

    assert words(cell) == f"{plan.prices[every].words} Subscribe to {plan.label} by the {every}"
    assert selling.charged() == [plan.prices[every].cents]


def test_nothing_is_chosen_for_anybody_and_months_come_first(selling: Shop) -> None:
    for browser in (selling.browser, another(selling.browser.application)):
        page = main_of(browser.get("/pricing"))
        chosen = [one for one in page.iter() if {"checked", "selected"} & one.attrib.keys()]
        typed = [one.get("value") for one in page.iter("input") if one.get("type") != "hidden"]
        heads = [words(head) for head in page.iter("th") if head.get("scope") == "col"]
        styles = {row.get("class") for body in page.iter("tbody") for row in body.iter("tr")}

        assert chosen == []
        assert not any(typed)
        assert heads.index("By the month") < heads.index("By the year")
        assert styles == {None}  # no plan stands out


def test_no_page_hurries_anybody(selling: Shop) -> None:
    found = [(path, HURRY.search(words(page))) for path, page in pages(selling)]

    assert [(path, hit[0]) for path, hit in found if hit] == []


def test_all_plans_stand_in_one_table_with_the_same_units(client: Browser, selling: Shop) -> None:
    found = rows(client)

    assert [row[0] for row in found] == ["Free", *(plan.label for plan in FOR_SALE)]
    assert {len(row) for row in found} == {7}
    limits = {limit for row in found for limit in row[3:]}
    assert all(re.fullmatch(r"[\d,]+|any number", limit) for limit in limits), limits


def test_pause_change_and_cancel_look_alike(selling: Shop) -> None:
    selling.own()
    [side_by_side] = [
        group
        for group in bill(selling).iter("div")
        if [words(one) for one in group] == ["Pause", "Change", "Cancel"]
    ]

    assert len({(one.tag, one.get("class")) for one in side_by_side}) == 1


def test_both_ways_to_cancel_look_alike(selling: Shop) -> None:
    selling.own()
    page = main_of(selling.browser.get("/billing/cancel"))
    buttons = [one for one in page.iter("button") if one.get("name") == "when"]

    assert {one.get("value") for one in buttons} == {"end", "now"}
    assert len({one.get("class") for one in buttons}) == 1


def test_signing_up_asks_for_an_address_and_a_password_alone(client: Browser) -> None:
    page = main_of(client.get("/sign-up"))
    asked = {one.get("name") for one in page.iter("input") if one.get("type") != "hidden"}

    assert asked - {None} == {"email", "password"}  # without a name nothing is sent


def test_the_export_works_after_cancelling(selling: Shop) -> None:
    selling.own()
    selling.press("/billing/cancel", when="now")

    for path in ("/export", "/export/workspace.json", "/export/monitors.csv"):
        assert selling.browser.get(path).status_code == 200, path
