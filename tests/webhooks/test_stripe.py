"""What Stripe tells us: proven, recorded once, answered at once, whatever comes."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as budget
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from earlywatch.clock import utcnow
from earlywatch.models import ReceivedEvent, RefusedEvent
from earlywatch.services.wiring import EXTENSION
from tests.client import Browser
from tests.events import SECRET, body, signature

URL = "/webhooks/stripe"
DEEP = b'{"data":' * 5000 + b"1" + b"}" * 5000


def call(browser: Browser, payload: bytes, header: str | None) -> TestResponse:
    headers = {} if header is None else {"Stripe-Signature": header}
    return browser.post(URL, data=payload, headers=headers, content_type="application/json")


def signed(browser: Browser, payload: bytes) -> TestResponse:
    return call(browser, payload, signature(payload, utcnow()))


def recorded(session: Session) -> list[tuple[str, str, str, str | None]]:
    query = select(ReceivedEvent).order_by(ReceivedEvent.id)
    return [(e.event_id, e.kind, e.object_id, e.customer_id) for e in session.scalars(query)]


def refused(session: Session) -> list[tuple[str, int]]:
    return [(row.reason, row.count) for row in session.scalars(select(RefusedEvent))]


def test_a_signed_event_is_recorded_with_what_to_look_at(shop: Browser, session: Session) -> None:
    answer = signed(shop, body(amount_paid=700))

    assert (answer.status_code, answer.text) == (200, "Recorded.")
    assert recorded(session) == [("evt_1", "invoice.paid", "in_1", "cus_1")]
    assert refused(session) == []


def test_the_same_event_is_recorded_once(shop: Browser, session: Session) -> None:
    answers = [signed(shop, body()) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[-1].text == "Recorded before."
    assert len(recorded(session)) == 1


def test_an_unknown_kind_of_event_is_recorded(shop: Browser, session: Session) -> None:
    answer = signed(shop, body(kind="climate.order.delivered"))

    assert answer.status_code == 200
    assert recorded(session) == [("evt_1", "climate.order.delivered", "in_1", "cus_1")]


@pytest.mark.parametrize(
    ("thing", "object_id", "customer_id"),
    [
        ({"id": "cus_7", "object": "customer", "customer": None}, "cus_7", "cus_7"),
        ({"customer": {"id": "cus_8", "object": "customer"}}, "in_1", "cus_8"),
        ({"customer": None}, "in_1", None),
        ({"id": None}, "", "cus_1"),
    ],
)
def test_the_customer_is_found_wherever_an_event_names_it(
    shop: Browser,
    session: Session,
    thing: dict[str, Any],
    object_id: str,
    customer_id: str | None,
) -> None:
    assert signed(shop, body(**thing)).status_code == 200
    assert recorded(session) == [("evt_1", "invoice.paid", object_id, customer_id)]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "t=1,v1=abc",
        "nonsense",
        "t=,v1=",
        "t=١٢,v1=ü".encode().decode("latin-1"),
        "t=1e9,v0=x",
        "," * 1000,
    ],
)
def test_a_call_that_nobody_signed_is_refused_and_counted(
    shop: Browser, session: Session, header: str | None
) -> None:
    answer = call(shop, body(), header)

    assert answer.status_code == 400
    assert answer.text == "The signature was not made with this endpoint's secret."
    assert recorded(session) == []
    assert refused(session) == [("wrong signature", 1)]


def test_another_secret_or_another_body_is_refused(shop: Browser, session: Session) -> None:
    payload = body()

    stranger = call(shop, payload, signature(payload, utcnow(), secret="whsec_somebody_else"))
    changed = call(shop, payload.replace(b"cus_1", b"cus_2"), signature(payload, utcnow()))
    spaced = call(shop, payload.replace(b",", b", "), signature(payload, utcnow()))

    assert [answer.status_code for answer in (stranger, changed, spaced)] == [400, 400, 400]
    assert refused(session) == [("wrong signature", 3)]


@pytest.mark.parametrize("sign", [-1, 1])
def test_five_minutes_are_the_limit_both_ways(shop: Browser, session: Session, sign: int) -> None:
    payload = body()

    inside = call(shop, payload, signature(payload, utcnow(), shift=sign * timedelta(seconds=295)))
    outside = call(shop, payload, signature(payload, utcnow(), shift=sign * timedelta(seconds=305)))

    assert (inside.status_code, outside.status_code) == (200, 400)
    assert outside.text == "The signature is more than five minutes away from our clock."
    assert refused(session) == [("old signature", 1)]


def test_an_old_call_cannot_be_dressed_up_as_a_new_one(shop: Browser, session: Session) -> None:
    payload, now = body(), utcnow()
    old = signature(payload, now, shift=-timedelta(days=1))
    stamp, _, rest = old.removeprefix("t=").partition(",")

    for header in (
        f"t=+{stamp},t={int(now.timestamp())},{rest}",
        f"t={stamp},t={int(now.timestamp())},{rest}",
        f"t= {stamp} ,{rest},t={int(now.timestamp())}",
    ):
        assert call(shop, payload, header).status_code == 400
    assert recorded(session) == []


def test_while_a_secret_is_replaced_both_are_signed_with(shop: Browser) -> None:
    payload, now = body(), utcnow()
    other = signature(payload, now, secret="whsec_the_other_one").partition(",v1=")[2]
    header = signature(payload, now).replace(",v1=", f",v1={other},v1=")

    assert call(shop, payload, header).status_code == 200


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"{}",
        b'{"id":"evt_1","type":"x","data":{"object":[]}}',
        b'{"id":7,"type":"x","data":{"object":{"id":"in_1"}}}',
        b'{"id":"evt_1","type":"x","data":{"object":{"id":{"a":1}}}}',
        b'{"id":"evt\\u0000","type":"x","data":{"object":{"id":"in_1"}}}',
        b'{"id":"\\ud800","type":"x","data":{"object":{"id":"in_1"}}}',
        b'{"id":"' + b"e" * 300 + b'","type":"x","data":{"object":{"id":"in_1"}}}',
        b"1" * 10_000,
        DEEP,
    ],
)
def test_a_signed_body_that_is_no_event_is_refused_and_counted(
    shop: Browser, session: Session, payload: bytes
) -> None:
    answer = signed(shop, payload)

    assert (answer.status_code, answer.text) == (400, "The body is not an event.")
    assert refused(session) == [("not an event", 1)]


def test_a_body_larger_than_any_event_is_refused(shop: Browser, session: Session) -> None:
    payload = body(padding="x" * 300_000)

    answer = signed(shop, payload)

    assert (answer.status_code, answer.text) == (413, "An event is smaller than 256 kB.")
    assert refused(session) == [("too large", 1)]


def test_no_session_is_begun_and_no_limit_counts(shop: Browser) -> None:
    answers = [signed(shop, body(f"evt_{number}")) for number in range(150)]

    assert {answer.status_code for answer in answers} == {200}
    assert all("Set-Cookie" not in answer.headers for answer in answers)
    assert answers[0].mimetype == "text/plain"


def test_where_nothing_is_sold_there_is_no_such_place(client: Browser, session: Session) -> None:
    answer = signed(client, body())

    assert (answer.status_code, answer.mimetype) == (404, "text/plain")
    assert recorded(session) == []


def test_without_a_secret_stripe_is_asked_to_come_again(
    shop: Browser, app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    wired = app.extensions[EXTENSION]
    settings = wired.settings.model_copy(update={"stripe_webhook_secret": None})
    monkeypatch.setitem(app.extensions, EXTENSION, replace(wired, settings=settings))

    answer = signed(shop, body())

    assert answer.status_code == 503
    assert "STRIPE_WEBHOOK_SECRET" in answer.text
    assert recorded(session) == []


def test_it_is_no_page(shop: Browser) -> None:
    assert shop.get(URL).status_code == 405


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
events_of_a_kind = st.fixed_dictionaries(
    {},
    optional={
        "id": anything,
        "type": anything,
        "data": anything
        | st.fixed_dictionaries(
            {
                "object": st.fixed_dictionaries(
                    {}, optional={"id": anything, "object": anything, "customer": anything}
                )
                | anything
            }
        ),
    },
)


@given(payload=st.binary(max_size=200), header=st.text(st.characters(max_codepoint=255)))
@budget(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_sent_the_answer_is_a_sentence(
    shop: Browser, payload: bytes, header: str
) -> None:
    answer = call(shop, payload, header.replace("\r", "").replace("\n", ""))

    assert answer.status_code == 400


@given(event=events_of_a_kind)
@budget(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_signed_is_recorded_or_refused(shop: Browser, event: object) -> None:
    payload = json.dumps(event).encode()

    assert signed(shop, payload).status_code in {200, 400}


def test_the_answer_does_not_wait_for_a_stripe_that_hangs(shop: Browser) -> None:
    shop.get("/version")  # whatever a first request has to set up
    before = utcnow()

    answer = signed(shop, body())

    assert answer.status_code == 200
    assert utcnow() - before < timedelta(seconds=1)
    assert SECRET not in answer.text
