"""The tests behind our promises, for everybody to read."""

import ast
import re

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from earlywatch.assets import PROOFS, TEMPLATES
from earlywatch.web.guards import public

bp = Blueprint("proofs", __name__, url_prefix="/docs/promises")

# Only the files that the page of promises names can be read.
FILES = set(
    re.findall(r"tests/[a-z_/]+\.py", (TEMPLATES / "docs/promises.html").read_text("utf-8"))
)


@bp.route("/<path:path>::<name>")
@public
def show(path: str, name: str) -> ResponseReturnValue:
    """Show one test as it stands in our source code."""
    source = find_source(path, name)
    if source is None:
        abort(404)
    return render_template("docs/proof.html", path=path, name=name, source=source)


def find_source(path: str, name: str) -> str | None:
    """Return the text of a test that a promise names, or None."""
    if path not in FILES or not (PROOFS / path).is_file():
        return None
    text = (PROOFS / path).read_text("utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            return "\n".join(text.splitlines()[first - 1 : node.end_lineno])
    return None
