"""The code that the documentation shows: how to fill it in and run it."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Engine

from earlywatch.domain.monitor import PingKind
from earlywatch.models import Ping
from tests.ingest.speaking import pings
from tests.needs import missing

FOLDER = Path(__file__).parent.parent.parent / "templates/docs/snippets"
SNIPPETS = Environment(loader=FileSystemLoader(FOLDER), undefined=StrictUndefined)
INSTALLED_BY_CI = {"bash", "busybox", "curl", "php", "python3", "ruby", "wget"}
JOB = "/usr/local/bin/backup.sh"
START, SUCCESS, FAIL, LOG = PingKind.START, PingKind.SUCCESS, PingKind.FAIL, PingKind.LOG
Told = list[tuple[PingKind, int | None]]
PATIENCE = 100.0  # seconds: a compiler on a busy machine


@dataclass(frozen=True)
class Code:
    """How to run a snippet, and what to put in place of its job so that it succeeds or fails."""

    command: tuple[str, ...]
    job: str
    succeeding: str
    failing: str
    before: str = ""


PHP_JOB = ("backup();", 'print "fine";', 'throw new Exception("disk full");')
PYTHON_JOB = ("    backup()", "    print('fine')", "    raise OSError('disk full')")
# WordPress as far as the snippet needs it: it calls the job at once.
WORDPRESS = """<?php
function wp_remote_post($url, $options) {
    $http = ['method' => 'POST', 'header' => 'Content-Type: text/plain',
        'content' => $options['body'], 'timeout' => $options['timeout']];
    file_get_contents($url, false, stream_context_create(['http' => $http]));
    return $http_response_header[0];
}
function wp_remote_retrieve_response_code($answer) { return explode(' ', $answer)[1]; }
function wp_next_scheduled($hook) { return false; }
function wp_schedule_event($at, $recurrence, $hook) { assert($at > time()); }
function wp_clear_scheduled_hook($hook) { }
function register_activation_hook($file, $function) { $function(); }
function register_deactivation_hook($file, $function) { $function(); }
function add_action($hook, $function) { register_shutdown_function($function); }
?>"""
CODES = {
    "Backup.java": Code(
        ("java",),
        "backup();",
        'System.out.println("fine");',
        'if (true) throw new Exception("disk full");',
    ),
    "csharp.cs": Code(
        ("dotnet", "run"),
        "await Backup();",
        "await Task.CompletedTask;",
        'await Task.FromException(new Exception("disk full"));',
    ),
    "go.go": Code(("go", "run"), "backup()", "error(nil)", 'errors.New("disk full")'),
    "node.mjs": Code(
        ("node",), "backup()", "Promise.resolve()", 'Promise.reject(new Error("disk full"))'
    ),
    "php.php": Code(("php",), *PHP_JOB),
    "powershell.ps1": Code(
        ("pwsh", "-NoProfile", "-File"),
        r"& C:\jobs\backup.exe",
        "sh -c 'exit 0'",
        "throw 'disk full'",
    ),
    "python.py": Code(("python3",), *PYTHON_JOB),
    "python-requests.py": Code((sys.executable,), *PYTHON_JOB),
    "ruby.rb": Code(("ruby",), "\n  backup\n", '\n  puts "fine"\n', '\n  raise "disk full"\n'),
    "wordpress.php": Code(("php",), *PHP_JOB, before=WORDPRESS),
}


def script(path: Path, lines: str) -> Path:
    """Write a program."""
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
    return path


def snippet(name: str, url: str) -> str:
    """Return a snippet as the pages show it."""
    return SNIPPETS.get_template(name).render(ping_url=url, cron="0 3 * * *")


def need(program: str) -> None:
    """Skip the test where a program is missing; where .ci/run installs it, that is a failure."""
    if shutil.which(program) is None:
        if Path(program).name in INSTALLED_BY_CI:
            missing(f"{program} is not installed")
        pytest.skip(f"{program} is not here, and .ci/run does not install it either")


def run(
    command: tuple[str | Path, ...], status: int = 0, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a program. `status` is how the job will end."""
    need(str(command[0]))
    known = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = {**known, "STATUS": str(status), **more}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def steps(name: str, url: str, job: Path) -> str:
    """Return a snippet with our job in place of its own."""
    text = snippet(name, url)
    assert JOB in text
    return text.replace(JOB, str(job))


def told(engine: Engine, key: UUID) -> Told:
    """Return kinds and exit statuses of what has arrived."""
    return [(PingKind(ping.kind), ping.exit_status) for ping in pings(engine, key)]


def body_of(ping: Ping) -> str:
    """Return the text of a ping."""
    return (ping.body or b"").decode()


def ended(status: int, *, start: bool = True) -> Told:
    """Return what a job tells that ends so."""
    end = (FAIL if status else SUCCESS, status)
    return [(START, None), end] if start else [end]
