"""Every kind of channel says whether the other side hung."""

import socket
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from earlywatch.channels.registry import ChannelError, Doors, kind, kinds
from earlywatch.clients import http, smtp
from earlywatch.clients.http import Http
from earlywatch.clients.mail import Mailer
from earlywatch.clients.sms import Sms
from tests.alerts import opened
from tests.clients.servers import tcp_server

KINDS = [kind.name for kind in kinds()]


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
    mail = Mailer(f"smtp://127.0.0.1:{port}", "alerts@earlywatch.test", tmp_path)
    doors = Doors(client, mail, Sms(client, "AC1", "token", "+15005550006", url))
    config: dict[str, Any] = {
        "address": "alice@example.org",
        "webhook_url": f"{url}/hook",
        "phone_number": "+4915112345678",
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
