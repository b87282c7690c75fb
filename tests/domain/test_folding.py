"""Which troubles become one."""

from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain.folding import Sort, Thing, Trouble, gather, join

HOST, TAG, NET = (Thing(sort, sort.name.lower()) for sort in Sort)
things = st.lists(
    st.builds(Thing, st.sampled_from(Sort), st.sampled_from("abc")), unique=True, max_size=4
).map(lambda found: tuple(sorted(found, key=lambda thing: (thing.sort, thing.name))))


def troubles(first: int) -> st.SearchStrategy[list[Trouble]]:
    of = st.lists(st.tuples(things, st.sampled_from("xy")), max_size=12)
    return of.map(lambda rows: [Trouble(first + n, *row) for n, row in enumerate(rows)])


def some(count: int, *shared: Thing, first: int = 0) -> list[Trouble]:
    return [Trouble(first + n, shared, "x") for n in range(count)]


def test_what_is_most_telling_decides() -> None:
    [group] = gather(some(3, HOST, TAG, NET), [], 3)

    assert group.thing == HOST


def test_those_left_over_may_share_something_else() -> None:
    hosts = [Thing(Sort.HOST, name) for name in "ab"]
    fresh = [Trouble(n, (hosts[n // 3], TAG), "x") for n in range(4)] + some(2, TAG, first=4)

    groups = gather(fresh, [], 3)

    assert [group.thing for group in groups] == [hosts[0], TAG]
    assert [len(group.fresh) for group in groups] == [3, 3]


def test_a_lasting_one_is_joined_by_what_is_most_telling() -> None:
    [trouble] = some(1, HOST, TAG)
    keys = [key for _, key in trouble.keyed]

    assert join([trouble], set(keys)) == {keys[0]: [trouble]}
    assert join([trouble], {keys[1]}) == {keys[1]: [trouble]}
    assert join([trouble], set()) == {}


@given(troubles(0), troubles(100), st.integers(2, 5))
def test_each_is_in_one_group_at_most_and_all_of_a_group_share_and_tell_the_same(
    fresh: list[Trouble], told: list[Trouble], needed: int
) -> None:
    groups = gather(fresh, told, needed)

    members = [each for group in groups for each in (*group.fresh, *group.told)]
    assert len({each.id for each in members}) == len(members)
    for group in groups:
        everybody = (*group.fresh, *group.told)
        assert group.fresh
        assert len(everybody) >= needed
        assert all(group.thing in each.things for each in everybody)
        assert len({each.audience for each in everybody}) == 1


@given(troubles(0), troubles(100), st.integers(2, 5))
def test_nothing_that_could_be_a_group_is_left(
    fresh: list[Trouble], told: list[Trouble], needed: int
) -> None:
    groups = gather(fresh, told, needed)

    gone = {each.id for group in groups for each in (*group.fresh, *group.told)}
    left = [each for each in fresh if each.id not in gone]
    before = [each for each in told if each.id not in gone]
    assert gather(left, before, needed) == []
