"""`earlywatch telegram`, typed beside a server that stands in for Telegram."""

import json
from collections.abc import Iterator

import pytest

from earlywatch.services.links import Links
from tests.clients.servers import Receiver, http_server
from tests.terminal import Terminal, terminal

SECRET_KEY = "for the tests alone"
TOKEN = "1:" + "a" * 35


@pytest.fixture(scope="module")
def typing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    with terminal(tmp_path_factory.mktemp("desk")) as opened:
        yield opened


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with http_server() as server:
        server.text = '{"ok": true, "result": true, "description": "Webhook was set"}'
        yield server


@pytest.fixture
def settings(receiver: Receiver) -> dict[str, str]:
    """An installation with a bot. No command about it asks the database."""
    return {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
        "SECRET_KEY": SECRET_KEY,
        "BASE_URL": "https://watch.example.org",
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "API_BASES": f"telegram={receiver.url}",
    }


def test_telegram_is_told_where_to_call_and_how_to_prove_itself(
    typing: Terminal, receiver: Receiver, settings: dict[str, str]
) -> None:
    outcome = typing.run("telegram", "set-webhook", **settings)

    [request] = receiver.requests
    url = "https://watch.example.org/webhooks/telegram"
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out == f"Telegram calls {url} from now on.\n"
    assert request.path == f"/bot{TOKEN}/setWebhook"
    # https://core.telegram.org/bots/api#setwebhook
    assert json.loads(request.body) == {
        "url": url,
        "secret_token": Links("", SECRET_KEY).telegram_secret(),
        "allowed_updates": ["message", "channel_post", "callback_query"],
    }


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"BASE_URL": "http://127.0.0.1:8000"}, "Set BASE_URL to such an address."),
        ({"TELEGRAM_BOT_TOKEN": ""}, "TELEGRAM_BOT_TOKEN is missing"),
    ],
)
def test_what_cannot_work_is_said_in_a_sentence(
    changed: dict[str, str],
    words: str,
    typing: Terminal,
    receiver: Receiver,
    settings: dict[str, str],
) -> None:
    outcome = typing.run("telegram", "set-webhook", **{**settings, **changed})

    assert outcome.status == 1
    assert words in outcome.err
    assert "Traceback" not in outcome.err
    assert receiver.requests == []


def test_a_refusal_of_telegram_is_shown_without_the_token(
    typing: Terminal, receiver: Receiver, settings: dict[str, str]
) -> None:
    receiver.status, receiver.text = 401, '{"ok": false, "description": "Unauthorized"}'

    outcome = typing.run("telegram", "set-webhook", **settings)

    assert outcome.status == 1
    assert "Telegram did not accept our bot's token (401)." in outcome.err
    assert TOKEN not in outcome.err
