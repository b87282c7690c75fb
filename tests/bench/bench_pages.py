"""Pages: how long the server works on each, with a thousand monitors behind them."""

import gc
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask.testing import FlaskClient
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection

from earlywatch import migrations
from earlywatch.app import create_app
from earlywatch.asgi import GC_THRESHOLDS
from earlywatch.config import Settings
from earlywatch.db import db
from earlywatch.embedded import EmbeddedPostgres
from tests.bench.table import Row, at_most, percentile, show

MONITORS = 1_000
PINGS = 60  # each
WARM_UP, REQUESTS = 5, 60
BAR = 50.0  # milliseconds
DASHBOARD = "/monitors"

# Some of everything: of ten monitors one is late, one failed, one paused; every third has a
# cron line, and their schedules differ.
FILL = """
    INSERT INTO account (email, email_confirmed_at, created_at)
    VALUES ('owner@example.org', now(), now());
    INSERT INTO workspace (name, time_zone, ping_key, created_at)
    VALUES ('bench', 'Europe/Berlin', 'bench', now());
    INSERT INTO member (account_id, workspace_id, role, created_at)
    SELECT account.id, workspace.id, 'owner', now() FROM account, workspace;
    INSERT INTO channel (workspace_id, kind, name, config, created_at, verified_at)
    SELECT id, 'email', 'ops ' || n, '{{"address": "ops@example.org"}}', now(), now()
    FROM workspace, generate_series(1, 5) AS n;
    INSERT INTO monitor (workspace_id, ping_key, name, tags, schedule_kind, period, expression,
        time_zone, grace, created_at, status, last_ping_at, last_success_at, expected_at,
        deadline_at)
    SELECT workspace.id, gen_random_uuid(), 'nightly job number ' || n, ARRAY['db', 'tag' || n % 7],
        CASE WHEN n % 3 = 0 THEN 'cron' ELSE 'interval' END,
        CASE WHEN n % 3 = 0 THEN NULL ELSE n * interval '1 minute' END,
        CASE WHEN n % 3 = 0 THEN n % 60 || ' ' || n % 24 || ' * * 1-5' END,
        'Europe/Berlin', '5 minutes', now(), status, now() - interval '1 hour',
        now() - interval '1 hour',
        CASE status WHEN 'up' THEN now() + n * interval '1 minute' END,
        CASE status WHEN 'up' THEN now() + n * interval '1 minute' END
    FROM workspace, generate_series(1, {monitors}) AS n,
        LATERAL (SELECT CASE n % 10 WHEN 1 THEN 'late' WHEN 2 THEN 'failed' WHEN 3 THEN 'paused'
            ELSE 'up' END AS status) AS chosen;
    INSERT INTO monitor_channel
    SELECT monitor.id, channel.id FROM monitor, channel WHERE channel.id <= 2;
    INSERT INTO ping (monitor_id, received_at, kind, duration, body, body_cut, method, scheme,
        remote_address, user_agent)
    SELECT monitor.id, now() - ({pings} + 1 - n) * interval '1 hour',
        CASE WHEN (n + monitor.id) % 17 = 0 THEN 'fail' ELSE 'success' END,
        (n % 7 + 1) * interval '1 minute', 'done', false, 'POST', 'https', '192.0.2.1', 'curl/8'
    FROM generate_series(1, {pings}) AS n, monitor ORDER BY n;
    INSERT INTO incident (monitor_id, cause, opened_at, noticed_at, resolved_at, expected_at)
    SELECT id, 'missed', at, at, at + interval '1 hour', at - interval '5 minutes'
    FROM monitor, generate_series(1, 5) AS n, LATERAL (SELECT now() - n * interval '1 day' AS at)
        AS moment;
    INSERT INTO incident (monitor_id, cause, opened_at, noticed_at, expected_at)
    SELECT id, CASE status WHEN 'late' THEN 'missed' ELSE 'failed' END, now(), now(), now()
    FROM monitor WHERE status IN ('late', 'failed');
    INSERT INTO delivery (incident_id, channel_id, alert, state, attempts, created_at,
        next_attempt_at, sent_at, answer)
    SELECT incident.id, channel_id, 'opened', 'sent', 1, opened_at, opened_at, opened_at, '250 ok'
    FROM incident JOIN monitor_channel USING (monitor_id);
    INSERT INTO subscription (workspace_id, customer_id, stripe_id, status, plan, amount, currency,
        every, started_at, period_start, period_end, next_amount, card)
    SELECT id, 'cus_1', 'sub_1', 'active', 'business', 8000, 'usd', 'month', now(), now(),
        now() + interval '1 month', 8000, '{{"brand": "visa", "last4": "4242", "month": 1,
        "year": 2040}}' FROM workspace;
    INSERT INTO invoice (id, workspace_id, number, status, total, paid, currency, created_at,
        lines, payment_ids)
    SELECT 'in_' || n, id, 'A-' || n, 'paid', 8000, 8000, 'usd', now() - n * interval '30 days',
        '[]', '[]' FROM workspace, generate_series(1, 60) AS n;
    INSERT INTO billing_change (workspace_id, at, kind, about, actor, sentence, amount, currency)
    SELECT id, now() - n * interval '30 days', 'charged', n, 'Stripe', 'Invoice A-' || n, 8000,
        'usd' FROM workspace, generate_series(1, 200) AS n;
"""
LATE = "SELECT id FROM monitor WHERE status = 'late' ORDER BY id LIMIT 1"
ITS_PING = "SELECT max(id) FROM ping WHERE monitor_id = :id"
ITS_INCIDENT = "SELECT max(id) FROM incident WHERE monitor_id = :id"


@contextmanager
def site() -> Iterator[tuple[FlaskClient, list[str]]]:
    """Run the site on a durable PostgreSQL of its own; give its owner's browser and the pages."""
    with (
        tempfile.TemporaryDirectory() as place,
        EmbeddedPostgres(Path(place) / "postgres") as server,
    ):
        migrations.upgrade(server.url)
        engine = create_engine(server.url)
        with engine.begin() as connection:
            connection.execute(text(FILL.format(monitors=MONITORS, pings=PINGS)))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
            paths = pages(connection)
        engine.dispose()
        settings = {
            "database_url": server.url,
            "secret_key": "for the benchmark",
            "stripe_secret_key": "sk_test_earlywatch",  # sells; no page measured here asks Stripe
        }
        app = create_app(Settings.model_validate(settings))
        client = app.test_client()
        with client.session_transaction() as cookie:
            cookie["_user_id"], cookie["_fresh"] = "1.0", True
        yield client, paths
        with app.app_context():
            db.engine.dispose()


def pages(connection: Connection) -> list[str]:
    """Return the pages that a member can open, the dashboard first."""
    late = connection.scalar(text(LATE))
    ping = connection.scalar(text(ITS_PING), {"id": late})
    incident = connection.scalar(text(ITS_INCIDENT), {"id": late})
    monitor = f"/monitors/{late}"
    return [
        *(DASHBOARD, "/monitors/rows", "/monitors?q=number+7&tag=db", "/monitors?status=trouble"),
        *("/monitors/new", monitor, f"{monitor}/edit", f"{monitor}/delete"),
        *(f"{monitor}/pings", f"{monitor}/pings/{ping}", f"/incidents/{incident}"),
        *("/channels", "/channels/1", "/channels/1/edit", "/channels/1/delete"),
        *("/pricing", "/billing", "/billing/invoices", "/billing/history", "/docs/promises"),
        *("/export", "/channels/new/email", "/account", "/docs", "/docs/self-hosting", "/missing"),
    ]


def measure(client: FlaskClient, path: str) -> tuple[float, int]:
    """Return the p90 of the server's work (milliseconds) and the size of the page (bytes)."""
    times, size = [], 0
    for _ in range(REQUESTS):
        start = time.perf_counter()
        answer = client.get(path)
        times.append((time.perf_counter() - start) * 1000)
        assert answer.status_code in {200, 404}, f"{path}: {answer.status}"
        size = len(answer.data)
    return percentile(times, 0.9), size


@contextmanager
def garbage_as_in_the_server() -> Iterator[None]:
    """Collect garbage as seldom as the server, and leave out what is there now."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def run() -> list[Row]:
    """Measure in one process, without the server in front of it."""
    with site() as (client, paths):
        for path in paths * WARM_UP:
            client.get(path)
        with garbage_as_in_the_server():
            found = {path: measure(client, path) for path in paths}
    time_of_dashboard, size = found.pop(DASHBOARD)
    slowest = max(found, key=lambda path: found[path][0])
    return [
        at_most(f"dashboard with {MONITORS:,} monitors, p90", time_of_dashboard, BAR, "ms", 1),
        at_most("its size", size / 1000, 300, "kB", 0),
        at_most(f"slowest other page ({slowest}), p90", found[slowest][0], BAR, "ms", 1),
        *(Row(f"  {path}", f"{spent:.1f} ms") for path, (spent, _) in found.items()),
    ]


if __name__ == "__main__":
    show("Pages", run())
