"""`earlywatch smtpd`: takes mails, each a ping, or what comes back to a mail of ours."""

import asyncio
import logging
import os
import signal
import ssl
from collections.abc import Callable
from pathlib import Path

from earlywatch.clients.return_path import ReturnPath
from earlywatch.config import ConfigError, Settings
from earlywatch.ingest.batch import Batcher
from earlywatch.ingest.buckets import Buckets, Guard
from earlywatch.ingest.line import Line
from earlywatch.ingest.mail_connection import Connection, Connections
from earlywatch.ingest.mail_door import Door
from earlywatch.ingest.mail_names import Names
from earlywatch.ingest.mail_reports import Reports
from earlywatch.server import raise_file_limit
from earlywatch.services.links import Links

logger = logging.getLogger(__name__)

STOP_GRACE = 5.0  # seconds for mails under way when the process stops
LAST_WORDS = 1.0  # seconds for their answers
WAITING = 128  # connections that nobody has taken yet


class Certificate:
    """What is shown to those who want TLS; loaded again when its files change."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises ConfigError with a sentence when they cannot be used."""
        self._paths = certificate, key
        self._seen = self._look()
        try:
            self._context = self._load()
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"SMTPD_TLS_CERT and SMTPD_TLS_KEY cannot be used ({_reason(error)}):"
                f" {certificate}, {key}."
            ) from None

    def context(self) -> ssl.SSLContext:
        """Return the newest that can be used."""
        seen = self._look()
        if seen != self._seen:
            self._seen = seen
            try:
                self._context = self._load()
            except (OSError, ssl.SSLError) as error:  # only one of the two was written yet, perhaps
                fields = {"reason": _reason(error)}
                logger.error("certificate cannot be loaded, the old one stays", extra=fields)
            else:
                logger.info("certificate loaded")
        return self._context

    def _look(self) -> list[tuple[int, int, int] | None]:
        looks: list[tuple[int, int, int] | None] = []
        for path in self._paths:
            try:
                found = path.stat()
                looks.append((found.st_mtime_ns, found.st_size, found.st_ino))
            except OSError:
                looks.append(None)
        return looks

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate, key = self._paths
        # A password would be asked for on the terminal.
        context.load_cert_chain(certificate, key, password="")
        return context


def load_certificate(settings: Settings) -> Certificate | None:
    """Return the certificate for STARTTLS, None where none is set. Raises ConfigError."""
    if settings.smtpd_tls_cert is None or settings.smtpd_tls_key is None:
        return None
    return Certificate(settings.smtpd_tls_cert, settings.smtpd_tls_key)


def run_smtpd(settings: Settings) -> None:
    """Take mails until told to stop. Raises ConfigError."""
    raise_file_limit()
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    url, domain = settings.require("database_url"), settings.require("ping_mail_domain")
    certificate = load_certificate(settings)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    batcher = Batcher(Line("mails", url, pre_ping=False))
    names = Names(Line("mail addresses", url, pre_ping=True))
    door = Door(domain, batcher, Guard(Buckets(), settings), names, _reports(settings, url, domain))
    connections = Connections()

    def connect() -> Connection:
        return Connection(door, connections, domain, certificate.context() if certificate else None)

    server = await _listen(connect, settings)
    batcher.start()
    logger.info("ready for mails", extra={"port": settings.smtpd_port})
    await stop.wait()
    server.close()
    await connections.end(STOP_GRACE)
    await batcher.close()
    await connections.end(LAST_WORDS)
    connections.cut()
    door.close()


def _reports(settings: Settings, url: str, domain: str) -> Reports | None:
    if settings.secret_key is None:
        logger.warning("SECRET_KEY is not set: no bounces and no answers are taken")
        return None
    line = Line("mail reports", url, pre_ping=True)
    return_path = ReturnPath(domain, settings.secret_key)
    return Reports(line, return_path, Links(settings.base_url, settings.secret_key))


async def _listen(connect: Callable[[], Connection], settings: Settings) -> asyncio.Server:
    host, port = settings.smtpd_host, settings.smtpd_port
    try:
        return await asyncio.get_running_loop().create_server(connect, host, port, backlog=WAITING)
    except OSError as error:
        # What asyncio says of a port repeats the address; what the resolver says has no number.
        number = error.errno or 0
        reason = os.strerror(number).lower() if number > 0 else _reason(error)
        raise ConfigError(
            f"SMTPD_HOST and SMTPD_PORT cannot be used ({reason}): {host}, {port}."
        ) from None


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
