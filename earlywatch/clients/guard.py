"""Connections that reach public addresses only, and answers that arrive in time or not at all."""

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

from earlywatch.clients.deadline import DeadlineReader
from earlywatch.errors import EarlywatchError

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

IDLE_SECONDS = 30.0

# Beside what requests-hardened refuses: private, loopback, link-local, multicast, CGNAT, NAT64,
# 6to4 and their like.
ALSO_REFUSED = (
    ip_network("::/96"),  # IPv4 written as IPv6, long out of use
    ip_network("fec0::/10"),  # private addresses of the past
    ip_network("168.63.129.16/32"),  # metadata of a large cloud, on a public address
)


class Refused(EarlywatchError):
    """The host resolves to an address that messages must not be sent to."""


class Guard:
    """Decides which address a host name stands for, and whether it may be called."""

    def __init__(self, private_targets: tuple[Network, ...]) -> None:
        self._private_targets = private_targets

    def pin(self, host: str, port: int) -> str:
        """Return the address to connect to. Raises Refused, or an OSError if there is none."""
        address: Address
        try:
            address, _ = get_ip_address(host, port, allow_loopback=False)
            public = address.is_global and not _within(address, ALSO_REFUSED)
        except InvalidIPAddress as refused:
            address, public = refused.args[0], False
        if not public and not _within(address, self._private_targets):
            raise Refused(f"{host} is not a public address, so nothing is sent to it.")
        return str(address)


class GuardedAdapter(HTTPAdapter):
    """What `requests` sends through. Without a guard any address will do."""

    def __init__(self, guard: Guard | None) -> None:
        self._guard = guard
        super().__init__(pool_connections=32, pool_maxsize=32)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        guard = self._guard

        class Plain(PunctualConnection):
            pinned_by = guard

        class Secure(PunctualSecureConnection):
            pinned_by = guard

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


class _Pinned:
    """Connects to the address that was checked: a name cannot change its meaning in between.

    Left alone for long it counts as closed: it may have died without a word.
    """

    pinned_by: Guard | None = None
    host: str
    port: int
    _dns_host: str
    _used_at = 0.0

    @property
    def is_connected(self) -> bool:
        fresh = time.monotonic() - self._used_at < IDLE_SECONDS
        return fresh and bool(super().is_connected)  # type: ignore[misc]

    def getresponse(self) -> Any:
        response = super().getresponse()  # type: ignore[misc]
        self._used_at = time.monotonic()
        return response

    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        if self.pinned_by is not None:
            self._dns_host = self.pinned_by.pin(name.strip("[]"), self.port)
        try:
            sock: socket.socket = super()._new_conn()  # type: ignore[misc]
            return sock
        finally:
            self._dns_host = name


class PunctualConnection(_Pinned, HTTPConnection):
    """A plain connection."""

    response_class = PunctualResponse


class PunctualSecureConnection(_Pinned, HTTPSConnection):
    """A connection over TLS; the certificate is checked against the name, not the address."""

    response_class = PunctualResponse


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
