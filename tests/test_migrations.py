"""Migrations run up, down and up again, and leave the tables that the models describe."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url

from earlywatch import migrations


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
