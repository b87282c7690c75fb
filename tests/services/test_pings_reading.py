"""What an owner's rules make of a ping, and what is not kept of it."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from earlywatch.domain.keywords import Keywords, Otherwise
from earlywatch.domain.monitor import PingKind
from earlywatch.domain.plans import PLANS, PlanName
from earlywatch.models import Monitor
from earlywatch.services.incoming import BODY_LIMIT, BODY_MARGIN, MESSAGE_LIMIT, Outcome
from earlywatch.services.pings import record
from tests.builders import make_monitor, make_workspace
from tests.services.pinging import incidents, ping, stored

SUCCESS, START, FAIL, LOG = PingKind.SUCCESS, PingKind.START, PingKind.FAIL, PingKind.LOG
PERIOD, GRACE, SECOND = timedelta(seconds=10), timedelta(seconds=2), timedelta(seconds=1)
SECRET = "AKIA" + "A" * 16
WORDS = Keywords(start=("begin",), success=("done",), failure=("error",)).to_json()
ONLY_WORDS = {**WORDS, "otherwise": Otherwise.IGNORED.value}


def test_an_ignored_ping_is_stored_and_changes_nothing(session: Session, now: datetime) -> None:
    monitor = make_monitor(session, set_aside_until=now)
    before = monitor.state

    told = record(session, [ping(monitor, SUCCESS, now, preview=True)], now)

    session.refresh(monitor)
    assert told == [Outcome.RECORDED]
    assert (monitor.state, monitor.set_aside_until) == (before, now)
    [kept] = stored(session, monitor)
    assert (kept.kind, kept.reason) == ("ignored", "link preview")


def test_a_monitor_may_take_posts_alone(session: Session, now: datetime) -> None:
    monitor = make_monitor(session, post_only=True)
    batch = [ping(monitor, SUCCESS, now, method=m) for m in ("GET", "HEAD", "POST", "EMAIL")]

    outcomes = record(session, batch, now)

    assert outcomes == [Outcome.NOT_POSTED] * 2 + [Outcome.RECORDED] * 2
    kept = [(each.kind, each.reason) for each in stored(session, monitor)]
    assert kept == [("ignored", "not a POST")] * 2 + [("success", None)] * 2


def test_a_ping_that_is_not_posted_ends_no_pause(session: Session, now: datetime) -> None:
    monitor = make_monitor(session, post_only=True, sticky_pause=False, status="paused")

    assert record(session, [ping(monitor, SUCCESS, now)], now) == [Outcome.NOT_POSTED]

    session.refresh(monitor)
    assert monitor.status == "paused"


@pytest.mark.parametrize(
    ("subject", "body", "kind"),
    [
        ("backup done", None, "success"),
        (None, b"begin \xff", "start"),
        ("done", b"1 error", "fail"),
        (None, None, "success"),
    ],
)
def test_words_say_what_a_plain_ping_is(
    session: Session, now: datetime, subject: str | None, body: bytes | None, kind: str
) -> None:
    monitor = make_monitor(session, keywords_json=WORDS)

    record(session, [ping(monitor, SUCCESS, now, plain=True, message=subject, body=body)], now)

    [kept] = stored(session, monitor)
    assert kept.kind == kind
    session.refresh(monitor)
    assert monitor.status == {"success": "up", "fail": "failed", "start": "new"}[kind]


def test_words_never_outvote_what_the_address_says(session: Session, now: datetime) -> None:
    monitor = make_monitor(session, keywords_json=WORDS)

    record(session, [ping(monitor, FAIL, now, message="done")], now)

    [incident] = incidents(session, monitor)
    assert incident.cause == "failed"


def test_a_ping_without_any_of_the_words_can_be_ignored(session: Session, now: datetime) -> None:
    monitor = make_monitor(session, keywords_json=ONLY_WORDS)

    told = record(session, [ping(monitor, SUCCESS, now, plain=True, message="hello")], now)

    [kept] = stored(session, monitor)
    assert told == [Outcome.RECORDED]
    assert (kept.kind, kept.reason) == ("ignored", "no keyword found")


@pytest.mark.parametrize(
    ("address", "outcome"),
    [
        ("203.0.113.77", Outcome.RECORDED),
        ("::ffff:203.0.113.77", Outcome.RECORDED),
        ("2001:db8::17", Outcome.RECORDED),
        ("203.0.114.1", Outcome.WRONG_NETWORK),
        ("2001:db9::17", Outcome.WRONG_NETWORK),
        (None, Outcome.WRONG_NETWORK),
    ],
)
def test_pings_from_other_networks_are_refused_and_remembered(
    session: Session, now: datetime, address: str | None, outcome: Outcome
) -> None:
    allowed = ["203.0.113.0/24", "2001:db8::/32"]
    monitor = make_monitor(session, allowed_networks=allowed)

    assert record(session, [ping(monitor, SUCCESS, now, remote_address=address)], now) == [outcome]

    session.refresh(monitor)
    if outcome is Outcome.RECORDED:
        assert (monitor.status, monitor.refused_at) == ("up", None)
    else:
        shown = str(monitor.refused_address) if monitor.refused_address else None
        assert (monitor.status, monitor.last_ping_at) == ("new", None)
        assert (monitor.refused_at, shown, stored(session, monitor)) == (now, address, [])


def test_a_link_preview_from_another_network_is_refused_as_any_ping(
    session: Session, now: datetime
) -> None:
    monitor = make_monitor(session, allowed_networks=["203.0.113.0/24"])
    pasted = ping(monitor, SUCCESS, now, preview=True, remote_address="192.0.2.1")

    assert record(session, [pasted], now) == [Outcome.WRONG_NETWORK]
    assert stored(session, monitor) == []


@pytest.mark.parametrize(
    ("body", "tail", "kind"),
    [
        (b"...", b"\n\nFATAL error", "fail"),
        (b"... err", b"or", "fail"),
        (b"... err", b"\n\nor", "success"),
    ],
)
def test_words_are_looked_for_at_the_end_of_a_long_body_too(
    session: Session, now: datetime, body: bytes, tail: bytes, kind: str
) -> None:
    monitor = make_monitor(session, keywords_json=WORDS)

    record(session, [ping(monitor, SUCCESS, now, plain=True, body=body, tail=tail)], now)

    [kept] = stored(session, monitor)
    assert (kept.kind, kept.body, kept.body_cut) == (kind, body, True)


def test_rules_that_cannot_be_read_any_more_cost_no_ping(
    session: Session, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    monitor = make_monitor(session, keywords_json={"words": "of another version"})

    told = record(session, [ping(monitor, SUCCESS, now, plain=True, message="error")], now)

    session.refresh(monitor)
    assert (told, monitor.status) == ([Outcome.RECORDED], "up")
    assert [each.message for each in caplog.records] == ["rules for pings cannot be read"]


def test_secrets_are_masked_before_they_are_stored(session: Session, now: datetime) -> None:
    monitor = make_monitor(session)
    body = f"key {SECRET}\nkey {SECRET}\n".encode()

    record(session, [ping(monitor, LOG, now, message=f"with {SECRET}", body=body)], now)

    [kept] = stored(session, monitor)
    assert (kept.message, kept.body) == ("with [masked]", b"key [masked]\nkey [masked]\n")
    assert (kept.masked, kept.body_cut) == (3, False)


def test_an_owner_may_keep_secrets(session: Session, now: datetime) -> None:
    monitor = make_monitor(session, mask_secrets=False)

    record(session, [ping(monitor, LOG, now, message=SECRET, body=SECRET.encode())], now)

    [kept] = stored(session, monitor)
    assert (kept.message, kept.body, kept.masked) == (SECRET, SECRET.encode(), None)


@pytest.mark.parametrize("masks", [True, False])
def test_a_long_body_is_cut(session: Session, now: datetime, masks: bool) -> None:
    monitor = make_monitor(session, mask_secrets=masks)
    exact, longer = (b"x " * (BODY_LIMIT // 2), b"x " * (BODY_LIMIT // 2 + 1))

    record(session, [ping(monitor, LOG, now, body=body) for body in (exact, longer)], now)

    kept = [(each.body, each.body_cut) for each in stored(session, monitor)]
    assert kept == [(exact, False), (exact, True)]


def test_a_secret_across_the_end_of_what_is_kept_is_masked(session: Session, now: datetime) -> None:
    monitor = make_monitor(session)
    start = b"x " * (BODY_LIMIT // 2 - 4)

    record(session, [ping(monitor, LOG, now, body=start + SECRET.encode() + b" more")], now)

    [kept] = stored(session, monitor)
    assert kept.body is not None
    assert b"AKIA" not in kept.body
    assert kept.masked == 1


def test_a_secret_across_the_end_of_a_message_is_masked(session: Session, now: datetime) -> None:
    monitor = make_monitor(session)
    start = "x " * (MESSAGE_LIMIT // 2 - 4)

    record(session, [ping(monitor, LOG, now, message=f"{start}{SECRET} more")], now)

    [kept] = stored(session, monitor)
    assert kept.message is not None
    assert (kept.message, kept.masked) == (f"{start}[masked]"[: len(kept.message)], 1)
    assert len(kept.message) <= MESSAGE_LIMIT


def test_a_long_message_is_cut(session: Session, now: datetime) -> None:
    monitor = make_monitor(session)

    record(session, [ping(monitor, LOG, now, message="x" * (MESSAGE_LIMIT + 1))], now)

    assert stored(session, monitor)[0].message == "x" * MESSAGE_LIMIT


def test_what_masking_has_made_too_long_is_cut(session: Session, now: datetime) -> None:
    monitor = make_monitor(session)
    short = b"password=abc\n"
    body = short * (BODY_LIMIT // len(short))

    record(session, [ping(monitor, LOG, now, body=body)], now)

    [kept] = stored(session, monitor)
    assert (len(kept.body or b""), kept.body_cut) == (BODY_LIMIT, True)


def test_half_a_secret_does_not_slip_in_where_masking_made_room(
    session: Session, now: datetime
) -> None:
    monitor = make_monitor(session)
    many = f"{SECRET} ".encode() * 200
    room = BODY_LIMIT + BODY_MARGIN - len(many) - 10
    body = many + b"x " * (room // 2) + SECRET.encode()[:10]

    record(session, [ping(monitor, LOG, now, body=body)], now)

    [kept] = stored(session, monitor)
    assert kept.body is not None
    assert (b"AKIA" in kept.body, kept.masked) == (False, 200)


@pytest.mark.parametrize(("kind", "status"), [(SUCCESS, "up"), (FAIL, "failed")])
def test_a_pause_that_is_not_sticky_ends_with_the_next_ping(
    session: Session, now: datetime, kind: PingKind, status: str
) -> None:
    monitor = make_monitor(session, sticky_pause=False, status="paused", last_ping_at=now)
    later = now + 100 * PERIOD

    assert record(session, [ping(monitor, kind, later)], later) == [Outcome.RECORDED]

    session.refresh(monitor)
    assert (monitor.status, monitor.last_ping_at) == (status, later)
    assert monitor.deadline_at == (later + PERIOD + GRACE if status == "up" else None)
    assert len(incidents(session, monitor)) == (status == "failed")


@pytest.mark.parametrize("kind", [START, LOG])
def test_a_start_ends_no_pause(session: Session, now: datetime, kind: PingKind) -> None:
    monitor = make_monitor(session, sticky_pause=False, status="paused")

    assert record(session, [ping(monitor, kind, now)], now) == [Outcome.UNWATCHED]


def test_a_frozen_monitor_stays_frozen(session: Session, now: datetime) -> None:
    monitor = make_monitor(session, sticky_pause=False, status="frozen")

    assert record(session, [ping(monitor, SUCCESS, now)], now) == [Outcome.UNWATCHED]


def test_pauses_end_while_the_plan_has_room(session: Session, now: datetime) -> None:
    workspace = make_workspace(session, plan=PlanName.FREE)
    limit = PLANS[PlanName.FREE].monitors
    assert limit is not None
    for _ in range(limit - 1):
        make_monitor(session, workspace)
    paused = [make_monitor(session, workspace, status="paused") for _ in range(3)]
    session.execute(update(Monitor).values(sticky_pause=False))

    told = record(session, [ping(monitor, SUCCESS, now) for monitor in paused], now)

    assert told == [Outcome.RECORDED, Outcome.UNWATCHED, Outcome.UNWATCHED]
    for monitor in paused:
        session.refresh(monitor)
    assert [monitor.status for monitor in paused] == ["up", "paused", "paused"]
