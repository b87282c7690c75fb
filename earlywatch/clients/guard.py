"""Connections that reach public addresses only, and do all they do in time or not at all."""

import http.client
import io
import socket
import time
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Any

from requests.adapters import HTTPAdapter
from requests_hardened.ip_filter import InvalidIPAddress, get_ip_address
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from earlywatch.clients.deadline import DeadlineReader, Place, connect, send_all
from earlywatch.clients.lookup import look_up
from earlywatch.errors import EarlywatchError

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

CONNECT_SECONDS = 5.0  # for one address, encryption included
IDLE_SECONDS = 30.0

# Beside what requests-hardened refuses: private, loopback, link-local, multicast, CGNAT, NAT64,
# 6to4 and their like.
ALSO_REFUSED = (
    ip_network("::/96"),  # IPv4 written as IPv6, long out of use
    ip_network("::ffff:0:0:0/96"),  # IPv4 as translators write it (SIIT)
    ip_network("fec0::/10"),  # private addresses of the past
    ip_network("168.63.129.16/32"),  # metadata of a large cloud, on a public address
)


class Refused(EarlywatchError):
    """The host resolves to an address that messages must not be sent to."""


class Guard:
    """Decides which address a host name stands for, and whether it may be called."""

    def __init__(self, private_targets: tuple[Network, ...]) -> None:
        self._private_targets = private_targets

    def places(self, host: str, port: int, until: float) -> list[Place]:
        """Return where to connect to, until a moment of `time.monotonic()`.

        Raises Refused, or an OSError if there is no such host or the lookup takes too long.
        """
        allowed = [place for place in look_up(host, port, until) if self._allows(place)]
        if not allowed:
            raise Refused(f"{host} is not a public address, so nothing is sent to it.")
        return allowed

    def _allows(self, place: Place) -> bool:
        _family, (text, port, *_) = place
        address: Address
        try:
            address, _ = get_ip_address(text, port, allow_loopback=False)
            public = address.is_global and not _within(address, ALSO_REFUSED)
        except InvalidIPAddress as refused:
            address, public = refused.args[0], False
        return public or _within(address, self._private_targets)


class GuardedAdapter(HTTPAdapter):
    """What `requests` sends through. Without a guard any address will do."""

    def __init__(self, guard: Guard | None) -> None:
        self._guard = guard
        super().__init__(pool_connections=32, pool_maxsize=32)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        guard = self._guard

        class Plain(PunctualConnection):
            guarded_by = guard

        class Secure(PunctualSecureConnection):
            guarded_by = guard

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


class PunctualResponse(http.client.HTTPResponse):
    """Applies the socket's time-out to the whole answer, headers included."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        until = time.monotonic() + (sock.gettimeout() or 0)
        self.fp = io.BufferedReader(DeadlineReader(sock, until))


class _Punctual:
    """Connects to the address that was checked: a name cannot change its meaning in between.

    All ends when the `timeout` that urllib3 sets has passed, counted from setting it. Left alone
    for long a connection counts as closed: it may have died without a word.
    """

    guarded_by: Guard | None = None
    host: str
    port: int
    sock: socket.socket | None
    socket_options: Any
    _dns_host: str
    _used_at = 0.0
    _seconds: float | None = None
    _until = 0.0

    @property
    def timeout(self) -> float | None:
        """The seconds that were given, from the moment they were."""
        return self._seconds

    @timeout.setter
    def timeout(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + (seconds or 0)

    @property
    def is_connected(self) -> bool:
        fresh = time.monotonic() - self._used_at < IDLE_SECONDS
        return fresh and bool(super().is_connected)  # type: ignore[misc]

    def getresponse(self) -> Any:
        response = super().getresponse()  # type: ignore[misc]
        self._used_at = time.monotonic()
        return response

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        assert self.sock is not None
        send_all(self.sock, data, self._until)

    def _new_conn(self) -> socket.socket:
        """Connect; tell errors in urllib3's classes, which is what it understands."""
        try:
            sock = connect(self._places(), self._until, CONNECT_SECONDS)
            sock.settimeout(max(min(self._until - time.monotonic(), CONNECT_SECONDS), 0.001))
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error  # type: ignore[arg-type]
        except TimeoutError as error:
            raise ConnectTimeoutError(self, str(error)) from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error  # type: ignore[arg-type]
        for option in self.socket_options:
            sock.setsockopt(*option)
        return sock

    def _places(self) -> list[Place]:
        find = self.guarded_by.places if self.guarded_by else look_up
        return find(self._dns_host.strip("[]"), self.port, self._until)


class PunctualConnection(_Punctual, HTTPConnection):
    """A plain connection."""

    response_class = PunctualResponse


class PunctualSecureConnection(_Punctual, HTTPSConnection):
    """A connection over TLS; the certificate is checked against the name, not the address."""

    response_class = PunctualResponse


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
