"""Deliveries: how many a second into a local mail server, and how soon after the deadline."""

import asyncio
import multiprocessing
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import requests
from sqlalchemy import text

from tests.bench.table import Row, at_least, at_most, percentile, show
from tests.e2e.sinks import Inbox, mail_server
from tests.e2e.stack import Stack, running
from tests.waiting import wait_until

OWNER, OTHER = "owner@example.org", "other@example.org"
ALERTS = 6_000
JOBS = 60
PERIOD = 10.0  # seconds; the grace is 0

# Alerts of real incidents: they wait for each other as they do in earnest.
QUEUE = """
    WITH made AS (
        INSERT INTO monitor (workspace_id, ping_key, name, schedule_kind, period, time_zone,
            grace, created_at, status)
        SELECT workspace.id, gen_random_uuid(), 'job ' || n, 'interval', '1 hour', 'UTC',
            '5 minutes', now(), 'late'
        FROM workspace, generate_series(1, :count) AS n
        RETURNING id
    ), opened AS (
        INSERT INTO incident (monitor_id, cause, opened_at, noticed_at, expected_at)
        SELECT id, 'missed', now(), now(), now() - interval '5 minutes' FROM made
        RETURNING id
    )
    INSERT INTO delivery (incident_id, channel_id, alert, created_at, next_attempt_at)
    SELECT opened.id, channel.id, 'opened', now(), now() FROM opened, channel
"""
RATE = """
    SELECT count(*) / extract(epoch FROM max(sent_at) - min(created_at))
    FROM delivery WHERE alert = 'opened' AND state = 'sent'
"""

# All are up until their deadline, which is the same for all but that of another workspace.
STORM_SIZE = 10_000
UNFOLDED = "UPDATE workspace SET fold_from = NULL"
STORM = """
    WITH first AS (SELECT min(workspace_id) AS id FROM channel), made AS (
        INSERT INTO monitor (workspace_id, ping_key, name, schedule_kind, period, time_zone,
            grace, created_at, status, last_ping_at, last_success_at, expected_at, deadline_at)
        SELECT workspace.id, gen_random_uuid(), 'job ' || n, 'interval', '1 hour', 'UTC', '0',
            now(), 'up', now() - interval '1 hour', now() - interval '1 hour', due.at, due.at
        FROM workspace, first,
            generate_series(1, CASE WHEN workspace.id = first.id THEN :count ELSE 1 END) AS n,
            LATERAL (SELECT now() + CASE WHEN workspace.id = first.id THEN interval '5 seconds'
                ELSE interval '8 seconds' END AS at) AS due
        WHERE EXISTS (SELECT FROM channel WHERE workspace_id = workspace.id)
        RETURNING id, workspace_id
    )
    INSERT INTO monitor_channel
    SELECT made.id, channel.id FROM made JOIN channel USING (workspace_id)
"""
SENT = "SELECT count(*) FROM delivery WHERE alert = 'opened' AND state = 'sent'"
CAME = """
    SELECT extract(epoch FROM min(sent_at - deadline) FILTER (WHERE in_storm)),
        count(*) / extract(epoch FROM max(sent_at) - min(deadline)),
        extract(epoch FROM max(sent_at - deadline) FILTER (WHERE NOT in_storm))
    FROM (
        SELECT sent_at, incident.opened_at AS deadline,
            delivery.workspace_id = (SELECT min(workspace_id) FROM channel) AS in_storm
        FROM delivery JOIN incident ON incident.id = delivery.incident_id
        WHERE alert = 'opened' AND state = 'sent'
    ) AS told
"""


async def serve_mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say yes to every mail, as cheaply as possible: the sink must not be what is measured."""
    writer.write(b"220 sink\r\n")
    in_data = False
    while line := await reader.readline():
        if in_data:
            if line != b".\r\n":
                continue
            in_data = False
            writer.write(b"250 accepted\r\n")
        elif line.upper().startswith(b"DATA"):
            in_data = True
            writer.write(b"354 go on\r\n")
        elif line.upper().startswith(b"EHLO"):
            writer.write(b"250-sink\r\n250 PIPELINING\r\n")
        elif line.upper().startswith(b"QUIT"):
            writer.write(b"221 bye\r\n")
            break
        else:
            writer.write(b"250 ok\r\n")
    writer.close()


def sink_process(pipe: Connection) -> None:
    """Run the mail server; send its port through the pipe."""

    async def serve() -> None:
        server = await asyncio.start_server(serve_mail, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


@contextmanager
def fast_sink() -> Iterator[str]:
    """Run the mail server in a process of its own; give its SMTP_URL."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=sink_process, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"smtp://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


def measure_rate() -> float:
    """Return deliveries per second with one worker process per core."""
    with (
        tempfile.TemporaryDirectory() as place,
        fast_sink() as smtp_url,
        running(Path(place), {"SMTP_URL": smtp_url}) as stack,
    ):
        stack.add_account(OWNER)
        with stack.database() as engine:
            with engine.begin() as connection:
                connection.execute(text(QUEUE), {"count": ALERTS})
            pending = "SELECT count(*) FROM delivery WHERE state = 'pending'"
            wait_until(lambda: stack.count(pending) == 0, 120, "all to be sent", 0.5)
            with engine.connect() as connection:
                return float(connection.scalar(text(RATE)) or 0)


@dataclass(frozen=True)
class Burst:
    """What became of ten thousand alerts at once. Seconds since the first deadline."""

    first: float  # until the first alert was accepted
    rate: float  # deliveries per second, all of them
    other: float  # from another workspace's deadline until its alert was accepted


def measure_burst() -> Burst:
    """Let all monitors of a workspace be late at once, and one of another soon after."""
    with (
        tempfile.TemporaryDirectory() as place,
        fast_sink() as smtp_url,
        running(Path(place), {"SMTP_URL": smtp_url}) as stack,
    ):
        stack.add_account(OWNER)
        stack.add_account(OTHER)
        with stack.database() as engine:
            with engine.begin() as connection:
                connection.execute(text(UNFOLDED))
                connection.execute(text(STORM), {"count": STORM_SIZE})
            wait_until(lambda: stack.count(SENT) >= STORM_SIZE + 1, 180, "all to be sent", 0.5)
            with engine.connect() as connection:
                return Burst(*(float(value) for value in connection.execute(text(CAME)).one()))


def measure_latency() -> list[float]:
    """Return the seconds from each deadline to its accepted mail, on an idle system."""
    inbox = Inbox()
    with (
        tempfile.TemporaryDirectory() as place,
        mail_server(inbox) as smtp_url,
        running(Path(place), {"SMTP_URL": smtp_url}) as stack,
    ):
        deadlines = spread_deadlines(stack)
        wait_until(lambda: len(inbox.about(" is late")) == JOBS, 60, "all alerts")
    arrived = {one.text.split(" is late")[0]: one.at for one in inbox.about(" is late")}
    return [arrived[name] - deadline for name, deadline in deadlines.items()]


def spread_deadlines(stack: Stack) -> dict[str, float]:
    """Ping monitors at random moments; return each one's deadline (Unix seconds)."""
    stack.add_account(OWNER)
    stack.tell_each_alone()
    names = [f"job {number:02}" for number in range(JOBS)]
    urls = [stack.add_monitor(name, OWNER, "--every", "10s", "--grace", "0s") for name in names]
    deadlines, dice = {}, random.Random(1)
    for name, url in zip(names, urls, strict=True):
        time.sleep(dice.uniform(0, 0.3))
        requests.get(url, timeout=10)
        deadlines[name] = time.time() + PERIOD
    return deadlines


def run() -> list[Row]:
    """Measure with the real processes."""
    rate = measure_rate()
    burst = measure_burst()
    latencies = measure_latency()
    return [
        at_least("deliveries to a local SMTP sink", rate, 600, "per s"),
        at_least(
            f"{STORM_SIZE:,} late at once, from deadline to the last mail", burst.rate, 600, "per s"
        ),
        at_most("the first of them, from its deadline", burst.first, 2, "s"),
        at_most("another workspace's one, 3 s later", burst.other, 3, "s"),
        at_most("deadline to accepted mail, idle, p50", percentile(latencies, 0.5), 1, "s"),
        at_most("deadline to accepted mail, idle, p99", percentile(latencies, 0.99), 2, "s"),
    ]


if __name__ == "__main__":
    show("Deliveries", run())
