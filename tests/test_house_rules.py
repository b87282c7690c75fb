"""The rules of the house that no linter knows. Each failure says what to do."""

import ast
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy.orm import Session

from earlywatch import migrations
from earlywatch.channels import registry
from earlywatch.config import Settings
from earlywatch.domain.alert import AlertKind
from earlywatch.services.links import BILLING_PAGES, SIGNED_BILLING, Links
from earlywatch.tasks import beat_schedule
from earlywatch.worker import QUEUE, create_celery
from tests.builders import make_channel

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "earlywatch"
ENTRY_POINTS = ("web", "webhooks", "tasks", "ingest", "live", "errands", "cli")
LONGEST_FILE = 300  # lines
LONGEST_FUNCTION = 40  # lines
POSSESSIVE_GROUP = re.compile(r"\)(?:\?|\*|\+|\{[\d,]+\})\+")
OWN_CLOCK = PACKAGE / "clock.py"
OWN_ENVIRONMENT = PACKAGE / "config.py"


def modules(*folders: str) -> list[Path]:
    """Return our modules, or those in some folders of the package."""
    places = [PACKAGE / folder for folder in folders] or [PACKAGE]
    found = [path for place in places for path in sorted(place.rglob("*.py"))]
    return [path for path in found if "versions" not in path.parts]


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the dotted name and the line of each call in a module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def places(paths: list[Path], wanted: set[str]) -> list[str]:
    """Return where one of the `wanted` names is called."""
    return [
        f"{path.relative_to(ROOT)}:{line} calls {name}()"
        for path in paths
        for name, line in calls(path)
        if name in wanted or name.rpartition(".")[2] in wanted
    ]


def imported(path: Path, module: str) -> set[str]:
    """Return the names that a module takes from another one."""
    return {
        alias.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == module
        for alias in node.names
    }


def test_only_entry_points_open_transactions() -> None:
    inside = [path for path in modules() if path.parent.name not in ENTRY_POINTS]
    outside = {PACKAGE / "db.py", PACKAGE / "migrations" / "env.py"}
    found = places([path for path in inside if path not in outside], {"transaction", "commit"})

    assert not found, f"Let the entry point own the transaction: {found}"


def test_entry_points_never_write_rows_themselves() -> None:
    found = [
        f"{path.relative_to(ROOT)} imports {names}"
        for path in modules(*ENTRY_POINTS)
        if (names := imported(path, "sqlalchemy") & {"insert", "update", "delete"})
    ]
    found += places(modules(*ENTRY_POINTS), {"session.add", "session.delete", "session.merge"})

    assert not found, f"Move the writing into a service: {found}"


def test_pages_ask_services_which_take_the_workspace() -> None:
    found = [
        f"{path.relative_to(ROOT)} builds a query"
        for path in modules("web")
        if imported(path, "sqlalchemy") & {"select", "text", "exists"}
    ]

    assert not found, f"Ask a service that takes the workspace: {found}"


def test_every_view_names_its_guard(app: Flask) -> None:
    free = {"static"}
    found = [
        endpoint
        for endpoint, view in app.view_functions.items()
        if endpoint not in free and not hasattr(view, "guard")
    ]

    assert not found, f"Put a guard, such as @public or @member_only, on: {found}"


@pytest.mark.parametrize("kind", [kind.name for kind in registry.kinds()])
def test_every_kind_of_channel_has_its_form_and_its_test(kind: str) -> None:
    assert (ROOT / f"templates/channels/forms/{kind}.html").is_file(), "Write its form."
    assert (ROOT / f"tests/channels/test_{kind}.py").is_file(), "Write its test."


def test_every_setting_is_explained_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text()
    found = [name for name in Settings.model_fields if f"#{name.upper()}=" not in example]

    assert not found, f"Explain in .env.example: {found}"


def test_every_beat_entry_names_a_task_that_a_worker_runs(app: Flask) -> None:
    celery = create_celery(app, "redis://127.0.0.1/0")
    for name, entry in beat_schedule().items():
        assert entry["task"] in celery.tasks, f"{name} names no task."
        assert entry.get("options", {}).get("queue", QUEUE) == QUEUE, f"No worker takes {name}."


def test_there_is_one_migration_head() -> None:
    script = ScriptDirectory.from_config(migrations.config("postgresql+psycopg://"))

    assert len(script.get_heads()) == 1, "Put the newer migration after the other one."


def test_the_clock_is_read_in_one_place() -> None:
    readers = {"datetime.now", "datetime.utcnow", "date.today", "datetime.today", "time.time"}
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in modules()
        if path != OWN_CLOCK
        for name, line in calls(path)
        if name in readers
    ]

    assert not found, f"Take `now` as an argument: {found}"


def test_the_environment_is_read_in_one_place() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in modules()
        if path != OWN_ENVIRONMENT
        and ("os.environ" in (code := path.read_text()) or "getenv" in code)
    ]

    assert not found, f"Make it a setting in config.py: {found}"


def test_no_file_is_too_long_to_live_in() -> None:
    paths = [*modules(), *sorted((ROOT / "tests").rglob("*.py"))]
    found = [
        f"{path.relative_to(ROOT)}: {lines} lines"
        for path in paths
        if (lines := len(path.read_text().splitlines())) > LONGEST_FILE
    ]

    assert not found, f"Split along its seams: {found}"


def test_no_function_is_too_long_to_read() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno
        and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]

    assert not found, f"Give its parts names: {found}"


def test_links_in_mails_lead_to_pages_that_exist(
    app: Flask, session: Session, now: datetime
) -> None:
    links = Links("https://watch.test", "a secret that is long enough")
    channel = make_channel(session)
    made = [
        links.incident(1),
        links.sign_in(),
        links.confirm_channel(channel, now),
        links.unsubscribe(channel, now),
        links.act(1, channel),
        links.drill(1, channel),
        *[links.billing(each, 1, "a@b.org", now) for each in (*SIGNED_BILLING, *BILLING_PAGES)],
        links.base_url + "/confirm-email/token",
        links.base_url + "/reset-password/token",
    ]
    router = app.url_map.bind("watch.test")
    for link in made:
        router.match(link.removeprefix("https://watch.test"))


def test_every_alert_is_known_to_the_database() -> None:
    script = (PACKAGE / "migrations/versions").glob("*.py")
    code = "".join(path.read_text() for path in script)
    missing = [kind for kind in AlertKind if f"'{kind.value}'" not in code]

    assert not missing, f"Allow in a migration: {missing}"


def test_no_group_in_a_pattern_is_possessive() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in modules()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if POSSESSIVE_GROUP.search(line) and path.name != "text.py"  # an alphabet
    ]
    assert found == [], "Python before 3.11.5 gets it wrong: make it an atomic group, (?>…)."
