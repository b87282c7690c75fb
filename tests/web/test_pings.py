"""The page of one ping, and the ways its body is shown."""

from dataclasses import replace
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from earlywatch.models import Ping
from earlywatch.services.wiring import EXTENSION
from earlywatch.web.body_views import Way, as_json, as_text, hex_dump, view_body
from tests.builders import make_monitor, make_ping
from tests.client import Browser
from tests.html import check_page
from tests.web.team import Team

RUN = UUID("0f2a7c86-5b7a-4a8e-9d0c-2f6f2b1c3d4e")


def words(page: str) -> str:
    return " ".join("".join(check_page(page).itertext()).split())


def path_of(ping: Ping) -> str:
    return f"/monitors/{ping.monitor_id}/pings/{ping.id}"


def test_a_body_is_shown_as_text_and_downloaded_as_a_harmless_file(
    client: Browser, session: Session, team: Team
) -> None:
    monitor = make_monitor(session, team.workspace)
    ping = make_ping(session, monitor, body=b"<script>alert(1)</script>\x1b[0m")
    client.sign_in(team.mate)

    page = client.get(f"/monitors/{monitor.id}/pings/{ping.id}")
    file = client.get(f"/monitors/{monitor.id}/pings/{ping.id}/body")

    assert "&lt;script&gt;alert(1)&lt;/script&gt;</code>" in page.text
    assert file.data == b"<script>alert(1)</script>\x1b[0m"
    assert file.content_type == "application/octet-stream"
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert file.headers["X-Content-Type-Options"] == "nosniff"


def test_a_ping_without_a_body_has_nothing_to_download(
    client: Browser, session: Session, team: Team
) -> None:
    monitor = make_monitor(session, team.workspace)
    ping = make_ping(session, monitor)
    client.sign_in(team.owner)
    here = f"/monitors/{monitor.id}/pings/{ping.id}"

    assert "carried nothing" in client.get(here).text
    assert client.get(f"{here}/body").status_code == 404


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"plain\r\ntext", "plain\ntext"),
        ("cut in the middle of é".encode()[:-1], "cut in the middle of "),
        (b"", ""),
        (b"\x1b[31mred\x1b[0m bell\x07", "red bell␇"),
        (b"\xff\xfe\x00", None),
        (b"nul \0 is binary", None),
    ],
)
def test_text_is_told_from_binary(body: bytes, text: str | None) -> None:
    assert as_text(body) == text


def test_binary_is_shown_in_hexadecimal() -> None:
    dump = hex_dump(bytes(range(65, 65 + 17)))

    assert dump.splitlines() == [
        "00000000  41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f 50  ABCDEFGHIJKLMNOP",
        "00000010  51                                               Q",
    ]


def test_json_is_laid_out_and_stays_as_it_was_written() -> None:
    body = b'{"a":[1.10,{},[ ],"x,{y}:\\"z"],"a":1e5}'

    assert as_json(body) == (
        '{\n  "a": [\n    1.10,\n    {},\n    [],\n    "x,{y}:\\"z"\n  ],\n  "a": 1e5\n}'
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"17",
        b'"text"',
        b"[1,]",
        b"\xff[]",
        b"[" * 50_000 + b"]" * 50_000,
        b"[1" + b"0" * 5_000 + b"]",
        b"[" * 900 + b"1," * 40_000 + b"1" + b"]" * 900,
    ],
)
def test_what_is_no_json_or_too_much_in_lines_is_left_alone(body: bytes) -> None:
    assert as_json(body) is None


@pytest.mark.parametrize(
    ("body", "way", "ways"),
    [
        (b"text", Way.TEXT, [Way.TEXT, Way.HEX]),
        (b'{"a": 1}', Way.JSON, [Way.TEXT, Way.JSON, Way.HEX]),
        (b"\0\1", Way.HEX, [Way.TEXT, Way.HEX]),
    ],
)
def test_the_best_way_to_show_a_body_is_chosen(body: bytes, way: Way, ways: list[Way]) -> None:
    for wanted in ("", "picture", "json" if Way.JSON not in ways else ""):
        view = view_body(body, wanted)
        assert (view.way, list(view.ways)) == (way, ways)


def test_a_body_that_is_no_text_may_be_read_as_text() -> None:
    view = view_body(b"caf\xe9\0", "text")

    assert (view.shown, view.lossy) == ("caf\ufffd\u2400", True)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["", *Way]))
def test_any_body_is_shown(body: bytes, wanted: str) -> None:
    view = view_body(body, wanted)

    assert wanted in ("", view.way) or wanted == Way.JSON


def test_a_person_switches_between_the_ways(client: Browser, session: Session, team: Team) -> None:
    monitor = make_monitor(session, team.workspace)
    ping = make_ping(session, monitor, body=b'{"rows":12}')
    client.sign_in(team.owner)

    first = client.get(path_of(ping)).text
    as_typed = client.get(path_of(ping) + "?as=text").text
    as_hex = client.get(path_of(ping) + "?as=hex").text

    assert "{\n  &#34;rows&#34;: 12\n}</code>" in first
    assert "{&#34;rows&#34;:12}</code>" in as_typed
    assert "00000000  7b 22 72 6f" in as_hex
    for way in Way:
        assert f"{path_of(ping)}?as={way}#body-title" in first


def test_the_page_tells_all_about_a_ping(client: Browser, session: Session, team: Team) -> None:
    monitor = make_monitor(session, team.workspace)
    ping = make_ping(
        session, monitor, "log", run_id=RUN, done=340, total=1200, masked=2, old_key=True,
        new_source=True, metrics={"rows": 1200.0, "share": 0.25},
    )  # fmt: skip
    client.sign_in(team.owner)

    page = client.get(path_of(ping))

    told = words(page.text)
    assert "2b1c3d4e Pings of this run" in told
    assert "340 of 1,200 28 %" in told
    assert "2 secrets were masked before we stored this." in told
    assert "new source" in told
    assert "old key" in told
    assert "share0.25" in told
    assert f"run={RUN}&amp;until=2026-11-21" in page.text


def test_an_ignored_ping_says_why(client: Browser, session: Session, team: Team) -> None:
    monitor = make_monitor(session, team.workspace)
    ping = make_ping(session, monitor, "ignored", reason="Link preview by Slackbot")
    client.sign_in(team.owner)

    for page in (client.get(path_of(ping)), client.get(f"/monitors/{monitor.id}")):
        assert "Ignored" in words(page.text)
        assert "Link preview by Slackbot" in words(page.text)


def test_a_moved_body_that_cannot_be_had_is_shown_as_far_as_it_is_here(
    client: Browser, session: Session, team: Team
) -> None:
    monitor = make_monitor(session, team.workspace)
    ping = make_ping(session, monitor, body=b"the beginning", body_key="1/2/3", body_bytes=50_000)
    client.sign_in(team.owner)

    page = words(client.get(path_of(ping)).text)
    file = client.get(path_of(ping) + "/body")

    assert "Only the beginning is shown." in page
    assert "the beginning" in page
    assert "50.0 kB" in page
    assert file.location == path_of(ping)


class Store:
    """An object store on the other side of the door."""

    def get(self, key: str) -> bytes:
        """Return the whole body."""
        return f"all of {key}".encode()


def test_a_moved_body_is_fetched(
    app: Flask, client: Browser, session: Session, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    wiring = replace(app.extensions[EXTENSION], object_store=Store())
    monkeypatch.setitem(app.extensions, EXTENSION, wiring)
    monitor = make_monitor(session, team.workspace)
    ping = make_ping(session, monitor, body=b"all", body_key="1/2/3", body_bytes=12)
    client.sign_in(team.owner)

    assert "all of 1/2/3</code>" in client.get(path_of(ping)).text
    assert client.get(path_of(ping) + "/body").data == b"all of 1/2/3"
