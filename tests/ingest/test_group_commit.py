"""Many pings at once: each stored once, in order, and none harmed by another."""

import http.client
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from earlywatch.models import Incident, Monitor, Ping
from tests.serving import Server, add_monitors, monitor_of

CONNECTIONS = 64


def send_all(server: Server, paths: Sequence[str]) -> list[int]:
    """Send pings one after the other on one connection; return the status of each answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    statuses = []
    for path in paths:
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
    connection.close()
    return statuses


def send_together(server: Server, paths: Sequence[Sequence[str]]) -> list[list[int]]:
    """Send several rows of pings, each on a connection of its own, at the same time."""
    with ThreadPoolExecutor(len(paths)) as pool:
        return list(pool.map(lambda row: send_all(server, row), paths))


def test_a_thousand_pings_over_many_connections_are_all_there_in_their_order(
    ingest: Server, engine: Engine
) -> None:
    keys = add_monitors(engine, 3)
    rows = [
        [f"/ping/{keys[(row + n) % 3]}/log?m={row}-{n}" for n in range(16)]
        for row in range(CONNECTIONS)
    ]

    answers = send_together(ingest, rows)

    assert Counter(status for row in answers for status in row) == {200: 1024}
    wanted = select(Ping.message).join(Monitor).where(Monitor.ping_key.in_(keys)).order_by(Ping.id)
    with Session(engine) as session:
        kept = [message or "" for message in session.scalars(wanted)]
    assert len(kept) == len(set(kept)) == 1024
    for row in range(CONNECTIONS):
        mine = [int(message.split("-")[1]) for message in kept if message.startswith(f"{row}-")]
        assert mine == list(range(16))


def test_pings_that_open_and_resolve_at_the_same_time_leave_a_true_history(
    ingest: Server, engine: Engine
) -> None:
    keys = add_monitors(engine, 4)
    rows = [
        [f"/ping/{key}/{'fail' if n % 2 else '0'}" for n in range(10) for key in keys]
        for _ in range(16)
    ]

    answers = send_together(ingest, rows)

    assert {status for row in answers for status in row} == {200}
    for key in keys:
        monitor = monitor_of(engine, key)
        with Session(engine) as session:
            mine = select(Incident).filter_by(monitor_id=monitor.id)
            still_open = session.scalars(mine.where(Incident.resolved_at.is_(None))).all()
            last = session.scalar(
                select(Ping.kind).filter_by(monitor_id=monitor.id).order_by(Ping.id.desc()).limit(1)
            )
        assert (monitor.status, len(still_open)) in {("failed", 1), ("up", 0)}
        assert monitor.status == ("failed" if last == "fail" else "up")


def test_a_poisoned_ping_fails_alone(ingest: Server, engine: Engine, poisoned: UUID) -> None:
    sound = add_monitors(engine, 7)
    rows = [[f"/ping/{key}"] * 20 for key in sound] + [[f"/ping/{poisoned}"] * 20]

    *answers, refused = send_together(ingest, rows)

    assert {status for row in answers for status in row} == {200}
    assert set(refused) == {503}
    with Session(engine) as session:
        per_key = select(Monitor.ping_key, func.count()).join(Ping).group_by(Monitor.ping_key)
        counts = {row[0]: row[1] for row in session.execute(per_key)}
    assert [counts[key] for key in sound] == [20] * 7
    assert poisoned not in counts


def test_a_schedule_that_cannot_be_read_refuses_nobody(ingest: Server, engine: Engine) -> None:
    spoilt, *sound = add_monitors(engine, 4)
    with engine.begin() as connection:
        broken = "UPDATE monitor SET schedule_kind = 'cron', period = NULL, expression = 'broken'"
        connection.execute(text(f"{broken} WHERE ping_key = :key"), {"key": spoilt})

    answers = send_together(ingest, [[f"/ping/{key}"] * 20 for key in (spoilt, *sound)])

    assert {status for row in answers for status in row} == {200}
    log = ingest.log.read_text()
    assert log.count("schedule cannot be read") == 20
    assert f'"monitor_id": {monitor_of(engine, spoilt).id}' in log
    assert "could not be stored" not in log[log.index("schedule cannot be read") :]
