"""The names of monitors in ping URLs."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import InvalidMonitor, Rules
from earlywatch.domain.schedule import Interval
from earlywatch.services.monitors import MonitorValues, create_monitor
from earlywatch.services.slugs import (
    SlugTaken,
    check_free,
    clean_slug,
    free_slug,
    namesakes,
    others_with,
    slug_of,
)
from tests.builders import make_monitor, make_workspace

HOURLY = Rules(Interval(timedelta(hours=1)), grace=timedelta(minutes=5))


@pytest.mark.parametrize("text", ["backup", "db_2-weekly", "-", "7", "x" * 100])
def test_small_letters_digits_and_two_signs_make_a_name(text: str) -> None:
    assert clean_slug(text) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Nightly-Backup", 'write "nightly-backup".'),
        ("nightly backup", 'write "nightly-backup".'),
        ("café/crème", 'write "cafe-creme".'),
        ("backup\n", 'write "backup".'),
        ("", 'for example "nightly-backup".'),
        ("夜間", 'for example "nightly-backup".'),
        ("x" * 101, "at most 100 characters"),
    ],
)
def test_what_cannot_stand_in_a_ping_url_is_refused_with_what_could(text: str, words: str) -> None:
    with pytest.raises(InvalidMonitor, match=words):
        clean_slug(text)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Nightly backup (db 2)", "nightly-backup-db-2"),
        ("Sauvegarde d'été", "sauvegarde-d-ete"),
        ("Straße ﬁx \N{SCRIPT CAPITAL H}", "strasse-fix-h"),
        ("under_score - dash", "under_score-dash"),
        ("夜間バックアップ", ""),
        ("x" * 99 + " y", "x" * 99),
    ],
)
def test_a_name_proposes_what_can_stand_in_a_ping_url(name: str, slug: str) -> None:
    assert slug_of(name) == slug
    assert not slug or clean_slug(slug) == slug


def test_those_of_the_same_name_are_found_in_one_workspace_alone(session: Session) -> None:
    workspace = make_workspace(session)
    first = make_monitor(session, workspace, slug="backup")
    second = make_monitor(session, workspace, slug="backup")
    make_monitor(session, workspace, slug="backup-2")
    unnamed = make_monitor(session, workspace)
    make_monitor(session, slug="backup")

    assert others_with(session, workspace, "backup") == [first, second]
    assert namesakes(session, workspace, first) == [second]
    assert namesakes(session, workspace, unnamed) == []


def test_a_taken_name_is_refused_and_the_other_monitor_named(session: Session) -> None:
    workspace = make_workspace(session)
    monitor = make_monitor(session, workspace, "Weekly backup", slug="backup")

    check_free(session, workspace, "backup", monitor.id)
    check_free(session, make_workspace(session), "backup")
    with pytest.raises(SlugTaken, match='"Weekly backup" has the name "backup"'):
        check_free(session, workspace, "backup")


def test_a_name_that_is_taken_gets_a_number(session: Session) -> None:
    workspace = make_workspace(session)
    for slug in ("backup", "backup-2", "backupx3", "x" * 100, "a_b"):
        make_monitor(session, workspace, slug=slug)

    assert free_slug(session, workspace, "Backup") == "backup-3"
    assert free_slug(session, workspace, "x" * 100) == "x" * 98 + "-2"
    assert free_slug(session, workspace, "axb") == "axb"
    assert free_slug(session, workspace, "夜間") is None
    assert free_slug(session, make_workspace(session), "Backup") == "backup"


def test_a_new_monitor_is_called_in_ping_urls_as_its_name_says(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)
    named, chosen = (
        MonitorValues("Nightly backup", HOURLY, "UTC", slug=slug) for slug in (None, "db")
    )

    made = [create_monitor(session, workspace, each, now).slug for each in (named, named, chosen)]

    assert made == ["nightly-backup", "nightly-backup-2", "db"]
    with pytest.raises(SlugTaken):
        create_monitor(session, workspace, chosen, now)


@pytest.mark.parametrize(
    "values", [{"slug": "Db"}, {"allowed_networks": ("10.0.0.1",)}, {"tags": ("a b",)}]
)
def test_values_that_were_not_cleaned_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidMonitor):
        MonitorValues("backup", HOURLY, "UTC", **values)
