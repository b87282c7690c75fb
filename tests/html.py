"""What every page must be: valid, titled, labelled, without double ids and inline code."""

from collections import Counter
from xml.etree.ElementTree import Element

import html5lib

UNLABELLED = {"hidden", "submit", "button", "reset", "image"}
FIELDS = {"input", "select", "textarea"}
# html5lib knows the standard of 2014: later elements and attributes are none of its business.
TOLERATED: set[str] = set()


def check_page(text: str) -> Element:
    """Parse a page and return its root. Fails with what is wrong with it."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    root: Element = parser.parse(text)
    errors = [f"{code} {values}" for _, code, values in parser.errors if code not in TOLERATED]
    assert not errors, f"invalid HTML: {errors}"
    problems = [
        *_untitled(root),
        *_double_ids(root),
        *_unlabelled_fields(root),
        *_inline_code(root),
    ]
    assert not problems, "\n".join(problems)
    return root


def _untitled(root: Element) -> list[str]:
    title = root.find("head/title")
    named = title is not None and (title.text or "").replace("\N{EN DASH} Earlywatch", "").strip()
    headings = len(root.findall(".//h1"))
    problems = [] if named else ["the page has no title"]
    return problems if headings == 1 else [*problems, f"the page has {headings} h1, not one"]


def _double_ids(root: Element) -> list[str]:
    ids = Counter(element.get("id") for element in root.iter() if element.get("id"))
    return [f"id {name!r} is used {times} times" for name, times in ids.items() if times > 1]


def _unlabelled_fields(root: Element) -> list[str]:
    labelled = {label.get("for") for label in root.iter("label")}
    inside = {field for label in root.iter("label") for field in label.iter()}
    return [
        f"no label: {field.tag} {field.attrib}"
        for field in root.iter()
        if field.tag in FIELDS
        and field.get("type") not in UNLABELLED
        and field.get("id") not in labelled
        and field not in inside
        and not field.get("aria-label")
    ]


def _inline_code(root: Element) -> list[str]:
    problems = [f"inline script: {s.text!r}" for s in root.iter("script") if not s.get("src")]
    problems += ["inline style sheet" for _ in root.iter("style")]
    for element in root.iter():
        found = [name for name in element.attrib if name == "style" or name.startswith("on")]
        problems += [f"inline code: {element.tag} {name}" for name in found]
    return problems
