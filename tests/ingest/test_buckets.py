"""How often one may ping, to the ping."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earlywatch.config import Settings
from earlywatch.ingest.buckets import SLACK, Buckets, Guard
from earlywatch.services.incoming import ByName

KEY = UUID("2f1c9a52-6a9e-4f0b-9d7e-0c8d5b1f3a64")
FROM = "192.0.2.1"


@dataclass
class Watch:
    """A clock that a test sets, in seconds."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    """A clock that stands still."""
    return Watch()


Make = Callable[..., Guard]


@pytest.fixture
def make(watch: Watch) -> Make:
    """Make a guard with some settings; others are as they come."""

    def make(slots: int = 1024, **settings: float) -> Guard:
        return Guard(Buckets(slots), Settings.model_validate(settings), watch)

    return make


def passed(guard: Guard, count: int, name: object = KEY, address: str | None = FROM) -> int:
    """Return how many of so many pings are let in."""
    return [guard.check(name, address) for _ in range(count)].count(0)


def test_a_key_may_be_pinged_twenty_times_at_once_and_then_once_a_second(
    make: Make, watch: Watch
) -> None:
    guard = make()

    assert passed(guard, 50) == 20
    for _ in range(5):
        watch.now += 1
        assert passed(guard, 5) == 1
    watch.now += 7.5
    assert passed(guard, 50) == 7
    watch.now += 3600
    assert passed(guard, 50) == 20


def test_whoever_waits_as_long_as_told_is_let_in(make: Make, watch: Watch) -> None:
    guard = make(ping_rate=0.1, ping_burst=2)
    passed(guard, 2)

    wait = guard.check(KEY, FROM)
    watch.now += wait

    assert wait == 10
    assert guard.check(KEY, FROM) == 0
    watch.now += 9.5
    assert guard.check(KEY, FROM) == 1


def test_each_name_has_a_bucket_of_its_own(make: Make) -> None:
    guard = make(ping_burst=1)
    names = [KEY, uuid4(), ByName("a", "b"), ByName("a", "c"), ByName("b", "b")]

    assert [passed(guard, 2, name) for name in names] == [1] * 5
    assert passed(guard, 2, ByName("a", "b")) == 0


def test_one_address_may_ping_many_keys_up_to_its_own_limit(make: Make, watch: Watch) -> None:
    guard = make(address_burst=3, address_rate=2)

    assert [guard.check(uuid4(), FROM) for _ in range(5)] == [0, 0, 0, 1, 1]
    assert guard.check(uuid4(), "192.0.2.2") == 0
    watch.now += 0.5
    assert [guard.check(uuid4(), FROM) for _ in range(2)] == [0, 1]


def test_what_one_limit_refuses_the_other_does_not_count(make: Make, watch: Watch) -> None:
    guard = make(ping_burst=1, address_burst=3)

    assert passed(guard, 10) == 1
    assert passed(guard, 1, uuid4()) == 1
    assert passed(guard, 1, uuid4()) == 1
    other = uuid4()
    assert passed(guard, 10, other) == 0
    assert passed(guard, 1, other, "192.0.2.2") == 1


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("2001:db8::1", "2001:db8:0:0:ffff::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_a_network_of_ipv6_counts_as_one_address(
    make: Make, first: str, second: str, together: bool
) -> None:
    guard = make(address_burst=1)

    assert guard.check(uuid4(), first) == 0
    assert (guard.check(uuid4(), second) > 0) is together


@pytest.mark.parametrize("address", [None, "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback_and_sockets_without_address_are_limited_by_key_alone(
    make: Make, address: str | None
) -> None:
    guard = make(address_burst=1)

    assert [guard.check(uuid4(), address) for _ in range(3)] == [0, 0, 0]
    assert passed(guard, 30, KEY, address) == 20


def test_a_flood_of_names_needs_no_more_memory_and_frees_nobody_who_is_limited(
    make: Make,
) -> None:
    guard = make(slots=64)
    assert passed(guard, 30) == 20

    for _ in range(10_000):
        guard.check(uuid4(), None)

    assert passed(guard, 5) == 0


def test_guards_over_the_same_buckets_count_together() -> None:
    buckets, settings = Buckets(64), Settings.model_validate({"ping_burst": 4})
    one, other = Guard(buckets, settings), Guard(buckets, settings)

    assert passed(one, 3) == 3
    assert passed(other, 3) == 1


@given(
    rate=st.floats(0.01, 1000),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 30), min_size=1, max_size=150),
)
def test_no_stretch_of_time_lets_in_more_than_burst_and_rate_allow(
    rate: float, burst: int, pauses: list[float]
) -> None:
    watch = Watch()
    settings = Settings.model_validate({"ping_rate": rate, "ping_burst": burst})
    guard = Guard(Buckets(16), settings, watch)
    let_in = []
    for pause in pauses:
        watch.now += pause / rate / 10
        if guard.check(KEY, None) == 0:
            let_in.append(watch.now)

    for first, start in enumerate(let_in):
        for last, end in enumerate(let_in[first:], first):
            most = burst + rate * (end - start + 2 * SLACK)
            assert last - first + 1 <= most
