"""What services are handed besides a session."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from earlywatch.channels.registry import Doors
from earlywatch.clients.http import Http
from earlywatch.clients.mail import Mailer
from earlywatch.services.links import Links


@pytest.fixture
def links() -> Links:
    """Links of an installation with a name."""
    return Links("https://watch.test", "a secret that is long enough")


@pytest.fixture
def doors(tmp_path: Path) -> Doors:
    """Ways out that end on this machine."""
    http = Http((ip_network("127.0.0.0/8"),))
    return Doors(http, Mailer(None, "alerts@watch.test", tmp_path), None)
