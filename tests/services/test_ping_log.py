"""The log of pings: page by page, narrowed, and fast among many."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import PingKind
from earlywatch.errors import NotFound
from earlywatch.models import Monitor, Workspace
from earlywatch.services import ping_log
from earlywatch.services.ping_log import PINGS_PER_PAGE, PingLog, Search
from tests.builders import make_monitor, make_ping, make_workspace

HOUR = timedelta(hours=1)
RUN = UUID("0f2a7c86-5b7a-4a8e-9d0c-2f6f2b1c3d4e")


def ids(log: PingLog) -> list[int]:
    return [line.ping.id for line in log.lines]


def found(session: Session, monitor: Monitor, **search: object) -> list[int]:
    return ids(ping_log.ping_log(session, monitor, search=Search(**search)))  # type: ignore[arg-type]


def test_the_log_is_read_page_by_page_in_both_directions(session: Session) -> None:
    monitor = make_monitor(session)
    made = [make_ping(session, monitor).id for _ in range(2 * PINGS_PER_PAGE + 1)]
    made.reverse()

    first = ping_log.ping_log(session, monitor)
    second = ping_log.ping_log(session, monitor, before=first.older)
    third = ping_log.ping_log(session, monitor, before=second.older)
    back = ping_log.ping_log(session, monitor, after=third.newer)

    assert ids(first) + ids(second) + ids(third) == made
    assert (first.newer, third.older) == (None, None)
    assert ids(back) == ids(second)


def test_going_back_to_the_newest_ping_offers_nothing_newer(session: Session) -> None:
    monitor = make_monitor(session)
    made = [make_ping(session, monitor).id for _ in range(3)]

    log = ping_log.ping_log(session, monitor, after=made[0])

    assert ids(log) == [made[2], made[1]]
    assert (log.newer, log.older) == (None, made[1])


def test_a_log_without_pings_has_no_pages(session: Session) -> None:
    log = ping_log.ping_log(session, make_monitor(session))

    assert (log.lines, log.newer, log.older) == ([], None, None)


def test_the_log_does_not_read_bodies(session: Session) -> None:
    monitor = make_monitor(session)
    make_ping(session, monitor, body=b"x" * 1000)
    make_ping(session, monitor, body=b"x", body_key="a/b", body_bytes=50_000)
    session.expunge_all()

    moved, kept = ping_log.ping_log(session, monitor).lines

    assert (moved.body_bytes, kept.body_bytes) == (50_000, 1000)
    assert "body" in inspect(kept.ping).unloaded


def test_a_ping_is_found_under_its_own_monitor_alone(session: Session) -> None:
    monitor = make_monitor(session)
    workspace = session.get_one(Workspace, monitor.workspace_id)
    other = make_monitor(session, workspace)
    ping = make_ping(session, monitor)

    assert ping_log.find_ping(session, workspace, monitor.id, ping.id) is ping
    with pytest.raises(NotFound):
        ping_log.find_ping(session, workspace, other.id, ping.id)
    with pytest.raises(NotFound):
        ping_log.find_ping(session, make_workspace(session), monitor.id, ping.id)


def test_several_kinds_may_be_wanted(session: Session) -> None:
    monitor = make_monitor(session)
    made = {kind: make_ping(session, monitor, kind.value).id for kind in PingKind}
    make_ping(session, kind="fail")

    fail, log, success = PingKind.FAIL, PingKind.LOG, PingKind.SUCCESS

    assert found(session, monitor, kinds=frozenset({fail})) == [made[fail]]
    assert set(found(session, monitor, kinds=frozenset({fail, log}))) == {made[fail], made[log]}
    assert set(found(session, monitor, kinds=frozenset({fail, success}))) == {
        made[fail],
        made[success],
    }
    assert len(found(session, monitor, kinds=frozenset(PingKind))) == len(PingKind)


def test_rare_kinds_are_paged_in_both_directions(session: Session) -> None:
    monitor = make_monitor(session)
    kinds = ["fail", "success", "start", "success"] * PINGS_PER_PAGE
    made = [make_ping(session, monitor, kind).id for kind in kinds]
    wanted = Search(frozenset({PingKind.FAIL, PingKind.START}))
    expected = sorted(made[::2], reverse=True)

    first = ping_log.ping_log(session, monitor, search=wanted)
    second = ping_log.ping_log(session, monitor, before=first.older, search=wanted)
    back = ping_log.ping_log(session, monitor, after=second.newer, search=wanted)

    assert ids(first) + ids(second) == expected
    assert ids(back) == ids(first)


def test_a_span_of_time_is_exact_though_ids_are_out_of_order(
    session: Session, now: datetime
) -> None:
    monitor = make_monitor(session)
    make_ping(session, monitor, now=now - 9 * HOUR)
    make_ping(session, now=now)
    inside = [make_ping(session, monitor, now=now).id]
    early = make_ping(session, monitor, now=now - timedelta(seconds=1)).id
    inside += [make_ping(session, monitor, now=now + n * HOUR).id for n in (1, 2)]
    late = make_ping(session, monitor, now=now + 3 * HOUR).id
    waited = make_ping(session, monitor, now=now + 3 * HOUR - timedelta(seconds=1)).id

    span = found(session, monitor, start=now, end=now + 3 * HOUR)

    assert span == [waited, *reversed(inside)]
    assert found(session, monitor, start=now + 3 * HOUR) == [late]
    assert found(session, monitor, end=now)[0] == early
    assert found(session, monitor, start=now + 9 * HOUR) == []


@pytest.mark.parametrize(
    "words", ["BACKUP 100%", "kup 100%", "übel", "ÜBEL", r"c:\tmp", "99_9", "curl/8", "192.0.2.7"]
)
def test_words_are_found_in_all_that_a_ping_says(session: Session, words: str) -> None:
    monitor = make_monitor(session)
    body = "Backup 100% of C:\\Tmp: 99_9, Übel".encode()
    make_ping(session, monitor, message="backup 1000", body=b"99x9 c:/tmp \xff", user_agent="wget")
    wanted = {
        make_ping(session, monitor, **columns).id
        for columns in (
            {"body": b"\0\xff" + body},
            {"message": body.decode(), "remote_address": "192.0.2.7"},
            {"message": body.decode(), "user_agent": "Curl/8.5"},
        )
    }

    hits = set(found(session, monitor, words=words))

    assert hits
    assert hits <= wanted
    if words not in {"curl/8", "192.0.2.7"}:
        assert hits == wanted


def test_of_a_body_the_first_4_kilobytes_are_looked_through(session: Session) -> None:
    monitor = make_monitor(session)
    near = make_ping(session, monitor, body=b"x" * 4000 + b"here").id
    make_ping(session, monitor, body=b"x" * 5000 + b"here")

    assert found(session, monitor, words="HERE") == [near]


def test_the_pings_of_one_run_are_found(session: Session) -> None:
    monitor = make_monitor(session)
    start = make_ping(session, monitor, "start", run_id=RUN).id
    make_ping(session, monitor)
    end = make_ping(session, monitor, run_id=RUN).id

    assert found(session, monitor, run_id=RUN) == [end, start]


def test_a_search_that_gives_up_says_how_far_it_looked_and_goes_on(
    session: Session, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ping_log, "LOOKED_THROUGH", 4)
    monitor = make_monitor(session)
    made = [make_ping(session, monitor, now=now + n * HOUR, message=f"n {n}").id for n in range(10)]
    search = Search(words="n 1")

    first = ping_log.ping_log(session, monitor, search=search)
    second = ping_log.ping_log(session, monitor, before=first.older, search=search)
    third = ping_log.ping_log(session, monitor, before=second.older, search=search)
    back = ping_log.ping_log(session, monitor, after=third.newer, search=search)

    assert (ids(first), first.looked_to, first.newer) == ([], now + 6 * HOUR, None)
    assert (ids(second), second.looked_to) == ([], now + 2 * HOUR)
    assert (ids(third), third.looked_to, third.older) == ([made[1]], None, None)
    assert (ids(back), back.looked_to) == ([], now + 5 * HOUR)
    assert ping_log.ping_log(session, monitor, after=back.newer, search=search).looked_to is None
