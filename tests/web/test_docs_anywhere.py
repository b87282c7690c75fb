"""The documentation of pings: it tells what the server does, and its code can be copied."""

import re
from html import unescape

import pytest

from earlywatch.ingest import answers, query
from earlywatch.services.incoming import BODY_LIMIT, BODY_TAIL, MESSAGE_LIMIT, Outcome
from tests.client import Browser
from tests.html import check_page
from tests.ingest.snippets import FOLDER

LANGUAGES = (
    *("bash", "cron", "systemd", "Python", "Ruby", "PHP", "Go", "Node", "Java", "C#", "PowerShell"),
    *("Docker", "Kubernetes", "GitHub Actions", "Ansible", "WordPress", "wget"),
)


def words_of(client: Browser, path: str) -> str:
    """Return the text of a page."""
    return unescape(re.sub("<[^>]+>", "", client.get(path).text))


def test_every_snippet_is_on_a_page(client: Browser) -> None:
    pages = ("/docs/anywhere", "/docs/alerts", "/docs/down")
    shown = "".join(words_of(client, path) for path in pages)

    for path in FOLDER.iterdir():
        longest = max(re.split(r"{{.*?}}|{%.*?%}|\n", path.read_text()), key=len)
        assert longest in shown, path.name


@pytest.mark.parametrize("name", ["pinging", "anywhere", "alerts", "escalation", "down"])
def test_the_table_of_contents_leads_to_every_section(client: Browser, name: str) -> None:
    page = check_page(client.get(f"/docs/{name}").text)
    ids = {heading.get("id") for heading in page.iter("h2")}
    all_ids = {element.get("id") for element in page.iter()}
    links = {a.get("href", "") for a in page.iter("a")}

    wanted = {f"#{each}" for each in ids - {"rules", "keys-title"} if each}
    assert wanted <= links
    assert {link[1:] for link in links if link.startswith("#")} <= all_ids


def test_every_way_is_named(client: Browser) -> None:
    text = words_of(client, "/docs/anywhere")

    assert [name for name in LANGUAGES if name not in text] == []


def test_code_is_escaped_and_holds_the_ping_url(client: Browser) -> None:
    page = client.get("/docs/anywhere").text

    assert "2&gt;&amp;1" in page
    assert "&amp;amp;" not in page
    assert page.count("/ping/5f0c2f6e-") > 20
    assert "${{ secrets.PING_URL }}" in page


def test_every_answer_is_explained(client: Browser) -> None:
    text = words_of(client, "/docs/pinging")
    given = [answers.ANSWERS[outcome] for outcome in Outcome if outcome in answers.ANSWERS]
    refused = (answers.TOO_SLOW, answers.BROKEN, answers.TOO_LARGE, answers.NOT_STORED)

    for answer in (*given, *refused, answers.slow_down(1)):
        assert str(answer.status) in text
        if answer.status in {200, 201, 404, 429}:
            assert answer.words in text


def test_every_parameter_and_number_is_explained(client: Browser) -> None:
    text = words_of(client, "/docs/pinging")

    for name in query.PARAMETERS:
        assert re.search(rf"\b{name}\b=?", text), name
    assert f"{BODY_LIMIT // 1000} kB" in text
    assert f"the last {BODY_TAIL // 1000} kB" in text
    assert f"{MESSAGE_LIMIT:,} characters" in text
    assert f"up to {query.MOST_METRICS} a ping" in text
