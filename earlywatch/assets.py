"""Where templates, static files and such are: in a checkout, or inside the wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).parent
_ROOT = _PACKAGE if (_PACKAGE / "templates").is_dir() else _PACKAGE.parent

TEMPLATES = _ROOT / "templates"
STATIC = _ROOT / "static"
CHANGELOG = _ROOT / "CHANGELOG.md"
PROOFS = _ROOT  # of our promises: `tests/…` below it
