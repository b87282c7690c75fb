"""What waits for what. Pure."""

from collections.abc import Collection, Mapping


def find_cycle(links: Mapping[int, Collection[int]], start: int) -> list[int]:
    """Return a way along `links` from `start` back to it, both ends included; empty: none."""
    seen: set[int] = set()
    ways = [[start, each] for each in sorted(links.get(start, ()))]
    while ways:
        way = ways.pop()
        if way[-1] == start:
            return way
        if way[-1] not in seen:
            seen.add(way[-1])
            ways += [[*way, each] for each in sorted(links.get(way[-1], ()))]
    return []
