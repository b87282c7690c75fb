"""Internet addresses as servers and proxies write them."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address


@lru_cache(maxsize=4096)
def read_address(text: str) -> str | None:
    """Return an IP address without port and zone, or None if `text` holds none.

    An IPv4 address that came by way of IPv6 (`::ffff:192.0.2.1`) is an IPv4 address.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    found = _found(text.partition("%")[0])
    return None if found is None else str(found)


def _found(text: str) -> Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


@lru_cache(maxsize=50_000)
def find_address(text: str) -> Address | None:
    """Return what `read_address` has read as an address to reckon with."""
    return _found(text)
