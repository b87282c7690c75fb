"""A mail server we hand mails to: connections that are reused, and limits on the whole."""

import contextlib
import io
import smtplib
import socket
import ssl
import time
from collections import deque
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote, urlsplit

from earlywatch.clients.deadline import DeadlineReader, caused_by, connect, send_all, time_left
from earlywatch.clients.letter import MailError
from earlywatch.clients.lookup import SlowLookup, look_up
from earlywatch.clients.refusal import is_for_ever
from earlywatch.domain.alert_words import one_line

CONNECT_SECONDS = 10.0  # for one address
TOTAL_SECONDS = 25.0
PROBE_SECONDS = 4.0  # for a kept connection to show that it is alive
GOODBYE_SECONDS = 0.05
IDLE_SECONDS = 20.0  # after that it may have died silently
MAX_IDLE = 16
DEFAULT_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}

NEVER = range(500, 600)  # answers that trying again does not change
LONGEST_ANSWER = 300  # characters shown to people

UNENCRYPTED = (
    "The mail server offers no encryption, so our name and password are not sent to it."
    " Set SMTP_URL to smtp+starttls:// or smtps://."
)
SENTENCES: tuple[tuple[type[OSError], str], ...] = (
    (smtplib.SMTPAuthenticationError, "The mail server did not accept our name and password."),
    (
        smtplib.SMTPNotSupportedError,
        "The mail server does not offer the encryption or sign-in that we need.",
    ),
    (ssl.SSLCertVerificationError, "The mail server has no valid certificate."),
    (socket.gaierror, "The host of the mail server could not be found."),
)


class Refused(MailError):
    """The mail server will not take this mail from this sender, or for this address."""


class Relay:
    """Hands mails to the server named by a URL, from any number of threads."""

    def __init__(self, url: str, helo_name: str) -> None:
        parts = urlsplit(url)
        self._scheme = parts.scheme
        self._host = parts.hostname or "localhost"
        self._port = parts.port or DEFAULT_PORTS[parts.scheme]
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._helo_name = helo_name
        self._context = ssl.create_default_context()
        # A password goes to nobody but the server it is for.
        self._needs_tls = bool(self._user) and not _is_this_machine(self._host)
        if self._scheme == "smtp" and not self._needs_tls:
            # Encrypting when offered is better than not, but proves nothing about the server.
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE
        self._idle: deque[tuple[float, _Connection]] = deque()

    def deliver(self, sender: str, to: str, content: bytes, until: float | None = None) -> str:
        """Hand over a mail; return the server's answer. Raises MailError.

        It ends within 25 seconds, or at `until`, a moment of `time.monotonic()`.
        """
        until = until or time.monotonic() + TOTAL_SECONDS
        try:
            connection = self._began(sender, until)
            try:
                code, text = connection.hand_over(to, content)
            except BaseException:
                connection.leave()
                raise
        except OSError as error:  # smtplib's own errors are OSErrors
            raise _in_words(error) from error
        self._give_back(connection)
        return _line(code, text.decode("utf-8", "replace"))

    def close(self) -> None:
        """Close the connections that are kept open."""
        while self._idle:
            self._idle.pop()[1].leave()

    def _began(self, sender: str, until: float) -> "_Connection":
        """Return a connection that has taken MAIL FROM, which also shows that it is alive."""
        while (kept := self._kept()) is not None:
            kept.hurry(min(until, time.monotonic() + PROBE_SECONDS))
            try:
                if kept.mail(sender)[0] == 250:
                    kept.hurry(until)
                    return kept
            except OSError:
                pass  # closed by the server since we used it
            kept.close()
        connection = self._connect(until)
        code, text = connection.mail(sender)
        if code != 250:
            connection.leave()
            raise smtplib.SMTPSenderRefused(code, text, sender)
        return connection

    def _kept(self) -> "_Connection | None":
        while True:
            try:
                since, connection = self._idle.pop()
            except IndexError:
                return None
            if time.monotonic() - since < IDLE_SECONDS:
                return connection
            connection.leave()

    def _give_back(self, connection: "_Connection") -> None:
        if len(self._idle) < MAX_IDLE:
            self._idle.append((time.monotonic(), connection))
        else:
            connection.leave()

    def _connect(self, until: float) -> "_Connection":
        context = self._context if self._scheme == "smtps" else None
        connection = _Connection(self._host, self._port, self._helo_name, context, until)
        try:
            connection.ehlo()
            offered = connection.has_extn("starttls")
            if self._scheme == "smtp+starttls" or (self._scheme == "smtp" and offered):
                connection.starttls(context=self._context)
                connection.ehlo()
            elif self._scheme == "smtp" and self._needs_tls:
                raise MailError(UNENCRYPTED)
            if self._user:
                connection.login(self._user, self._password)
        except BaseException:
            connection.close()
            raise
        return connection


class RecipientRefused(smtplib.SMTPResponseException):
    """The server does not take mail for this address."""


class _Connection(smtplib.SMTP):
    """One connection; all that it waits for ends at the moment set by `hurry`."""

    def __init__(
        self,
        host: str,
        port: int,
        helo_name: str,
        context: ssl.SSLContext | None,
        until: float,
    ) -> None:
        self._until = until
        self._tls_from_start = context
        self._reader: DeadlineReader | None = None
        super().__init__(host, port, local_hostname=helo_name)

    def _get_socket(self, host: str, port: int, _timeout: object) -> Any:
        places = look_up(host, port, self._until)
        sock = connect(places, self._until, CONNECT_SECONDS)
        if self._tls_from_start is None:
            return sock
        try:
            sock.settimeout(time_left(self._until))
            return self._tls_from_start.wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise

    def send(self, s: Any) -> None:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        content = s.encode(self.command_encoding) if isinstance(s, str) else s
        try:
            send_all(self.sock, content, self._until)
        except OSError as error:
            self.close()
            raise smtplib.SMTPServerDisconnected("not connected any more") from error

    def hurry(self, until: float) -> None:
        """Let everything end at `until`, a moment of `time.monotonic()`."""
        self._until = until
        if self._reader is not None:
            self._reader.until = until

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None:
            assert self.sock is not None
            self._reader = DeadlineReader(self.sock, self._until)
            self.file = io.BufferedReader(self._reader)
        return super().getreply()

    def hand_over(self, to: str, content: bytes) -> tuple[int, bytes]:
        """Send what follows MAIL FROM; return the server's answer. Raises an OSError."""
        code, text = self.rcpt(to)
        if code not in {250, 251}:
            raise RecipientRefused(code, text)
        code, text = self.data(content)
        if code != 250:
            raise smtplib.SMTPDataError(code, text)
        return code, text

    def leave(self) -> None:
        """Say goodbye without waiting for the answer."""
        self.hurry(time.monotonic() + GOODBYE_SECONDS)
        with contextlib.suppress(OSError):
            self.putcmd("quit")
        self.close()


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _in_words(error: OSError) -> MailError:
    if isinstance(error, RecipientRefused):
        code, text = error.smtp_code, _text(error)
        sentence = f"The mail server refused the address: {_line(code, text)}"
        return _kind(code)(sentence, permanent=is_for_ever(code, text))
    for kind, sentence in SENTENCES:
        if isinstance(error, kind):
            return MailError(sentence)
    if isinstance(error, smtplib.SMTPResponseException):
        code = error.smtp_code
        return _kind(code)(f"The mail server answered: {_line(code, _text(error))}")
    return _silence(error)


def _kind(code: int) -> type[MailError]:
    return Refused if code in NEVER else MailError


def _silence(error: OSError) -> MailError:
    if caused_by(error, SlowLookup):
        sentence = "The host of the mail server could not be looked up in time."
        return MailError(sentence, timed_out=True)
    if caused_by(error, TimeoutError):
        return MailError("The mail server did not answer in time.", timed_out=True)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return MailError("The mail server closed the connection.")
    return MailError("The mail server could not be reached.")


def _text(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error
    return " ".join((text.decode("utf-8", "replace") if isinstance(text, bytes) else text).split())


def _line(code: int, text: str) -> str:
    return one_line(f"{code} {text}", LONGEST_ANSWER)
