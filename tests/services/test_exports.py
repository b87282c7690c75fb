"""What is in the files that people take along."""

import base64
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.domain.schedule import Cron
from earlywatch.models import BillingChange, Invoice, Workspace
from earlywatch.services import exports
from tests.builders import (
    make_account,
    make_channel,
    make_delivery,
    make_incident,
    make_monitor,
    make_ping,
    make_workspace,
)
from tests.services.exporting import BASE, parts, read, table

SECOND = timedelta(seconds=1)
HOSTILE = (
    "=cmd|' /C calc'!A0",
    '"quoted", with; separators',
    "two\nlines\tand\x1ba bell\x07",
    "</script><script>alert(1)</script>",
    "\u2028\u202e\u05e0\u05d0\u05de\U0001f41b",
)


@pytest.fixture
def workspace(session: Session) -> Workspace:
    """A workspace without anything."""
    return make_workspace(session, make_account(session, "owner@example.org"), name="Night shift")


def test_an_empty_workspace_is_a_whole_file(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    file = read(session, workspace, now)

    assert (file["format"], file["version"]) == ("earlywatch-workspace", 2)
    assert file["made_at"] == "2026-11-20T05:17:03Z"
    assert file["workspace"]["name"] == "Night shift"
    assert file["workspace"]["ping_key"] == workspace.ping_key
    assert file["workspace"]["create_by_ping"] is True
    assert [member["email"] for member in file["members"]] == ["owner@example.org"]
    lists = ("channels", "monitors", "incidents", "billing_history", "invoices", "pings")
    assert [file[name] for name in lists] == [[]] * len(lists)


def test_monitors_come_with_rules_channels_and_ping_url(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    room = make_channel(session, workspace, "slack", name="#ops")
    due: Any = {
        "status": "up",
        "expected_at": now,
        "deadline_at": now + SECOND,
        "last_ping_at": now,
    }
    every = make_monitor(session, workspace, tags=["db", "prod"], channels=[room], **due)
    cron = make_monitor(session, workspace, "report", schedule=Cron("0 3 * * *", "Europe/Berlin"))

    first, second = read(session, workspace, now)["monitors"]

    assert first["schedule"] == "every 10 s"
    assert (first["schedule_kind"], first["period_seconds"]) == ("interval", 10)
    assert (first["grace_seconds"], first["max_runtime_seconds"]) == (2, None)
    assert (first["status"], first["tags"]) == ("due", ["db", "prod"])
    assert (first["channel_ids"], first["last_ping_at"]) == ([room.id], "2026-11-20T05:17:03Z")
    assert first["ping_url"] == f"{BASE}/{every.ping_key}"
    assert (second["id"], second["channel_ids"], second["status"]) == (cron.id, [], "new")
    assert (second["expression"], second["time_zone"]) == ("0 3 * * *", "Europe/Berlin")


def test_channels_come_with_their_secrets(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    room = make_channel(session, workspace, "slack", verified=False)

    [channel] = read(session, workspace, now)["channels"]

    assert channel["config"] == room.config
    assert "hooks.slack.com" in channel["config"]["webhook_url"]
    assert (channel["kind"], channel["verified_at"]) == ("slack", None)


def test_incidents_tell_who_was_told(session: Session, workspace: Workspace, now: datetime) -> None:
    room = make_channel(session, workspace)
    monitor = make_monitor(session, workspace, status="late")
    incident = make_incident(session, monitor, opened_at=now)
    make_delivery(session, room, incident, state="sent", sent_at=now, answer="250 ok")
    make_delivery(session, room, incident, AlertKind.RESOLVED)

    [found] = read(session, workspace, now)["incidents"]

    assert (found["id"], found["monitor_id"]) == (incident.id, monitor.id)
    assert (found["cause"], found["resolved_at"]) == ("missed", None)
    told = [(each["alert"], each["state"], each["answer"]) for each in found["deliveries"]]
    assert told == [("opened", "sent", "250 ok"), ("resolved", "pending", None)]
    assert {each["channel_id"] for each in found["deliveries"]} == {room.id}


def test_money_that_came_and_went_is_there(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    said = {"actor": "owner@example.org", "sentence": "Refunded.", "currency": "usd"}
    session.add(
        BillingChange(
            workspace_id=workspace.id, at=now, kind="refund", about="re_1", amount=-512, **said
        )
    )
    session.add(
        Invoice(
            id="in_1", workspace_id=workspace.id, number="E-1", status="paid", total=700, paid=700,
            refunded=512, currency="usd", created_at=now, lines=[], payment_ids=["pi_1"],
        )
    )  # fmt: skip
    session.flush()

    file = read(session, workspace, now)

    [change], [invoice] = file["billing_history"], file["invoices"]
    assert (change["sentence"], change["amount"]) == ("Refunded.", -512)
    assert (invoice["id"], invoice["paid"], invoice["refunded"]) == ("in_1", 700, 512)


@pytest.mark.parametrize(
    ("body", "is_text"),
    [
        (b"done\n", True),
        (b"", True),
        ("naïve \U0001f41b \u2028".encode(), True),
        (b"nul \0 and \x1b[1mcolour\x1b[0m", True),
        (b"\xff\xfe\x00binary", False),
        ("cut in a character: \U0001f41b".encode()[:-2], False),
    ],
)
def test_a_body_is_what_the_job_sent_to_the_byte(
    session: Session, workspace: Workspace, now: datetime, body: bytes, is_text: bool
) -> None:
    run, monitor = uuid4(), make_monitor(session, workspace)
    make_ping(
        session, monitor, "fail", body=body, exit_status=3, run_id=run,
        duration=timedelta(milliseconds=1500), remote_address="192.0.2.1", user_agent="curl/8",
    )  # fmt: skip

    [ping] = read(session, workspace, now)["pings"]

    exact = ping["body"].encode() if is_text else base64.b64decode(ping["body_base64"])
    assert exact == body
    assert ("body" in ping, "body_base64" in ping) == (is_text, not is_text)
    assert (ping["monitor_id"], ping["kind"], ping["exit_status"]) == (monitor.id, "fail", 3)
    assert (ping["run_id"], ping["duration_seconds"]) == (str(run), 1.5)
    assert (ping["remote_address"], ping["user_agent"]) == ("192.0.2.1", "curl/8")


def test_a_ping_that_carried_nothing_has_no_body(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    make_ping(session, make_monitor(session, workspace))

    [ping] = read(session, workspace, now)["pings"]

    assert "body" not in ping
    assert "body_base64" not in ping


def test_nothing_of_another_workspace_is_there(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    before = "".join(parts(session, workspace, now))
    room = make_channel(session, kind="slack")
    others = session.get_one(Workspace, room.workspace_id)
    monitor = make_monitor(session, others, channels=[room])
    make_delivery(session, room, make_incident(session, monitor))
    make_ping(session, monitor)
    told = {"actor": "x", "sentence": "x", "kind": "x", "about": "x"}
    session.add(BillingChange(workspace_id=others.id, at=now, **told))
    session.flush()

    assert "".join(parts(session, workspace, now)) == before
    assert table(session, workspace, now) == []


def test_what_comes_while_it_is_written_is_left_out_so_that_it_ends(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    monitor = make_monitor(session, workspace)
    early = make_ping(session, monitor, now=now)
    make_ping(session, monitor, now=now + SECOND)
    make_incident(session, monitor, opened_at=now + SECOND)

    file = read(session, workspace, now)

    assert [ping["id"] for ping in file["pings"]] == [early.id]
    assert file["incidents"] == []


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_break_neither_file(
    session: Session, workspace: Workspace, now: datetime, name: str
) -> None:
    room = make_channel(session, workspace, name=name)
    make_monitor(session, workspace, name, tags=[name], channels=[room])

    [monitor] = read(session, workspace, now)["monitors"]
    [line] = table(session, workspace, now)

    assert (monitor["name"], monitor["tags"]) == (name, [name])
    assert line["name"].replace("'", "") == name.replace("'", "")
    assert line.keys() == set(exports.COLUMNS)


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\uff1d1", "'\uff1d1"),
        (" =1", "' =1"),
        ('x;"=1"', 'x;\'"=1"'),
        ("x;=1", "x;'=1"),
        ("a-b = c", "a-b = c"),
        ("nightly backup", "nightly backup"),
    ],
)
def test_a_spreadsheet_computes_nothing(
    session: Session, workspace: Workspace, now: datetime, name: str, cell: str
) -> None:
    make_monitor(session, workspace, name)

    [line] = table(session, workspace, now)

    assert line["name"] == cell


def test_the_table_says_what_a_person_wants_to_know(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    rooms = [make_channel(session, workspace, name=name) for name in ("Team mail", "#ops")]
    daily = Cron("0 3 * * *", "Europe/Berlin")
    made = make_monitor(
        session, workspace, schedule=daily, tags=["db", "prod"], channels=rooms, last_ping_at=now
    )

    [line] = table(session, workspace, now)

    assert (line["name"], line["status"], line["tags"]) == ("nightly backup", "new", "db prod")
    assert (line["channels"], line["grace_seconds"]) == ("Team mail, #ops", "2")
    assert (line["schedule_kind"], line["expression"]) == ("cron", "0 3 * * *")
    assert (line["last_ping_at"], line["expected_at"]) == ("2026-11-20T05:17:03Z", "")
    assert line["ping_url"] == f"{BASE}/{made.ping_key}"
