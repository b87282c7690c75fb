"""The log of one monitor's million pings: how long the server works on a page of it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask.testing import FlaskClient
from sqlalchemy import create_engine, text

from earlywatch import migrations
from earlywatch.app import create_app
from earlywatch.config import Settings
from earlywatch.db import db
from earlywatch.embedded import EmbeddedPostgres
from tests.bench.bench_pages import WARM_UP, garbage_as_in_the_server, measure
from tests.bench.table import Row, at_most, show

PINGS = 1_000_000
BAR = 50.0  # milliseconds
RARE = 50_000  # one of so many pings is a failure

# A ping every 20 s; beside it another monitor that says as much. Every tenth sends its output.
FILL = """
    INSERT INTO account (email, email_confirmed_at, created_at)
    VALUES ('owner@example.org', now(), now());
    INSERT INTO workspace (name, time_zone, ping_key, created_at)
    VALUES ('bench', 'Europe/Berlin', 'bench', now());
    INSERT INTO member (account_id, workspace_id, role, created_at)
    SELECT account.id, workspace.id, 'owner', now() FROM account, workspace;
    INSERT INTO monitor (workspace_id, ping_key, name, tags, schedule_kind, period, time_zone,
        grace, created_at, status)
    SELECT id, gen_random_uuid(), 'job ' || n, '{{}}', 'interval', '20 seconds', 'Europe/Berlin',
        '5 minutes', now(), 'paused'
    FROM workspace, generate_series(1, 2) AS n;
    INSERT INTO ping (monitor_id, received_at, kind, message, body, body_cut, method, scheme,
        remote_address, user_agent)
    SELECT monitor.id, now() - ({pings} - n) * interval '20 seconds',
        CASE WHEN n % {rare} = 0 THEN 'fail' ELSE 'success' END, 'run ' || n || ' of it',
        CASE WHEN n % 10 = 0 THEN convert_to(repeat('a line of output ' || n, 40), 'UTF8') END,
        false, 'POST', 'https', '192.0.2.1', 'curl/8.5.0'
    FROM generate_series(1, {pings}) AS n, monitor ORDER BY n;
"""


@contextmanager
def site() -> Iterator[tuple[FlaskClient, dict[str, str]]]:
    """Run the site on a durable PostgreSQL of its own; give its owner's browser and the pages."""
    with (
        tempfile.TemporaryDirectory() as place,
        EmbeddedPostgres(Path(place) / "postgres") as server,
    ):
        migrations.upgrade(server.url)
        engine = create_engine(server.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(FILL.format(pings=PINGS, rare=RARE)))
            connection.execute(text("VACUUM ANALYZE"))
            first, middle, day = connection.execute(
                text(
                    "SELECT min(monitor_id), max(id) / 2,"
                    " CAST(now() - interval '100 days' AS date) FROM ping"
                )
            ).one()
        engine.dispose()
        settings = {"database_url": server.url, "secret_key": "for the benchmark"}
        app = create_app(Settings.model_validate(settings))
        client = app.test_client()
        with client.session_transaction() as cookie:
            cookie["_user_id"], cookie["_fresh"] = "1.0", True
        yield client, pages(f"/monitors/{first}/pings", middle, str(day))
        with app.app_context():
            db.engine.dispose()


def pages(log: str, middle: int, day: str) -> dict[str, str]:
    """Return what is measured: its name, and where it is."""
    return {
        "first page": log,
        "deep page": f"{log}?before={middle}",
        "rare kinds": f"{log}?kind=fail&kind=log",
        "rare kind, deep": f"{log}?kind=fail&before={middle}",
        "one day": f"{log}?from={day}&until={day}",
        "rare text": f"{log}?q=nowhere+to+be+found",
        "rare text, deep": f"{log}?q=nowhere+to+be+found&before={middle}",
        "rare text of one day": f"{log}?q=nowhere+to+be+found&from={day}&until={day}",
    }


def run() -> list[Row]:
    """Measure in one process, without the server in front of it."""
    with site() as (client, paths):
        for path in list(paths.values()) * WARM_UP:
            client.get(path)
        with garbage_as_in_the_server():
            found = {name: measure(client, path)[0] for name, path in paths.items()}
    return [
        at_most(f"{PINGS:,} pings, {name}, p90", time, BAR, "ms", 1) for name, time in found.items()
    ]


if __name__ == "__main__":
    show("Log", run())
