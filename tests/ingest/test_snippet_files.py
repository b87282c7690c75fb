"""Units, manifests and playbooks of the documentation: parsed, and the commands in them run."""

import re
import shlex
import sys
from pathlib import Path
from uuid import UUID

import pytest
import yaml
from sqlalchemy import Engine

from earlywatch.domain.monitor import PingKind
from earlywatch.domain.schedule import Cron
from tests.ingest.snippets import FAIL, START, SUCCESS, body_of, ended, run, snippet, steps, told
from tests.ingest.speaking import pings


@pytest.mark.parametrize(
    ("environment", "end"),
    [
        ("SERVICE_RESULT=success EXIT_CODE=exited EXIT_STATUS=0", (SUCCESS, 0)),
        ("SERVICE_RESULT=success EXIT_CODE=exited EXIT_STATUS=3", (SUCCESS, 0)),
        ("SERVICE_RESULT=exit-code EXIT_CODE=exited EXIT_STATUS=3", (FAIL, 3)),
        ("SERVICE_RESULT=signal EXIT_CODE=killed EXIT_STATUS=TERM", (FAIL, None)),
        ("SERVICE_RESULT=timeout EXIT_CODE=killed EXIT_STATUS=TERM", (FAIL, None)),
        ("SERVICE_RESULT=resources", (FAIL, None)),
    ],
)
def test_a_systemd_unit_tells_start_and_end(
    engine: Engine, key: UUID, url: str, environment: str, end: tuple[PingKind, int | None]
) -> None:
    unit = snippet("backup.service", url)
    given = environment.split()

    for name in ("ExecStartPre", "ExecStopPost"):
        [line] = re.findall(f"^{name}=-(.*)$", unit, re.MULTILINE)
        run(("env", *given, *shlex.split(line.replace("$$", "$"))))

    assert told(engine, key) == [(START, None), end]


def test_one_unit_tells_of_the_failures_of_many(engine: Engine, key: UUID, url: str) -> None:
    base = url.removesuffix(f"/{key}")
    unit = snippet("ping-failed@.service", base).replace("%i", str(key))
    [line] = re.findall("^ExecStart=-(.*)$", unit, re.MULTILINE)

    run(tuple(shlex.split(line)))

    assert told(engine, key) == [(FAIL, None)]


def test_systemd_takes_the_units(url: str, job: Path, tmp_path: Path) -> None:
    names = ("backup.service", "backup.timer", "ping-failed@.service")
    for name in names:
        text = snippet(name, url).replace("/usr/local/bin/backup.sh", str(job))
        (tmp_path / name).write_text(text)
    drop_in = tmp_path / "backup.service.d"
    drop_in.mkdir()
    (drop_in / "on-failure.conf").write_text(snippet("on-failure.conf", url))

    done = run(("systemd-analyze", "verify", "--man=no", *[tmp_path / name for name in names]))

    assert done.returncode == 0, done.stderr
    assert str(tmp_path) not in done.stderr


@pytest.mark.parametrize("status", [0, 3])
def test_a_cron_job_of_kubernetes_tells_start_and_end(
    engine: Engine, key: UUID, url: str, job: Path, status: int
) -> None:
    manifest = yaml.safe_load(steps("cronjob.yaml", url, job))
    assert (manifest["apiVersion"], manifest["kind"]) == ("batch/v1", "CronJob")
    assert Cron(manifest["spec"]["schedule"], manifest["spec"]["timeZone"])
    pod = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    [variable] = container["env"]

    done = run(tuple(container["command"]), status, **{variable["name"]: url})

    assert done.returncode == status
    assert told(engine, key) == ended(status)


def test_the_secret_of_kubernetes_is_the_one_that_its_cron_job_reads(url: str) -> None:
    command = snippet("secret.sh", url)
    read = yaml.safe_load(snippet("cronjob.yaml", url))
    pod = read["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    wanted = pod["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]

    done = run((*shlex.split(command), "--dry-run=client", "--output=yaml"))

    made = yaml.safe_load(done.stdout)
    assert made["metadata"]["name"] == wanted["name"]
    assert list(made["data"]) == [wanted["key"]]


@pytest.mark.parametrize("outcome", ["success()", "failure() || cancelled()"])
def test_a_workflow_of_github_tells_start_and_end(
    engine: Engine, key: UUID, url: str, outcome: str
) -> None:
    workflow = yaml.safe_load(snippet("github.yaml", url))
    [job] = workflow["jobs"].values()
    variables = {**job["env"], "PING_URL": url, "RUN": "https://github.test/runs/1"}

    for step in job["steps"]:
        if "CURL" in step.get("run", "") and step.get("if", outcome) == outcome:
            assert run(("bash", "-e", "-c", step["run"]), **variables).returncode == 0

    start, end = pings(engine, key)
    failed = outcome != "success()"
    assert (start.kind, end.kind) == (START, FAIL if failed else SUCCESS)
    assert body_of(end) == ("https://github.test/runs/1" if failed else "")


@pytest.mark.parametrize("status", [0, 3])
def test_a_playbook_of_ansible_tells_how_it_ends(
    engine: Engine, key: UUID, url: str, job: Path, tmp_path: Path, status: int
) -> None:
    path = tmp_path / "backup.yaml"
    path.write_text(steps("ansible.yaml", url, job))
    [play] = yaml.safe_load(path.read_text())
    assert play["vars"]["ping_url"] == url
    inventory = tmp_path / "hosts"
    here = f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}"
    inventory.write_text(f"[databases]\n{here}\n")

    done = run(("ansible-playbook", "-i", inventory, path), status)

    assert (done.returncode == 0) is (status == 0), done.stdout
    [ping] = pings(engine, key)
    assert ping.kind == (FAIL if status else SUCCESS)
    assert ("disk full" in body_of(ping)) is bool(status)


def test_what_cannot_run_here_names_what_exists(url: str) -> None:
    *fields, command = snippet("wp-cron.txt", url).split(maxsplit=5)
    assert Cron(" ".join(fields), "UTC")
    assert "wp cron event run" in command
    dockerfile = snippet("Dockerfile.txt", url)
    assert 'ENTRYPOINT ["watched.sh"]' in dockerfile
    router = snippet("mikrotik.rsc", url)
    assert router.count("{") == router.count("}")
    assert f'url="{url}"' in router
    assert "-File C:\\jobs\\backup.ps1" in snippet("task-scheduler.ps1", url)
