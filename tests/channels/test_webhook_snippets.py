"""What the documentation shows of webhooks: its document is ours, its code knows our signature."""

import json
import runpy
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from earlywatch.channels import signing
from earlywatch.channels.templating import document
from earlywatch.clock import utcnow
from tests.alerts import ALERT, TROUBLE
from tests.ingest.snippets import run, snippet

SITE = "https://watch.example.org"
TOKEN = "17.3.k3v9x0.Zm9vYmFyYmF6cXV4"
SHOWN = replace(
    ALERT,
    act_url=f"{SITE}/incidents/act/{TOKEN}",
    trouble=replace(
        TROUBLE,
        url=f"{SITE}/incidents/17",
        grace_words="10 min",
        output="dumping… / disk full",
        hint="It said that it started, and not that it ended.",
        also=("hourly report",),
    ),
)
BODY = '{"monitor": "nächtliche Sicherung"}\n'.encode()
LONG_AGO = timedelta(minutes=6)

Headers = dict[str, str]
Check = Callable[[Headers, bytes], bool]


def headers(secret: str, body: bytes = BODY, ago: timedelta = timedelta(0)) -> Headers:
    """Return what a request carries that we sent so long ago."""
    return signing.signed(secret, ALERT.id, utcnow() - ago, body)


def in_python(path: Path, secret: str) -> Check:
    """Return the function of the documentation, with a secret in it."""
    path.write_text(snippet("webhook.py", "").replace("whsec_…", secret))
    check: Check = runpy.run_path(str(path))["is_from_earlywatch"]
    return check


def in_shell(path: Path, secret: str) -> Check:
    """Return the lines of the documentation, with a secret in them, as a function."""
    path.write_text(snippet("webhook.sh", "").replace("whsec_…", secret))
    run(("openssl", "version"))

    def check(headers: Headers, body: bytes) -> bool:
        given = {f"HTTP_{name.upper().replace('-', '_')}": text for name, text in headers.items()}
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", **given}
        done = subprocess.run(["sh", path], env=environment, input=body, check=False, timeout=20)
        return done.returncode == 0

    return check


@pytest.fixture(params=[in_python, in_shell], ids=["python", "shell"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Check, str]:
    """Code of the documentation that checks signatures, and the secret that it knows."""
    secret = signing.make_secret()
    return request.param(tmp_path / "shown", secret), secret


def test_the_document_that_is_shown_is_the_one_that_is_sent() -> None:
    shown = json.loads(snippet("webhook.json", ""))

    assert shown == document(SHOWN)


def test_what_we_sign_is_known_as_ours(made: tuple[Check, str]) -> None:
    check, secret = made

    assert check(headers(secret), BODY)


def test_what_others_sign_or_change_or_send_again_is_not(made: tuple[Check, str]) -> None:
    check, secret = made
    ours = headers(secret)

    assert not check(ours, BODY + b" ")
    assert not check({**ours, "webhook-id": "another"}, BODY)
    assert not check(headers(signing.make_secret()), BODY)
    assert not check(headers(secret, ago=LONG_AGO), BODY)
    assert not check({}, BODY)
    assert not check({**ours, "webhook-timestamp": "soon"}, BODY)
