"""The page of promises: every pattern is there, and every proof that it names is a real test."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from earlywatch.web.proofs import FILES
from tests.client import Browser

ROOT = Path(__file__).parent.parent.parent
PATTERNS = (
    "Hard to cancel",
    "Confirmshaming",
    "Obstruction and nagging",
    "Hidden subscription",
    "Hidden costs",
    "Preselection",
    "Sneaking in a higher price",
    "Fake urgency, scarcity and social proof",
    "Comparison prevention",
    "Trick wording and visual interference",
    "Forced action",
    "Data held hostage",
    "Paying for what is muted",
    "Threats when a payment fails",
)
ROW = re.compile(r"<tr>.*?</tr>", re.DOTALL)
PATTERN = re.compile(r'<th scope="row">(.*?)<small>')
PROOF = re.compile(r'Proof: <a href="([^"]+)"><code>(.*?)</code>')


@pytest.fixture
def rows(client: Browser) -> dict[str, list[str]]:
    """The tests that the page names for each pattern."""
    text = client.get("/docs/promises").text.replace("<wbr>", "")
    found = [(PATTERN.search(row), PROOF.findall(row)) for row in ROW.findall(text)]
    return {pattern[1]: [name for _, name in proofs] for pattern, proofs in found if pattern}


def named_in(path: Path) -> set[str]:
    """Return the names of the tests in a module."""
    nodes = ast.parse(path.read_text()).body if path.is_file() else []
    names = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    return {name for name in names if name.startswith("test_")}


def test_every_pattern_has_its_row(rows: dict[str, list[str]]) -> None:
    assert tuple(rows) == PATTERNS


def test_every_row_names_tests_that_exist(rows: dict[str, list[str]]) -> None:
    assert [pattern for pattern, proofs in rows.items() if not proofs] == []
    for proof in (proof for proofs in rows.values() for proof in proofs):
        path, _, name = proof.partition("::")
        assert name in named_in(ROOT / path), f"{proof} is named as a proof, but is not there"


def test_every_proof_can_be_read(client: Browser) -> None:
    proofs = PROOF.findall(client.get("/docs/promises").text)

    assert len(proofs) >= len(PATTERNS)
    for address, proof in proofs:
        name = proof.replace("<wbr>", "").partition("::")[2]
        assert f"def {name}(" in client.get(address).text


@pytest.mark.parametrize(
    "address",
    [
        "tests/conftest.py::settings",
        "tests/web/../conftest.py::settings",
        "tests/web/test_promises.py::nothing",
        "earlywatch/config.py::load_settings",
    ],
)
def test_nothing_but_proofs_can_be_read(client: Browser, address: str) -> None:
    assert client.get(f"/docs/promises/{address}").status_code == 404


def test_an_installed_package_holds_the_proofs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    image = (ROOT / ".dockerignore").read_text().split()

    for path in FILES:
        assert included[path] == f"earlywatch/{path}"
        assert f"!{path}" in image


def test_pages_about_money_lead_to_the_promises(client: Browser) -> None:
    for path in ("/docs", "/docs/billing"):
        assert 'href="/docs/promises"' in client.get(path).text, path
