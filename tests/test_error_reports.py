"""What goes to Sentry when something breaks: where and what, never a secret."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import sentry_sdk
from flask import Flask
from sentry_sdk.client import NonRecordingClient
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from earlywatch.app import report_errors
from earlywatch.channels.registry import Doors
from earlywatch.clients.http import Http
from earlywatch.clients.mail import Mailer
from earlywatch.config import Settings
from earlywatch.db import make_engine
from earlywatch.domain.monitor import PingKind
from earlywatch.ingest.store import store
from earlywatch.services import deliveries
from earlywatch.services.incoming import IncomingPing
from earlywatch.services.links import Links
from tests.builders import NOW, make_channel, make_delivery, make_monitor
from tests.services.sending import claimed

LINKS = Links("https://watch.test", "a secret that is long enough")
SECRET = "T0SECRETB0SECRET"


class Memory(Transport):
    """Keeps what would be sent."""

    kept: list[Any]

    def __init__(self, options: dict[str, Any] | None = None) -> None:
        super().__init__(options)
        type(self).kept = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.kept.append(envelope.get_event())


@pytest.fixture
def reports() -> Iterator[list[Any]]:
    """Everything that is reported meanwhile."""
    report_errors("https://key@sentry.test/1", Memory)
    yield Memory.kept
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(NonRecordingClient())


def only(reports: list[Any]) -> str:
    """The one report, as the text that would be sent."""
    [report] = reports
    assert report["release"].startswith("earlywatch@")
    assert "request" not in report
    assert not report.get("breadcrumbs", {}).get("values")
    for error in report["exception"]["values"]:
        for frame in error["stacktrace"]["frames"]:
            assert "vars" not in frame
    return json.dumps(report)


def test_a_fault_in_a_channel_shows_neither_webhook_nor_links(
    session: Session, settings: Settings, reports: list[Any]
) -> None:
    webhook = f"https://chat.example.org/hooks/{SECRET}"
    channel = make_channel(session, kind="slack", config={webhook: webhook})
    make_delivery(session, channel, now=NOW)
    outgoing = claimed(session, LINKS, NOW)
    doors = Doors(Http(), Mailer(None, "a@example.org", settings.mailbox_dir), None)
    unsubscribe = outgoing.alert.unsubscribe_url
    assert unsubscribe is not None

    deliveries.attempt(outgoing, doors)

    report = only(reports)
    assert "delivery raised" in report
    assert "KeyError" in report
    assert SECRET not in report
    assert unsubscribe.rpartition("/")[2] not in report


def test_a_ping_that_cannot_be_stored_shows_neither_key_nor_body(
    app: Flask, settings: Settings, reports: list[Any]
) -> None:
    assert settings.database_url
    engine = make_engine(settings.database_url)
    with Session(engine) as session:
        monitor = make_monitor(session)
        key, workspace_id = monitor.ping_key, monitor.workspace_id
        session.commit()

    outcomes = store(engine, [ping(key, message=f"\0{SECRET}", body=SECRET.encode())])

    with Session(engine) as session:
        session.execute(text("DELETE FROM workspace WHERE id = :id"), {"id": workspace_id})
        session.execute(text("DELETE FROM account"))
        session.commit()
    engine.dispose()
    report = only(reports)
    assert outcomes == [None]
    assert "ping could not be stored" in report
    assert SECRET not in report
    assert str(key) not in report


def ping(key: UUID, **others: Any) -> IncomingPing:
    return IncomingPing(key, PingKind.SUCCESS, NOW, "POST", "https", **others)


def test_a_row_that_the_database_refuses_is_not_shown(session: Session, reports: list[Any]) -> None:
    channel = make_channel(session)
    refused = text("UPDATE channel SET name = NULL, broken_reason = :secret WHERE id = :id")

    with pytest.raises(IntegrityError) as error:
        session.execute(refused, {"secret": SECRET, "id": channel.id})
    sentry_sdk.capture_exception(error.value)

    report = only(reports)
    assert "IntegrityError" in report
    assert "null value in column" in report
    assert SECRET not in report


def test_links_keys_and_addresses_in_a_message_are_masked(reports: list[Any]) -> None:
    secrets = [str(UUID(int=7)), f"{SECRET}@example.org", f"https://watch.test/a/{SECRET}"]

    try:
        raise ValueError(" ".join(secrets))
    except ValueError as error:
        sentry_sdk.capture_exception(error)

    report = only(reports)
    for secret in secrets:
        assert secret not in report
    assert "<key> <address> https://watch.test/<path>" in report
