"""What the tests of several clients share."""

import shutil
import socket
import ssl
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from earlywatch.clients import lookup
from earlywatch.clients.http import Http
from earlywatch.clients.mail import Mailer
from tests.clients.mails import SENDER, Make
from tests.clients.names import Names
from tests.clients.servers import Receiver, http_server, make_certificate, server_context
from tests.needs import missing
from tests.waiting import wait_until

LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with http_server() as server:
        yield server


@pytest.fixture
def client() -> Iterator[Http]:
    client = Http(LOOPBACK)
    yield client
    client.close()


@pytest.fixture
def stranger() -> Iterator[Http]:
    """A client as it is in production, which no private address may be reached with."""
    client = Http()
    yield client
    client.close()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    """What host names of `.test` stand for; the network is asked about none of them."""
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names.look_up)
    yield names
    names.end.set()
    wait_until(lambda: not lookup._running, 5, "the end of all lookups")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        missing("openssl, which makes the certificate, is not installed")
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return server_context(*certificate)


@pytest.fixture
def trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


@pytest.fixture
def make_mailer(tmp_path: Path) -> Iterator[Make]:
    made: list[Mailer] = []

    def make(url: str | None) -> Mailer:
        made.append(Mailer(url, SENDER, tmp_path / "mailbox"))
        return made[-1]

    yield make
    for mailer in made:
        mailer.close()
