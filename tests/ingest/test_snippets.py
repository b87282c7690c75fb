"""Every piece of code that the documentation shows, run against a real server.

What cannot be run here is read by a parser at least. A file that no test names is a failure.
"""

import os
import shutil
import signal
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine

from earlywatch.domain.schedule import Cron
from tests.clients.servers import http_server
from tests.ingest.snippets import (
    CODES,
    FAIL,
    FOLDER,
    LOG,
    START,
    SUCCESS,
    Told,
    body_of,
    ended,
    need,
    run,
    script,
    snippet,
    steps,
    told,
)
from tests.ingest.speaking import pings

OTHERS = {
    *("cron.txt", "cron-status.txt", "wp-cron.txt", "shell.sh", "docker.sh", "trap.sh"),
    *("watched.sh", "progress.sh", "wget.sh", "busybox.sh", "mail.sh", "secret.sh"),
    *("backup.service", "backup.timer", "ping-failed@.service", "on-failure.conf"),
    *("cronjob.yaml", "github.yaml", "ansible.yaml", "Dockerfile.txt"),
    *("task-scheduler.ps1", "mikrotik.rsc", "patient.sh"),
}
# Of tests/channels/test_webhook_snippets.py.
OF_WEBHOOKS = {"webhook.json", "webhook.py", "webhook.sh"}


def test_every_snippet_is_tested() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*CODES, *OTHERS, *OF_WEBHOOKS}


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("succeeds", [True, False], ids=["success", "failure"])
def test_code_tells_how_its_job_ends(
    engine: Engine, key: UUID, url: str, tmp_path: Path, name: str, succeeds: bool
) -> None:
    code = CODES[name]
    text = snippet(name, url)
    assert code.job in text
    path = tmp_path / name
    path.write_text(
        code.before + text.replace(code.job, code.succeeding if succeeds else code.failing)
    )

    done = run((*code.command, path))

    start, end = pings(engine, key)
    assert (done.returncode == 0) is succeeds, done.stderr
    assert (start.kind, end.kind) == (START, SUCCESS if succeeds else FAIL)
    assert ("disk full" in body_of(end)) is not succeeds
    assert "ping failed" not in done.stderr


@pytest.mark.parametrize("status", [0, 3])
@pytest.mark.parametrize("name", ["shell.sh", "trap.sh", "docker.sh"])
def test_shell_lines_tell_the_exit_status(
    engine: Engine, key: UUID, url: str, job: Path, tmp_path: Path, name: str, status: int
) -> None:
    text = snippet(name, url).replace("docker run --rm example/backup", str(job))
    text = text.replace("/usr/local/bin/backup.sh", str(job))
    path = script(tmp_path / name, text)

    run(("bash", path), status)

    assert told(engine, key) == ended(status, start=name != "docker.sh")


def test_a_script_that_is_stopped_tells_of_it(
    engine: Engine, key: UUID, url: str, tmp_path: Path
) -> None:
    stopped = script(tmp_path / "stopped.sh", "kill -TERM $PPID")
    path = script(tmp_path / "trap.sh", steps("trap.sh", url, stopped))

    done = run(("bash", path))

    assert done.returncode == 128 + signal.SIGTERM
    assert told(engine, key) == ended(128 + signal.SIGTERM)


@pytest.mark.parametrize("status", [0, 3])
def test_a_wrapped_job_tells_everything(
    engine: Engine, key: UUID, url: str, job: Path, tmp_path: Path, status: int
) -> None:
    watched = script(tmp_path / "watched", snippet("watched.sh", "http://127.0.0.1:1"))

    done = run(("sh", watched, job), status, PING_URL=url)

    start, end = pings(engine, key)
    assert done.returncode == status
    assert done.stdout == "12 files\ndisk full\n"
    assert told(engine, key) == ended(status)
    assert body_of(end) == "12 files\ndisk full"
    assert start.run_id == end.run_id is not None


def test_no_snippet_fails_a_job_when_pings_do_not_get_through(
    url: str, job: Path, tmp_path: Path
) -> None:
    nowhere = url.rsplit("/", 1)[0] + "/00000000-0000-4000-8000-000000000000"
    trap = script(tmp_path / "trap.sh", steps("trap.sh", nowhere, job))
    watched = script(tmp_path / "watched.sh", snippet("watched.sh", nowhere))

    assert run(("bash", trap)).returncode == 0
    assert run(("bash", trap), 7).returncode == 7
    assert run(("sh", watched, job)).returncode == 0


@pytest.mark.parametrize(
    ("name", "status", "arrives"),
    [
        ("cron.txt", 0, [(SUCCESS, None)]),
        ("cron.txt", 3, []),
        ("cron-status.txt", 0, ended(0, start=False)),
        ("cron-status.txt", 3, ended(3, start=False)),
    ],
)
def test_crontab_lines_tell_how_the_job_ends(
    engine: Engine, key: UUID, url: str, job: Path, name: str, status: int, arrives: Told
) -> None:
    *fields, command = steps(name, url, job).split(maxsplit=5)
    assert Cron(" ".join(fields), "UTC")
    assert "%" not in command  # cron would take it for the end of the line

    run(("sh", "-c", command), status)

    assert told(engine, key) == arrives


def test_a_patient_line_tries_again_until_it_is_heard() -> None:
    with http_server() as receiver:
        receiver.first = [(503, "")]

        done = run(("sh", "-c", f"{snippet('patient.sh', receiver.url)}\nwait $!"))

    assert done.returncode == 0, done.stderr
    assert len(receiver.requests) == 2


def test_progress_arrives(engine: Engine, key: UUID, url: str, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(200):
        (photos / f"{number}.jpg").touch()
    text = snippet("progress.sh", url).replace("/srv/photos", str(photos))
    path = script(tmp_path / "progress.sh", text.replace("/usr/local/bin/convert.sh", ":"))

    done = run(("sh", path))

    assert done.returncode == 0, done.stderr
    assert [(ping.kind, ping.done, ping.total) for ping in pings(engine, key)] == [
        (LOG, 100, 200),
        (LOG, 200, 200),
    ]


def test_wget_tells_a_success(engine: Engine, key: UUID, url: str) -> None:
    need("wget")

    run(("sh", "-c", snippet("wget.sh", url)))

    assert told(engine, key) == [(SUCCESS, None)]


@pytest.mark.parametrize("program", ["wget", "busybox"])
def test_a_router_tells_success_and_failure(
    engine: Engine, key: UUID, url: str, tmp_path: Path, program: str
) -> None:
    need(program)
    text = snippet("busybox.sh", url)
    if program == "busybox":  # as Debian builds it, its wget knows no time-out
        text = text.replace("wget -q -T 10", "timeout 10 wget -q")
        for name in ("sh", "sleep", "timeout", "wget", "logger"):
            (tmp_path / name).symlink_to(str(shutil.which(program)))
    path = script(tmp_path / "tell", text)
    first = f"{tmp_path}:{os.environ['PATH']}"

    for ending in ("", "/fail"):
        assert run((path, ending), PATH=first).returncode == 0

    assert told(engine, key) == [(SUCCESS, None), (FAIL, None)]


@pytest.mark.parametrize("status", [0, 3])
def test_mail_says_in_its_subject_how_the_job_ended(job: Path, tmp_path: Path, status: int) -> None:
    script(tmp_path / "mail", f'echo "$@" >{tmp_path}/sent; cat >>{tmp_path}/sent')
    text = steps("mail.sh", "backup@ping.test", job)

    run(("sh", "-c", text), status, PATH=f"{tmp_path}:{os.environ['PATH']}")

    result = "failed" if status else "succeeded"
    sent = f"-s backup {result} backup@ping.test\n12 files\ndisk full\n"
    assert (tmp_path / "sent").read_text() == sent
