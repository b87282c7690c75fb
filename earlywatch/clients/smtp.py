"""A mail server we hand mails to: connections that are reused, and limits on the whole."""

import contextlib
import io
import smtplib
import ssl
import time
from collections import deque
from typing import Any
from urllib.parse import unquote, urlsplit

from earlywatch.clients.deadline import DeadlineReader
from earlywatch.clients.letter import MailError

CONNECT_SECONDS = 10.0
TOTAL_SECONDS = 25.0
PROBE_SECONDS = 4.0  # for a kept connection to show that it is alive
IDLE_SECONDS = 20.0  # after that it may have died silently
MAX_IDLE = 16
DEFAULT_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}

# Refusals of a recipient that are about us, or about today: full boxes, sign-in, wrong order.
NOT_THE_ADDRESS = {503, 530, 535, 552}

SENTENCES: tuple[tuple[type[OSError], str], ...] = (
    (smtplib.SMTPAuthenticationError, "The mail server did not accept our name and password."),
    (
        smtplib.SMTPNotSupportedError,
        "The mail server does not offer the encryption or sign-in that we need.",
    ),
    (ssl.SSLCertVerificationError, "The mail server has no valid certificate."),
)


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
        if self._scheme == "smtp":
            # Encrypting when offered is better than not, but proves nothing about the server.
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE
        self._idle: deque[tuple[float, _Connection]] = deque()

    def deliver(self, sender: str, to: str, content: bytes) -> str:
        """Hand over a mail within 25 seconds; return the server's answer. Raises MailError."""
        until = time.monotonic() + TOTAL_SECONDS
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
        return _line(code, text)

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
        super().__init__(host, port, local_hostname=helo_name, timeout=CONNECT_SECONDS)

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        sock = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        if self._tls_from_start is None:
            return sock
        return self._tls_from_start.wrap_socket(sock, server_hostname=host)

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
        with contextlib.suppress(OSError):
            self.putcmd("quit")
        self.close()


def _in_words(error: OSError) -> MailError:
    if isinstance(error, RecipientRefused):
        answer = _answer(error)
        sentence = f"The mail server refused the address: {answer}"
        return MailError(sentence, permanent=_is_about_address(error.smtp_code, answer))
    for kind, sentence in SENTENCES:
        if isinstance(error, kind):
            return MailError(sentence)
    if isinstance(error, smtplib.SMTPResponseException):
        return MailError(f"The mail server answered: {_answer(error)}")
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return MailError("The mail server did not answer in time.")
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return MailError("The mail server closed the connection.")
    return MailError("The mail server could not be reached.")


def _is_about_address(code: int, answer: str) -> bool:
    """Tell whether a refusal means that no mail of ours will ever be taken there."""
    # Class 5.7 is about who may send: our server's trouble, not the recipient's.
    return 500 <= code < 600 and code not in NOT_THE_ADDRESS and " 5.7." not in answer


def _answer(error: smtplib.SMTPResponseException) -> str:
    text = error.smtp_error
    return _line(error.smtp_code, text if isinstance(text, bytes) else text.encode())


def _line(code: int, text: bytes) -> str:
    return f"{code} {' '.join(text.decode('utf-8', 'replace').split())}"[:300].rstrip()
