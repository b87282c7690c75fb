"""Silence across workspaces: when it may be ours, and when it is not."""

from datetime import UTC, datetime, timedelta

from earlywatch.domain.volume import Volume

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
THREE = [1, 2, 3]


def after_an_hour(heard: int, silent: int = 0) -> Volume:
    """What has seen so many each ten seconds up to noon."""
    volume = Volume()
    for back in range(3600, 0, -10):
        volume.note(NOON - back * SECOND, heard, [1] * silent)
    return volume


def test_when_all_fall_silent_at_once_it_may_be_us() -> None:
    volume = after_an_hour(heard=10)
    for second in range(0, 60, 10):
        volume.note(NOON + second * SECOND, 0, THREE * 10)

    assert volume.is_low


def test_the_same_silence_in_one_workspace_is_theirs() -> None:
    volume = after_an_hour(heard=10)
    volume.note(NOON + 50 * SECOND, 0, [7] * 1_000)

    assert not volume.is_low


def test_a_few_that_fall_silent_among_many_are_theirs() -> None:
    volume = after_an_hour(heard=10)
    volume.note(NOON + 50 * SECOND, 60, THREE * 20)

    assert not volume.is_low


def test_a_small_installation_is_never_held() -> None:
    volume = after_an_hour(heard=1)
    volume.note(NOON + 70 * SECOND, 0, [1, 2, 3, 4] * 7)

    assert not volume.is_low


def test_the_full_hour_with_its_thousands_is_nothing_special() -> None:
    volume = after_an_hour(heard=10)
    volume.note(NOON, 5_000, THREE)

    assert not volume.is_low


def test_what_was_never_heard_is_not_missed() -> None:
    volume = after_an_hour(heard=0, silent=10)
    volume.note(NOON, 0, THREE * 20)

    assert not volume.is_low


def test_without_a_past_nobody_is_held() -> None:
    volume = Volume()
    volume.note(NOON, 0, THREE * 100)

    assert not volume.is_low
