"""What addresses a host name stands for, in time or not at all."""

import socket
from concurrent.futures import Future
from ipaddress import ip_address
from threading import Lock, Thread

from earlywatch.clients.deadline import Place, time_left

LOOKUP_SECONDS = 8.0

# More than can ever be under way: about ten threads of a process look something up, each waits
# 8 seconds, and a resolver gives up after 40. So hosts whose name servers are silent keep no other
# host waiting.
MOST_LOOKUPS = 100


class SlowLookup(TimeoutError):
    """The name servers of a host did not answer in time."""


_lock = Lock()
_running: dict[tuple[str, int], Future[list[Place]]] = {}


def look_up(host: str, port: int, until: float) -> list[Place]:
    """Return where a host can be reached, the best place first.

    Raises SlowLookup at `until` (of `time.monotonic()`) or after 8 seconds, gaierror if there is
    no such host. `getaddrinfo` knows no limit, so it is asked in a thread that is left behind when
    time is up.
    """
    left = min(LOOKUP_SECONDS, time_left(until))
    if _is_address(host):
        return _ask(host, port)
    with _lock:
        lookup = _running.get((host, port)) or _start(host, port)
    try:
        return lookup.result(left)
    except TimeoutError as error:
        raise SlowLookup(f"{host} could not be looked up in time") from error


def _start(host: str, port: int) -> Future[list[Place]]:
    if len(_running) >= MOST_LOOKUPS:
        raise SlowLookup("too many lookups are under way")
    lookup: Future[list[Place]] = Future()
    Thread(target=_run, args=(host, port, lookup), name="lookup", daemon=True).start()
    _running[host, port] = lookup
    return lookup


def _run(host: str, port: int, lookup: Future[list[Place]]) -> None:
    try:
        places = _ask(host, port)
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        _forget(host, port)
        lookup.set_exception(error)
    else:
        _forget(host, port)
        lookup.set_result(places)


def _forget(host: str, port: int) -> None:
    """Let whoever asks next ask anew: an address may change from one moment to the next."""
    with _lock:
        del _running[host, port]


def _ask(host: str, port: int) -> list[Place]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except ValueError as error:  # too long a label, for example
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from error
    return [(family, address) for family, _type, _protocol, _name, address in found]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
