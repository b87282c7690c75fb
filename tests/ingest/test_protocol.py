"""Our ping protocol over real connections, byte for byte."""

from uuid import UUID

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from earlywatch.models import Monitor, Workspace
from earlywatch.services.ping_names import SWITCHED_OFF
from tests.builders import make_monitor, make_workspace
from tests.ingest.speaking import ITSELF, LIMIT, NOT_FOUND, OK, answer, ask, get, pings
from tests.serving import Server, add_monitors, monitor_of

# Fixed: xdist wants the same names everywhere.
UNKNOWN = "/ping/8c9d1f9e-41a5-4a9d-9e3d-0a4d6d1f7c55"
RUN = "2f1c9a52-6a9e-4f0b-9d7e-0c8d5b1f3a64"
ENDINGS = [
    ("", "success", None),
    ("/", "success", None),
    ("/start", "start", None),
    ("/fail", "fail", None),
    ("/fail/", "fail", None),
    ("/log", "log", None),
    ("/0", "success", 0),
    ("/7", "fail", 7),
    ("/255", "fail", 255),
]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("ending", "kind", "exit_status"), ENDINGS)
def test_a_ping_is_answered_ok_and_stored(
    ingest: Server,
    engine: Engine,
    key: UUID,
    method: str,
    ending: str,
    kind: str,
    exit_status: int | None,
) -> None:
    assert ask(ingest, f"{method} /ping/{key}{ending}") == OK

    [kept] = pings(engine, key)
    assert (kept.kind, kept.exit_status, kept.method) == (kind, exit_status, method)
    assert (str(kept.remote_address), kept.scheme) == ("127.0.0.1", "http")


def test_head_is_a_ping_whose_answer_has_no_body(ingest: Server, engine: Engine, key: UUID) -> None:
    assert ask(ingest, f"HEAD /ping/{key}") == OK.removesuffix(b"OK")
    assert [kept.method for kept in pings(engine, key)] == ["HEAD"]


def test_query_and_user_agent_are_kept(ingest: Server, engine: Engine, key: UUID) -> None:
    query = f"rid={RUN}&m=4%20files%2C+%C3%BC&unknown=%ff&unknown=%00"

    assert ask(ingest, f"GET /ping/{key}/start?{query}", "User-Agent: backup.sh\r\n") == OK

    [kept] = pings(engine, key)
    assert (str(kept.run_id), kept.message, kept.user_agent) == (RUN, "4 files, ü", "backup.sh")
    assert [str(run.id) for run in monitor_of(engine, key).runs] == [RUN]


def test_a_run_id_pairs_a_start_with_its_end(ingest: Server, engine: Engine, key: UUID) -> None:
    other = RUN.replace("2f1c", "0000")
    for rest in (f"/start?rid={RUN}", f"/start?rid={other}", f"/0?rid={RUN}"):
        assert ask(ingest, f"GET /ping/{key}{rest}") == OK

    assert [str(run.id) for run in monitor_of(engine, key).runs] == [other]
    assert [kept.duration is not None for kept in pings(engine, key)] == [False, False, True]


def test_progress_and_numbers_are_kept(ingest: Server, engine: Engine, key: UUID) -> None:
    query = "done=340&of=1200&metric=rows:1200&metric=duration:2.5"

    assert ask(ingest, f"GET /ping/{key}/start?{query}") == OK

    [kept] = pings(engine, key)
    assert (kept.done, kept.total, kept.metrics) == (340, 1200, {"rows": 1200, "duration": 2.5})
    [run] = monitor_of(engine, key).runs
    assert run.progress is not None
    assert (run.progress.done, run.progress.total) == (340, 1200)


@pytest.mark.parametrize("status", ["paused", "frozen"])
def test_a_monitor_that_is_not_watched_says_so_and_keeps_the_ping(
    ingest: Server, engine: Engine, status: str
) -> None:
    [key] = add_monitors(engine, status=status)

    heard = ask(ingest, f"GET /ping/{key}")

    assert heard == answer("200 OK", "OK (paused - not monitored)", LIMIT)
    assert len(pings(engine, key)) == 1
    assert monitor_of(engine, key).status == status


def test_a_preview_of_a_link_is_kept_and_counts_as_nothing(
    ingest: Server, engine: Engine, key: UUID
) -> None:
    agent = "User-Agent: Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)\r\n"

    assert ask(ingest, f"GET /ping/{key}", agent) == OK

    assert [kept.kind for kept in pings(engine, key)] == ["ignored"]
    assert monitor_of(engine, key).status == "new"


def test_a_monitor_that_takes_post_only_says_so(ingest: Server, engine: Engine) -> None:
    [key] = add_monitors(engine, post_only=True)
    words = "OK (ignored - this monitor takes POST only)"

    assert ask(ingest, f"GET /ping/{key}") == answer("200 OK", words, LIMIT)
    assert ask(ingest, f"POST /ping/{key}") == OK

    assert [kept.kind for kept in pings(engine, key)] == ["ignored", "success"]


def test_a_ping_from_another_network_is_refused_and_not_stored(
    ingest: Server, engine: Engine
) -> None:
    [key] = add_monitors(engine, allowed_networks=["10.0.0.0/8"])
    words = "This monitor takes no pings from your address, see its allowed networks."

    assert ask(ingest, f"GET /ping/{key}") == answer("403 Forbidden", words)

    assert pings(engine, key) == []
    assert str(monitor_of(engine, key).refused_address) == "127.0.0.1"


@pytest.mark.parametrize("path", [UNKNOWN, "/ping/x", "/ping/", "/ping", "/", "/x", "/ping/x/y"])
def test_what_does_not_exist_is_not_found(ingest: Server, path: str) -> None:
    assert ask(ingest, f"GET {path}") == NOT_FOUND


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("/256", "The exit status must be a number from 0 to 255."),
        ("?rid=7", f"The rid must be a UUID, for example {RUN}."),
        ("?m=a&m=b", "The parameter m may be given only once."),
        ("?m=%ff", "The parameter m must be text in UTF-8."),
        ("?m=%00", "The parameter m must be text without NUL."),
        ("?done=-1", "The parameter done must be a number from 0 to 1000000000000000."),
        ("?done=1&of=0", "The parameter of must be a number above 0, up to 1000000000000000."),
        ("?of=7", "The parameter of needs done beside it, for example done=340&of=1200."),
        (
            "?metric=rows:nan",
            "The value of a metric must be a number from -1000000000000000 to 1000000000000000.",
        ),
        ("?metric=a:1&metric=a:2", "Each metric may be given only once in a ping."),
        ("?create=1&period=1d&cron=*+*+*+*+*", "Send either period or cron, not both."),
    ],
)
def test_bad_input_is_refused_with_a_sentence(
    ingest: Server, engine: Engine, key: UUID, rest: str, words: str
) -> None:
    assert ask(ingest, f"GET /ping/{key}{rest}") == answer("400 Bad Request", words)
    assert pings(engine, key) == []


@pytest.mark.parametrize("method", ["DELETE", "OPTIONS"])
def test_other_methods_are_told_the_right_ones(ingest: Server, key: UUID, method: str) -> None:
    words = "Send a ping with GET, HEAD or POST."

    heard = ask(ingest, f"{method} /ping/{key}")

    assert heard == answer("405 Method Not Allowed", words, b"allow: GET, HEAD, POST\r\n")


def test_a_ping_that_cannot_be_stored_says_when_to_try_again(
    ingest: Server, poisoned: UUID
) -> None:
    words = "The ping could not be stored. Please try again."

    heard = ask(ingest, f"GET /ping/{poisoned}")

    assert heard == answer("503 Service Unavailable", words, b"retry-after: 5\r\n")


@pytest.fixture
def ping_key(engine: Engine) -> str:
    """The ping key of a new workspace."""
    with Session(engine) as session:
        ping_key = make_workspace(session).ping_key
        session.commit()
        return ping_key


def add_named(engine: Engine, ping_key: str, slug: str, **columns: object) -> UUID:
    """Commit a monitor of this name; return its own ping key."""
    with Session(engine) as session:
        workspace = session.query(Workspace).filter_by(ping_key=ping_key).one()
        key = make_monitor(session, workspace, slug=slug, **columns).ping_key  # type: ignore[arg-type]
        session.commit()
        return key


@pytest.mark.parametrize(("ending", "kind", "exit_status"), ENDINGS)
def test_a_monitor_can_be_pinged_by_name(
    ingest: Server, engine: Engine, ping_key: str, ending: str, kind: str, exit_status: int | None
) -> None:
    key = add_named(engine, ping_key, "nightly-backup")

    assert ask(ingest, f"GET /ping/{ping_key}/nightly-backup{ending}") == OK

    assert [(kept.kind, kept.exit_status) for kept in pings(engine, key)] == [(kind, exit_status)]


def test_an_unknown_name_is_not_found(ingest: Server, ping_key: str) -> None:
    assert ask(ingest, f"GET /ping/{ping_key}/nightly") == NOT_FOUND
    assert ask(ingest, "GET /ping/nobody/nightly?create=1") == NOT_FOUND


def test_a_name_in_upper_case_is_refused_with_the_right_one(ingest: Server, ping_key: str) -> None:
    words = "Write the name in lower case: nightly"

    heard = ask(ingest, f"GET /ping/{ping_key}/Nightly?create=1")

    assert heard == answer("400 Bad Request", words)


def test_a_name_of_several_monitors_is_a_conflict(
    ingest: Server, engine: Engine, ping_key: str
) -> None:
    keys = [add_named(engine, ping_key, "nightly") for _ in range(2)]
    words = "Several monitors have this name. Use the ping URL with the key of the one you mean."

    assert ask(ingest, f"GET /ping/{ping_key}/nightly") == answer("409 Conflict", words)

    assert [pings(engine, key) for key in keys] == [[], []]


def test_the_first_ping_can_make_its_monitor(ingest: Server, engine: Engine, ping_key: str) -> None:
    line = f"GET /ping/{ping_key}/nightly/start?create=1&cron=30+2+*+*+*&tz=Europe/Berlin&grace=5m"

    assert ask(ingest, line) == answer("201 Created", "Created", LIMIT)
    assert ask(ingest, line) == OK

    with Session(engine) as session:
        workspace = session.query(Workspace).filter_by(ping_key=ping_key).one()
        made = session.query(Monitor).filter_by(workspace_id=workspace.id).one()
    assert (made.name, made.slug, made.expression) == ("nightly", "nightly", "30 2 * * *")
    assert (made.time_zone, made.grace.total_seconds()) == ("Europe/Berlin", 300)
    assert [kept.kind for kept in pings(engine, made.ping_key)] == ["start", "start"]


def test_a_workspace_may_forbid_that_pings_make_monitors(
    ingest: Server, engine: Engine, ping_key: str
) -> None:
    with Session(engine) as session:
        session.query(Workspace).filter_by(ping_key=ping_key).one().create_by_ping = False
        session.commit()

    heard = ask(ingest, f"GET /ping/{ping_key}/nightly?create=1")

    assert heard == answer("403 Forbidden", SWITCHED_OFF)


def test_http_1_0_is_understood(ingest: Server, engine: Engine, key: UUID) -> None:
    heard = ingest.speak(f"GET /ping/{key} HTTP/1.0\r\n\r\n".encode())

    expected = OK.replace(b"HTTP/1.1", b"HTTP/1.0").replace(LIMIT, LIMIT + b"Connection: close\r\n")
    assert ITSELF.sub(b"", heard) == expected
    assert len(pings(engine, key)) == 1


def test_a_kept_connection_serves_one_ping_after_the_other_in_order(
    ingest: Server, engine: Engine, key: UUID
) -> None:
    kinds = ["start", "log", "fail", "log", "0"] * 4
    lines = [get(f"/ping/{key}/{kind}") for kind in kinds[:-1]]
    lines.append(get(f"/ping/{key}/{kinds[-1]}", "Connection: close"))

    answers = ingest.speak(b"".join(lines))

    assert answers.count(b"HTTP/1.1 200 OK") == len(kinds)
    wanted = ["success" if kind == "0" else kind for kind in kinds]
    assert [kept.kind for kept in pings(engine, key)] == wanted
