"""Migrations run up, down and up again, and leave the tables that the models describe."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from earlywatch import migrations

UNPROVEN = text("SELECT conname FROM pg_constraint WHERE NOT convalidated")


@pytest.fixture
def empty_database(database_url: str) -> Iterator[str]:
    """The URL of a database without tables, beside the one of the other tests."""
    url = make_url(database_url)
    name = f"{url.database}_migrations"
    server = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


def tables(database_url: str) -> set[str]:
    engine = create_engine(database_url)
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    return names


def test_migrations_run_up_down_and_up_again_and_equal_the_models(empty_database: str) -> None:
    config = migrations.config(empty_database)

    command.upgrade(config, "head")
    command.check(config)
    command.downgrade(config, "base")
    after_down = tables(empty_database)
    command.upgrade(config, "head")

    assert after_down == {"alembic_version"}
    assert "delivery" in tables(empty_database)


def test_two_processes_that_start_at_once_take_turns(empty_database: str) -> None:
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        for done in [pool.submit(migrations.upgrade, empty_database) for _ in range(2)]:
            done.result()

    assert "delivery" in tables(empty_database)


def unproven(database_url: str) -> set[str]:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        found = connection.execute(UNPROVEN).scalars().all()
    engine.dispose()
    return set(found)


def test_what_holds_for_many_rows_is_proven_apart_from_what_locks_them(
    empty_database: str,
) -> None:
    config = migrations.config(empty_database)

    command.upgrade(config, "0002")
    before = unproven(empty_database)
    command.upgrade(config, "head")

    assert before == {"ck_monitor_status", "ck_workspace_plan", "ck_workspace_gift_plan"}
    assert unproven(empty_database) == set()


def test_a_migration_that_waits_for_a_lock_gives_up_soon_and_can_be_run_again(
    empty_database: str,
) -> None:
    config = migrations.config(empty_database)
    command.upgrade(config, "0001")
    engine = create_engine(empty_database)

    with engine.begin() as connection:
        connection.execute(text("SELECT FROM monitor"))
        with pytest.raises(OperationalError, match="lock timeout"):
            command.upgrade(config, "head")
    command.upgrade(config, "head")

    engine.dispose()
    assert "paid_month" in tables(empty_database)


RUNNING = text("""
    INSERT INTO workspace (name, created_at) VALUES ('old', now());
    INSERT INTO monitor (workspace_id, ping_key, name, schedule_kind, period, time_zone, grace,
        created_at, status, expected_at, deadline_at, started_at, run_id)
    SELECT id, gen_random_uuid(), 'job', 'interval', '1 hour', 'UTC', '5 minutes', now(), 'up',
        '2026-11-20 06:00+00', '2026-11-20 06:05+00', '2026-11-20 05:17:03.5+00',
        '2f1c9a52-6a9e-4f0b-9d7e-0c8d5b1f3a64'
    FROM workspace WHERE name = 'old'
""")
EARLIER = text("UPDATE monitor SET deadline_at = deadline_at - interval '1 minute'")
RUN = {
    "id": "2f1c9a52-6a9e-4f0b-9d7e-0c8d5b1f3a64",
    "started_at": "2026-11-20T05:17:03.500000+00:00",
}


def test_runs_and_deadlines_come_along_and_go_back(empty_database: str) -> None:
    config = migrations.config(empty_database)
    command.upgrade(config, "0004")
    engine = create_engine(empty_database)
    with engine.begin() as connection:
        connection.execute(RUNNING)

    command.upgrade(config, "head")
    with engine.begin() as connection:
        [(runs, looked_at)] = connection.execute(text("SELECT runs, look_at FROM monitor")).all()
        connection.execute(text("UPDATE monitor SET started_at = NULL, run_id = NULL"))
    command.downgrade(config, "0004")
    with engine.begin() as connection:
        [(started_at, run_id)] = connection.execute(
            text("SELECT started_at, run_id FROM monitor")
        ).all()

    engine.dispose()
    assert runs == [RUN]
    assert looked_at == datetime(2026, 11, 20, 6, 5, tzinfo=UTC)
    assert (started_at.isoformat(), str(run_id)) == (RUN["started_at"], RUN["id"])


def test_the_former_version_goes_on_beside_the_new_tables(empty_database: str) -> None:
    command.upgrade(migrations.config(empty_database), "head")
    engine = create_engine(empty_database)
    with engine.begin() as connection:
        connection.execute(RUNNING)
        connection.execute(EARLIER)

        look = "SELECT look_at = deadline_at, length(workspace.ping_key) FROM monitor, workspace"
        assert connection.execute(text(look)).all() == [(True, 22)]
    engine.dispose()


CHANNEL = text("""
    INSERT INTO workspace (name, created_at) VALUES ('old', now());
    INSERT INTO channel (workspace_id, kind, name, config, created_at, verified_at)
    SELECT id, 'email', 'operations', '{}', '2026-01-01', '2026-01-01' FROM workspace
""")
NEW_CHANNEL = text("""
    INSERT INTO channel (workspace_id, kind, name, config, created_at, verified_at)
    SELECT id, 'email', 'new', '{}', '2026-11-20', '2026-11-20' FROM workspace
""")


def test_nobody_is_told_of_unproven_channels_because_of_the_upgrade(empty_database: str) -> None:
    config = migrations.config(empty_database)
    command.upgrade(config, "0007")
    engine = create_engine(empty_database)
    with engine.begin() as connection:
        connection.execute(CHANNEL)

    command.upgrade(config, "head")

    with engine.begin() as connection:
        connection.execute(NEW_CHANNEL)
        query = text("SELECT name, unproven_told_at IS NULL FROM channel ORDER BY id")
        assert connection.execute(query).all() == [("operations", False), ("new", True)]
    engine.dispose()
