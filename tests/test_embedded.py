"""The private servers: durable, reachable for their user alone, never left behind."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from earlywatch.embedded import EmbeddedError, EmbeddedPostgres, EmbeddedValkey, binaries
from earlywatch.embedded.process import User, working_in

PATIENCE = 15.0  # seconds

RUN_BOTH = """
    import sys, time
    from pathlib import Path
    from earlywatch.embedded import EmbeddedPostgres, EmbeddedValkey
    postgres = EmbeddedPostgres(Path(sys.argv[1], "postgres"))
    valkey = EmbeddedValkey(Path(sys.argv[1], "valkey"))
    postgres.start()
    valkey.start()
    print("started", flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def created(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a durable PostgreSQL that was started and stopped once."""
    directory = tmp_path_factory.mktemp("postgres")
    with EmbeddedPostgres(directory):
        pass
    return directory


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has started both servers in `tmp_path`."""
    with both_in(tmp_path) as process:
        yield process


@contextmanager
def both_in(place: Path) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(RUN_BOTH), place],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == "started\n"
        yield child
    child.kill()
    child.wait()
    wait_until_nothing_works_in(place)
    for server in (EmbeddedPostgres(place / "postgres"), EmbeddedValkey(place / "valkey")):
        shutil.rmtree(server.socket_directory, ignore_errors=True)  # may lie outside


def sql(server: EmbeddedPostgres, statement: str) -> list[Any]:
    plain = server.url.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def wait_until_nothing_works_in(directory: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while working_in(EmbeddedPostgres.process_names, directory / "postgres" / "data") or working_in(
        EmbeddedValkey.process_names, directory / "valkey" / "data"
    ):
        assert time.monotonic() < deadline, "servers outlived the process that started them"
        time.sleep(0.05)


def test_the_database_is_durable_and_listens_on_no_port(created: Path) -> None:
    with EmbeddedPostgres(created) as server:
        settings = dict(
            sql(
                server,
                "SELECT name, setting FROM pg_settings WHERE name IN"
                " ('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses',"
                " 'max_connections')",
            )
        )

    assert settings == {
        "fsync": "on",
        "full_page_writes": "on",
        "listen_addresses": "",
        "max_connections": "200",
        "synchronous_commit": "on",
    }


def test_the_database_speaks_utf8_and_compares_it(created: Path) -> None:
    with EmbeddedPostgres(created) as server:
        assert sql(server, "SELECT lower('ÉÖ'), current_database()") == [("éö", "earlywatch")]


def test_only_its_user_can_reach_the_data(created: Path) -> None:
    with EmbeddedPostgres(created) as server:
        place = server.socket_path.parent.stat()

    assert stat.S_IMODE(place.st_mode) == 0o700
    assert place.st_uid == User.not_root().uid


def test_a_committed_row_survives_a_kill_of_everything(
    tmp_path: Path, parent: subprocess.Popen[str]
) -> None:
    first = EmbeddedPostgres(tmp_path / "postgres")
    sql(first, "CREATE TABLE kept (id int)")
    sql(first, "INSERT INTO kept VALUES (1)")
    pids = working_in(first.process_names, first.working_directory)

    for pid in [*pids, parent.pid]:
        os.kill(pid, signal.SIGKILL)
    parent.wait()

    with EmbeddedPostgres(tmp_path / "postgres") as again:
        assert sql(again, "SELECT id FROM kept") == [(1,)]


def test_valkey_remembers_what_it_was_told(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path) as server, redis.Redis.from_url(server.client_url) as client:
        client.set("bell", "rung")

    with EmbeddedValkey(tmp_path) as server, redis.Redis.from_url(server.client_url) as client:
        assert client.get("bell") == b"rung"


def test_the_servers_die_with_the_process_that_started_them(
    tmp_path: Path, parent: subprocess.Popen[str]
) -> None:
    parent.kill()

    wait_until_nothing_works_in(tmp_path)
    assert not EmbeddedPostgres(tmp_path / "postgres").is_served()


def test_a_second_start_on_the_same_data_names_the_first(
    tmp_path: Path, parent: subprocess.Popen[str]
) -> None:
    second = EmbeddedPostgres(tmp_path / "postgres")

    with pytest.raises(EmbeddedError, match=f"in use by process {parent.pid}"):
        second.start()
    assert second.is_served()


def test_a_second_start_leaves_a_socket_alone_that_lies_outside_the_data(tmp_path: Path) -> None:
    far = tmp_path / ("far" * 40)
    with both_in(far):
        second = EmbeddedPostgres(far / "postgres")
        assert tmp_path not in second.socket_path.parents

        with pytest.raises(EmbeddedError, match="in use by process"):
            second.start()
        assert second.is_served()


def test_a_server_left_behind_is_ended_before_the_next_start(created: Path) -> None:
    left_behind = EmbeddedPostgres(created)
    left_behind.start()
    assert left_behind._lock is not None
    left_behind._lock.close()  # as the kernel does when the process that holds it is killed

    with EmbeddedPostgres(created) as server:
        assert left_behind.pid is None
        assert sql(server, "SELECT 1") == [(1,)]


def test_lock_files_of_a_killed_server_are_forgotten(created: Path) -> None:
    stale = f"{os.getpid()}\n"  # alive, but not PostgreSQL: its number was given away again
    (created / "data" / "postmaster.pid").write_text(stale)

    with EmbeddedPostgres(created) as server:
        assert sql(server, "SELECT 1") == [(1,)]


def test_a_failed_start_says_why(created: Path) -> None:
    control = created / "data" / "global" / "pg_control"
    kept = control.read_bytes()
    control.write_bytes(b"broken")

    with pytest.raises(EmbeddedError, match=r"stopped while it started. It said: .*pg_control"):
        EmbeddedPostgres(created).start()

    control.write_bytes(kept)


def test_an_interrupted_creation_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "data.new" / "base").mkdir(parents=True)

    with EmbeddedPostgres(tmp_path, durable=False) as server:
        assert sql(server, "SELECT 1") == [(1,)]


def test_the_programs_are_copied_for_a_user_who_cannot_reach_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Path] = []

    def runs_elsewhere(program: Path, user: User) -> bool:
        tried.append(program)
        return len(tried) > 1 and runs(program, user)

    runs = binaries.runs
    monkeypatch.setattr(binaries, "runs", runs_elsewhere)

    with EmbeddedPostgres(tmp_path, durable=False) as server:
        assert sql(server, "SELECT 1") == [(1,)]
        assert tried[1].is_relative_to(server._runtime_directory)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start what somebody else owns")
def test_root_goes_on_as_the_owner_of_the_data(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path):
        pass
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, 12345, 12345)

    with EmbeddedValkey(tmp_path) as server:
        status = Path(f"/proc/{server.pid}/status").read_text()

    assert "Uid:\t12345" in status


def test_a_directory_that_cannot_be_used_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(EmbeddedError, match=r"cannot be used: .*Not a directory"):
        EmbeddedValkey(tmp_path / "file" / "valkey").spawn()


def test_a_start_in_a_directory_that_cannot_be_used_is_refused_with_a_sentence(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(EmbeddedError, match="cannot be used"):
        EmbeddedValkey(tmp_path / "file" / "valkey").start()


def test_a_machine_without_servers_is_told_which_settings_help(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(binaries, "find_spec", lambda _name: None)
    monkeypatch.setattr(binaries, "DEBIAN_POSTGRES", Path("/nonexistent"))
    monkeypatch.setenv("PATH", "/nonexistent")

    with pytest.raises(EmbeddedError, match="Set DATABASE_URL and REDIS_URL"):
        binaries.find_postgres()
    with pytest.raises(EmbeddedError, match="Set DATABASE_URL and REDIS_URL"):
        binaries.find_valkey()


def test_a_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 20) / ("longer" * 10)

    with EmbeddedValkey(deep) as valkey, EmbeddedPostgres(deep / "p", durable=False) as postgres:
        assert len(str(postgres.socket_path)) < 80
        assert sql(postgres, "SELECT 1") == [(1,)]
        with redis.Redis.from_url(valkey.client_url) as client:
            assert client.ping()
        places = [valkey.socket_directory, postgres.socket_directory]

    assert not [place for place in places if place.exists()]
