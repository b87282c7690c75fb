"""Internet addresses as servers and proxies write them."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address


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
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return str(found)
