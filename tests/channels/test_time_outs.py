"""Every kind of channel says whether the other side hung."""

import socket
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from earlywatch.channels import group
from earlywatch.channels.registry import ChannelError, Doors, kind, kinds
from earlywatch.clients import http, smtp
from earlywatch.clients.http import Http
from earlywatch.clients.mail import Mailer
from earlywatch.clients.sms import Sms
from earlywatch.clients.voice import Voice
from earlywatch.setting_values import PROVIDERS
from tests.alerts import opened
from tests.channels.test_registry import config_of
from tests.clients.servers import tcp_server

KINDS = [kind.name for kind in kinds() if kind.name != group.NAME]  # nothing is sent to a group


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for client in (http, smtp):
        monkeypatch.setattr(client, "TOTAL_SECONDS", 0.3)


@pytest.fixture
def hung() -> Iterator[int]:
    """A port where connections come about, and that is all."""
    with tcp_server(lambda _connection: time.sleep(3)) as port:
        yield port


@pytest.fixture
def closed() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def refusal(name: str, port: int, tmp_path: Path) -> ChannelError:
    """Return how sending through a kind fails when all servers are at `port` of this machine."""
    url = f"http://127.0.0.1:{port}"
    client = Http((ip_network("127.0.0.0/8"),))
    account = ("AC1", "token", "+15005550006", url)
    doors = Doors(
        client,
        Mailer(f"smtp://127.0.0.1:{port}", "alerts@earlywatch.test", tmp_path),
        Sms(client, *account),
        bases=dict.fromkeys(PROVIDERS, url),
        telegram_token="1:" + "a" * 35,
        pushover_token="a" * 30,
        voice=Voice(client, *account),
    )
    config = {
        field: f"{url}/hook" if str(value).startswith("https://") else value
        for field, value in config_of(kind(name)).items()
    }
    with pytest.raises(ChannelError) as caught:
        kind(name).send(config, opened(), doors)
    client.close()
    return caught.value


@pytest.mark.parametrize("name", KINDS)
def test_a_hung_server_is_a_time_out(name: str, hung: int, tmp_path: Path) -> None:
    error = refusal(name, hung, tmp_path)

    assert "did not answer in time" in str(error)
    assert error.timed_out


@pytest.mark.parametrize("name", KINDS)
def test_a_closed_server_is_no_time_out(name: str, closed: int, tmp_path: Path) -> None:
    error = refusal(name, closed, tmp_path)

    assert "could not be reached" in str(error)
    assert not error.timed_out
