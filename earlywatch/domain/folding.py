"""Which troubles are told of together: those that share a thing and are told to the same. Pure."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum


class Sort(IntEnum):
    """What troubles may share, the most telling first."""

    HOST = 0
    TAG = 1
    NETWORK = 2


@dataclass(frozen=True, slots=True)
class Thing:
    """What a monitor has to do with, such as the host that its pings come from."""

    sort: Sort
    name: str

    @property
    def words(self) -> str:
        """Return it for people: "the host 192.0.2.7"."""
        return f"the {self.sort.name.lower()} {self.name}"


@dataclass(frozen=True, slots=True)
class Trouble:
    """An incident with what it may share, the most telling first, and who is told, as a text."""

    id: int
    things: tuple[Thing, ...]
    audience: str

    @property
    def keyed(self) -> list[tuple[Thing, str]]:
        """Return each thing with the key that others with the same thing and audience have."""
        return [
            (each, f"{self.audience}|{each.sort.name.lower()} {each.name}") for each in self.things
        ]


@dataclass(frozen=True, slots=True)
class Group:
    """Troubles that begin to be told of together: `fresh` now, `told` each on its own before."""

    key: str
    thing: Thing
    fresh: tuple[Trouble, ...]
    told: tuple[Trouble, ...]


def join(fresh: Sequence[Trouble], lasting: Collection[str]) -> dict[str, list[Trouble]]:
    """Return by key which troubles belong to those `lasting` ones, by what is most telling."""
    joined: dict[str, list[Trouble]] = defaultdict(list)
    for trouble in fresh if lasting else ():
        key = next((key for _, key in trouble.keyed if key in lasting), None)
        if key is not None:
            joined[key].append(trouble)
    return joined


def gather(fresh: Sequence[Trouble], told: Sequence[Trouble], needed: int) -> list[Group]:
    """Return groups of at least `needed` troubles, each in one; the largest of a sort first."""
    groups: list[Group] = []
    left, before = {each.id: each for each in fresh}, {each.id: each for each in told}
    new, old = _by_key(fresh), _by_key(told)
    for key in sorted(new, key=lambda key: _rank(new[key], old.get(key))):
        mine = [left[id_] for id_ in new[key].ids if id_ in left]
        theirs = [before[id_] for id_ in old[key].ids if id_ in before] if key in old else []
        if mine and len(mine) + len(theirs) >= needed:
            groups.append(Group(key, new[key].thing, tuple(mine), tuple(theirs)))
            for each in mine:
                del left[each.id]
            for each in theirs:
                del before[each.id]
    return groups


@dataclass(slots=True)
class _Shared:
    """Which troubles, by their ids, have the same thing and are told to the same."""

    thing: Thing
    ids: list[int]


def _rank(new: _Shared, old: _Shared | None) -> tuple[Sort, int, str]:
    return new.thing.sort, -len(new.ids) - len(old.ids if old else ()), new.thing.name


def _by_key(troubles: Sequence[Trouble]) -> dict[str, _Shared]:
    found: dict[str, _Shared] = {}
    for trouble in troubles:
        for thing, key in trouble.keyed:
            if key in found:
                found[key].ids.append(trouble.id)
            else:
                found[key] = _Shared(thing, [trouble.id])
    return found
