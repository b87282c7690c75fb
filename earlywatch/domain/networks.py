"""Networks that pings may come from: what an owner types, as what the database keeps. Pure."""

from ipaddress import IPv4Network, IPv6Network, ip_network

from earlywatch.domain.monitor import InvalidMonitor

MOST_NETWORKS = 50
LONGEST_SHOWN = 60  # characters of what was typed
EXAMPLE = "Write an address or a network, for example 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32."


def clean_networks(text: str) -> tuple[str, ...]:
    """Return the networks in `text`, split at white space and commas, each once, as CIDR.

    A single address is a network of one. Raises InvalidMonitor.
    """
    networks = tuple(dict.fromkeys(_network(each) for each in text.replace(",", " ").split()))
    if len(networks) > MOST_NETWORKS:
        raise InvalidMonitor(f"At most {MOST_NETWORKS} networks may be allowed.")
    return networks


def short_network(network: str) -> str:
    """Return the CIDR `network` as people write it: one address without its length."""
    whole = ip_network(network)
    return str(whole.network_address) if whole.num_addresses == 1 else network


def _network(text: str) -> str:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        shown = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
        raise InvalidMonitor(f'"{shown}" is not a network. {EXAMPLE}') from None
    _refuse_odd(text, network)
    return str(network)


def _refuse_odd(text: str, network: IPv4Network | IPv6Network) -> None:
    if "%" in text:
        raise InvalidMonitor(f'"{text}" names an interface, which says nothing about a sender.')
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
        # Senders are known by their plain IPv4 address: it would never match.
        raise InvalidMonitor(f'"{text}" is an IPv4 network in disguise. Write it as IPv4.')
    address = text.partition("/")[0]
    if ip_network(address).network_address != network.network_address:
        raise InvalidMonitor(f'"{text}" is an address within a network. Write "{network}".')
