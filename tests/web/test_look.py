"""The look keeps its promises: small files, readable colours, no inline code, statuses in words."""

import gzip
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask, render_template
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from earlywatch.assets import STATIC, TEMPLATES

SCRIPT_BUDGET = 25_000  # bytes, compressed
STYLE_BUDGET = 20_000  # bytes, compressed
TEXT_CONTRAST = 4.5  # WCAG 2.2 AA
SHAPE_CONTRAST = 3.0  # borders of fields, marks, focus rings

STATUSES = (
    "up",
    "due",
    "late",
    "failed",
    "running",
    "paused",
    "frozen",
    "new",
    "unknown",
    "blocked",
)
TROUBLE = ("late", "failed")
GROUNDS = ("bg", "surface", "sunken")
TEXT_PAIRS = [
    *[(text, ground) for text in ("ink", "ink-soft", "accent") for ground in GROUNDS],
    *[(status, ground) for status in STATUSES for ground in GROUNDS],
    *[(status, f"{status}-soft") for status in STATUSES],
    *[("ink", f"{status}-soft") for status in STATUSES],
    *[("ink-soft", f"{status}-soft") for status in STATUSES],
    *[("on-trouble", status) for status in TROUBLE],
    *[("accent-strong", ground) for ground in GROUNDS],
    ("ink", "accent-soft"),
    ("ink-soft", "accent-soft"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("bg", "ink"),
]
SHAPE_PAIRS = [(shape, ground) for shape in ("line-strong", "accent") for ground in GROUNDS]

PAGES = sorted(path for path in TEMPLATES.rglob("*.html") if "mail" not in path.parts)


def compressed(paths: list[Path]) -> int:
    """Return how many bytes a browser fetches."""
    assert paths
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in paths)


def tokens(scheme: str) -> dict[str, str]:
    """Return the colours of the scheme, light or dark, by name."""
    sheet = (STATIC / "css" / "base.css").read_text(encoding="utf-8")
    start = sheet.index("@media screen and (prefers-color-scheme: dark)")
    light, dark = sheet[sheet.index(":root {") : start], sheet[start:]
    dark = dark[: dark.index("\n}\n")]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light))
    if scheme == "dark":
        changed = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", dark))
        assert changed.keys() == colours.keys(), "a colour of the light scheme has no dark twin"
        colours = changed
    return colours


def luminance(colour: str) -> float:
    """Return the relative luminance that WCAG defines."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio, 1 to 21."""
    dim, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dim + 0.05)


def badge(status: str) -> str:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    module = environment.get_template("macros/status.html").module
    return str(module.badge(status))  # type: ignore[attr-defined]


class InlineCode(HTMLParser):
    """Collects what a strict Content-Security-Policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        self.found += [
            f"<{tag} {n}>" for n in names if n == "style" or n.startswith(("on", "hx-on"))
        ]
        if tag == "style" or (tag == "script" and "src" not in names):
            self.found.append(f"<{tag}>")


def test_scripts_stay_in_their_budget() -> None:
    assert compressed(list((STATIC / "js").glob("*.js"))) <= SCRIPT_BUDGET


def test_style_sheets_stay_in_their_budget() -> None:
    assert compressed(list((STATIC / "css").glob("*.css"))) <= STYLE_BUDGET


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_on_every_ground_it_stands_on(scheme: str) -> None:
    colours = tokens(scheme)

    ratios = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in TEXT_PAIRS}

    assert {pair: round(r, 2) for pair, r in ratios.items() if r < TEXT_CONTRAST} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_borders_and_focus_rings_can_be_seen(scheme: str) -> None:
    colours = tokens(scheme)

    ratios = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in SHAPE_PAIRS}

    assert {pair: round(r, 2) for pair, r in ratios.items() if r < SHAPE_CONTRAST} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_no_template_holds_inline_code_or_style(page: Path) -> None:
    source = re.sub(r"{#.*?#}", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    parser = InlineCode()

    parser.feed(re.sub(r"{%.*?%}", "", source, flags=re.DOTALL))

    assert parser.found == []


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_is_a_word_a_mark_and_a_colour(status: str) -> None:
    html = badge(status)

    assert f"</svg>{status.capitalize()}<" in html
    assert f"badge-{status}" in html
    assert re.search(rf"\.badge-{status}\b[^{{]*{{ color: var\(--{status}\); }}", parts())


def test_every_mark_has_a_shape_of_its_own() -> None:
    shapes = {
        re.sub(r".*<svg[^>]*>(.*)</svg>.*", r"\1", badge(s), flags=re.DOTALL) for s in STATUSES
    }

    assert len(shapes) == len(STATUSES)


def parts() -> str:
    return (STATIC / "css" / "parts.css").read_text(encoding="utf-8")


def test_every_icon_that_a_page_may_name_is_there() -> None:
    icons = {path.stem for path in (STATIC / "icons").glob("*.svg")}

    assert icons >= {"up", "late", "failed", "neutral"}


def test_every_tick_of_colour_comes_from_a_token() -> None:
    for sheet in ("parts", "lists", "forms", "pages"):
        text = (STATIC / "css" / f"{sheet}.css").read_text(encoding="utf-8")
        screen = text.split("@media print")[0]
        assert re.findall(r"#[0-9a-fA-F]{3,8}\b", screen) == [], (
            f"{sheet}.css names a colour itself"
        )


@pytest.mark.parametrize("code", [500, 503])
def test_a_page_for_a_fault_needs_no_database_and_no_session(code: int) -> None:
    bare = Flask("bare", template_folder=str(TEMPLATES), static_folder=str(STATIC))

    with bare.test_request_context("/monitors"):
        html = render_template(f"errors/{code}.html")

    assert f"Error {code}" in html
