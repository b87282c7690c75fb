"""The memory of the last answer."""

from datetime import UTC, datetime, timedelta

import pytest

from earlywatch.domain import window
from earlywatch.domain.window import remembered

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def searched() -> list[datetime]:
    window._windows.clear()
    return []


def test_a_search_is_done_once_until_its_answer_is_reached(searched: list[datetime]) -> None:
    def search(moment: datetime) -> datetime:
        searched.append(moment)
        return moment + HOUR

    answers = [remembered("hourly", NOON + n * HOUR / 4, search) for n in range(5)]

    assert answers == [NOON + HOUR] * 4 + [NOON + 2 * HOUR]
    assert searched == [NOON, NOON + HOUR]


def test_a_moment_before_the_window_is_searched_for(searched: list[datetime]) -> None:
    remembered("daily", NOON, lambda moment: moment + HOUR)

    assert remembered("daily", NOON - HOUR, lambda moment: moment) == NOON - HOUR


def test_the_memory_is_bounded(searched: list[datetime], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "REMEMBERED", 3)

    for name in range(10):
        remembered(name, NOON, lambda moment: moment + HOUR)

    assert len(window._windows) <= 3
