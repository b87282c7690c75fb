"""Receivers on loopback for all kinds of channels, and the doors that lead to them."""

import json
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from earlywatch.channels.registry import Doors
from earlywatch.clients.http import Http
from earlywatch.clients.mail import Mailer
from earlywatch.clients.sms import Sms
from earlywatch.clients.voice import Voice
from earlywatch.setting_values import PROVIDERS
from tests.clients.servers import Receiver, Sink, http_server, mail_server


@pytest.fixture
def mail_sink() -> Iterator[Sink]:
    with mail_server() as sink:
        yield sink


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with http_server() as server:
        yield server


@pytest.fixture
def twilio(receiver: Receiver) -> Receiver:
    receiver.status, receiver.text = 201, json.dumps({"sid": "SM1", "status": "queued"})
    return receiver


@pytest.fixture
def doors(mail_sink: Sink, receiver: Receiver, tmp_path: Path) -> Iterator[Doors]:
    http = Http((ip_network("127.0.0.0/8"),))
    mail = Mailer(mail_sink.url, "Earlywatch <alerts@earlywatch.test>", tmp_path)
    account = ("AC1", "token", "+15005550006", receiver.url)
    yield Doors(
        http,
        mail,
        Sms(http, *account),
        bases=dict.fromkeys(PROVIDERS, receiver.url),
        telegram_token="1:" + "a" * 35,
        pushover_token="a" * 30,
        voice=Voice(http, *account),
    )
    http.close()
    mail.close()
