"""Somebody with a browser that has no JavaScript: reads pages, fills in forms, presses buttons."""

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

import html5lib
import requests

from tests.e2e.stack import PASSWORD


@dataclass
class Page:
    """A page as it came."""

    url: str
    status: int
    text: str
    tree: Element = field(repr=False)

    def forms(self) -> list[Element]:
        """Return the forms of the page itself, without those of its header."""
        return [form for main in self.tree.iter("main") for form in main.iter("form")]


class Person:
    """A session with the site. Fields are filled in by name; the rest stays as the page has it."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._session = requests.Session()

    def get(self, path: str) -> requests.Response:
        """Ask for a page, whatever comes."""
        url = path if path.startswith("http") else self._base_url + path
        return self._session.get(url, timeout=20)

    def open(self, path: str) -> Page:
        """Open a page; it must be there."""
        return self._page(self.get(path))

    def submit(self, page: Page, **fields: str) -> Page:
        """Fill in and send the first form that has these fields."""
        form = next(form for form in page.forms() if set(fields) <= set(_values(form)))
        target = requests.compat.urljoin(page.url, form.get("action") or page.url)
        return self._page(self._session.post(target, {**_values(form), **fields}, timeout=20))

    def sign_in(self, email: str) -> None:
        """Sign in with the usual password."""
        page = self.submit(self.open("/sign-in"), email=email, password=PASSWORD)
        assert page.url.endswith("/monitors"), page.text

    def _page(self, response: requests.Response) -> Page:
        assert response.status_code == 200, f"{response.url}: {response.status_code}"
        tree = html5lib.parse(response.text, namespaceHTMLElements=False)
        return Page(response.url, response.status_code, response.text, tree)


def _values(form: Element) -> dict[str, str]:
    values: dict[str, str] = {}
    for control in form.iter():
        name = control.get("name")
        if not name or control.get("disabled") is not None:
            continue
        if control.tag == "input" and control.get("type") in {"checkbox", "radio"}:
            if control.get("checked") is not None:
                values[name] = control.get("value", "on")
        elif control.tag in {"input", "textarea"} and control.get("type") != "submit":
            values[name] = control.get("value") or control.text or ""
        elif control.tag == "select":
            chosen = [one for one in control.iter("option") if one.get("selected") is not None]
            options = chosen or list(control.iter("option"))
            values[name] = options[0].get("value", "") if options else ""
    return values
