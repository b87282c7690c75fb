"""What `earlywatch up` runs on one machine, and what it needs for that."""

import socket
from pathlib import Path

import pytest

from earlywatch.config import load_settings
from earlywatch.supervisor.data import StartError
from earlywatch.supervisor.machine import Machine
from earlywatch.supervisor.up import require_free_port, welcome


@pytest.mark.parametrize("domain", ["", "ping.example.org"])
def test_mails_are_taken_where_they_have_a_domain(domain: str, tmp_path: Path) -> None:
    settings = load_settings(
        {"PING_MAIL_DOMAIN": domain, "EARLYWATCH_DATA_DIR": str(tmp_path), "SMTPD_PORT": "2526"}
    )

    names = [child.name for stage in Machine(settings).stages() for child in stage]

    assert ("smtpd" in names) is bool(domain)
    assert ("to ping.example.org, taken at port 2526" in welcome(settings)) is bool(domain)


def test_a_taken_port_for_mails_is_refused_with_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(StartError, match="for example SMTPD_PORT=2525"):
            require_free_port(port, "SMTPD_PORT")


def test_a_host_for_mails_that_is_not_known_is_refused_with_a_sentence() -> None:
    with pytest.raises(StartError, match=r"^SMTPD_HOST is no address .*: nobody\.invalid\.$"):
        require_free_port(2525, "SMTPD_PORT", "nobody.invalid")
    with pytest.raises(StartError, match=r"^SMTPD_HOST is no address .*: 192\.0\.2\.1\.$"):
        require_free_port(2525, "SMTPD_PORT", "192.0.2.1")
