"""Mails out of templates: rendered and inlined once per shape, filled in for each mail.

Mail programs ignore style sheets, so styles must stand in each element. Doing that for every mail
would cost more than sending it. So each template is rendered with a mark in place of each text,
inlined, and kept; a mail is that page with its texts in place of the marks.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from css_inline import CSSInliner
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import escape

from earlywatch.assets import TEMPLATES

# A text, or a fact that the template may test: an empty or missing text, a StrEnum, a bool.
# In a tuple each entry is one of these again.
Value = object
MARK = re.compile(r"xx(\d+)xx")

_pages = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_inliner = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def render(name: str, values: Mapping[str, Value]) -> tuple[str, str]:
    """Return the text part and the HTML part of `templates/mail/<name>`."""
    texts: list[str] = []
    shape = tuple((key, _shape(value, texts)) for key, value in sorted(values.items()))
    text_page, html_page = _page(name, shape)
    escaped = [str(escape(text)) for text in texts]
    text = MARK.sub(lambda mark: texts[int(mark[1])], text_page)
    return text, MARK.sub(lambda mark: escaped[int(mark[1])], html_page)


def _shape(value: Value, texts: list[str]) -> Value:
    """Return `value` with a mark in place of each text, and put the texts into `texts`."""
    if isinstance(value, (tuple, list)):
        return tuple(_shape(entry, texts) for entry in value)
    if type(value) is not str or not value:
        return value
    texts.append(value)
    return f"xx{len(texts) - 1}xx"


@lru_cache(maxsize=256)
def _page(name: str, shape: tuple[tuple[str, Value], ...]) -> tuple[str, str]:
    values = dict(shape)
    text = _pages.get_template(f"mail/{name}.txt").render(values)
    html = _pages.get_template(f"mail/{name}.html").render(values)
    return "\n".join(_tidy(text)) + "\n", _inliner.inline(html)


def _tidy(text: str) -> Iterator[str]:
    """Drop blank lines at the start, at the end, and all but one in a row."""
    blank = True
    for line in text.strip("\n").split("\n"):
        if line.strip() or not blank:
            yield line.rstrip() if line != "-- " else line
        blank = not line.strip()
