"""Outgoing HTTP: limited in time and size, never redirected, kept away from private addresses."""

import socket
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
from urllib3 import Timeout
from urllib3.exceptions import HTTPError

from earlywatch.clients.deadline import caused_by
from earlywatch.clients.guard import Guard, GuardedAdapter, Network, Refused
from earlywatch.clients.lookup import SlowLookup
from earlywatch.errors import EarlywatchError

TOTAL_SECONDS = 20.0
MAX_ANSWER_BYTES = 64 * 1024
LONGEST_WISH = timedelta(hours=1)  # whoever asks us to wait longer is asked again all the same
USER_AGENT = "Earlywatch"


class Unreachable(EarlywatchError):
    """No answer came.

    `permanent`: the address is refused, trying again is of no use. `timed_out`: the other side
    hung, and trying again may take as long.
    """

    def __init__(self, sentence: str, *, permanent: bool = False, timed_out: bool = False) -> None:
        super().__init__(sentence)
        self.permanent = permanent
        self.timed_out = timed_out


@dataclass(frozen=True)
class Answer:
    """What a server said; `text` is cut at 64 kB, `retry_after` at an hour."""

    status: int
    text: str
    retry_after: timedelta | None = None


class Http:
    """Sends requests, from any number of threads, over connections that are reused.

    Hosts that users choose must have public addresses, or addresses in `private_targets`.
    """

    def __init__(self, private_targets: tuple[Network, ...] = ()) -> None:
        self._guard = Guard(private_targets)
        self._guarded = _session(self._guard)
        self._trusted = _session(None)

    def post(
        self,
        url: str,
        *,
        json: object = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        trusted: bool = False,
    ) -> Answer:
        """Send a POST and return the answer, as `request` does."""
        return self._request(
            "POST",
            url,
            {"json": json, "data": data, "headers": headers, "auth": auth},
            trusted=trusted,
        )

    def request(
        self,
        method: Literal["GET", "POST", "PUT", "PATCH"],
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        trusted: bool = False,
    ) -> Answer:
        """Send these bytes and return the answer, whatever its status, within 20 seconds.

        `trusted` is for hosts that the operator chose. Raises Unreachable with a sentence.
        """
        arguments = {"data": body or None, "headers": headers}
        return self._request(method, url, arguments, trusted=trusted)

    def check_target(self, url: str) -> None:
        """Refuse a URL that `post` would not send to. Raises Unreachable with a sentence."""
        host = _foreign_host(url)
        try:
            self._guard.places(host, urlsplit(url).port or 443, time.monotonic() + TOTAL_SECONDS)
        except Refused as refused:
            raise Unreachable(str(refused), permanent=True) from None
        except SlowLookup:
            raise _slow_lookup(host) from None
        except (requests.RequestException, OSError, ValueError):
            raise Unreachable(f"The host {host} could not be found.") from None

    def _request(
        self, method: str, url: str, arguments: dict[str, Any], *, trusted: bool
    ) -> Answer:
        host = _host(url) if trusted else _foreign_host(url)
        session = self._trusted if trusted else self._guarded
        until = time.monotonic() + TOTAL_SECONDS
        try:
            try:
                return _send(session, method, url, until, arguments)
            except requests.ConnectionError as error:
                # The server closed a kept connection in the very moment we used it again.
                if not _was_hung_up(error):
                    raise
                return _send(session, method, url, until, arguments)
        except Refused as refused:
            raise Unreachable(str(refused), permanent=True) from None
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise _unreachable(host, error) from error

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._guarded.close()
        self._trusted.close()


def _session(guard: Guard | None) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy and no .netrc password for hosts that users choose
    session.headers["User-Agent"] = USER_AGENT
    session.headers["Accept-Encoding"] = "identity"  # the cap on the size is on what is sent
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, GuardedAdapter(guard))
    return session


def _send(
    session: requests.Session, method: str, url: str, until: float, arguments: dict[str, Any]
) -> Answer:
    limits: Any = Timeout(total=max(until - time.monotonic(), 0.001))
    with closing(
        session.request(
            method, url, timeout=limits, allow_redirects=False, stream=True, **arguments
        )
    ) as response:
        return Answer(response.status_code, _text(response), _retry_after(response))


def _text(response: requests.Response) -> str:
    try:
        body = response.raw.read(MAX_ANSWER_BYTES, decode_content=False)
    except (HTTPError, OSError):
        return ""  # the status has been said, and counts
    return bytes(body).decode("utf-8", "replace")


def _retry_after(response: requests.Response) -> timedelta | None:
    wish = response.headers.get("Retry-After", "").strip()
    if wish.isascii() and wish.isdigit():
        return timedelta(seconds=min(float(wish), LONGEST_WISH.total_seconds()))
    try:
        until = parsedate_to_datetime(wish)
        wait = until - parsedate_to_datetime(response.headers["Date"])
    except (LookupError, ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), LONGEST_WISH)


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError if it is none
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"}:
        raise Unreachable("The address must start with https:// or http://.", permanent=True)
    return host


def _foreign_host(url: str) -> str:
    """Return the host of an address that a user chose."""
    host = _host(url)
    # Programs disagree about where the host begins behind such a sign.
    if "@" in urlsplit(url).netloc or "\\" in url:
        raise Unreachable(
            "The address must name its host right after https://, with no user name or password.",
            permanent=True,
        )
    return host


def _was_hung_up(error: requests.ConnectionError) -> bool:
    cause: object = error.args[0] if error.args else None
    reason = cause.args[-1] if isinstance(cause, HTTPError) and cause.args else None
    return isinstance(reason, (ConnectionResetError, BrokenPipeError))


def _unreachable(host: str, error: Exception) -> Unreachable:
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)):
        return Unreachable("That is not an address on the web.", permanent=True)
    if caused_by(error, SlowLookup):
        return _slow_lookup(host)
    if caused_by(error, requests.Timeout, TimeoutError):
        return Unreachable(f"{host} did not answer in time.", timed_out=True)
    if caused_by(error, requests.exceptions.SSLError):
        return Unreachable(f"{host} has no valid certificate.")
    if caused_by(error, socket.gaierror):
        return Unreachable(f"The host {host} could not be found.")
    return Unreachable(f"{host} could not be reached.")


def _slow_lookup(host: str) -> Unreachable:
    return Unreachable(f"The host {host} could not be looked up in time.", timed_out=True)
