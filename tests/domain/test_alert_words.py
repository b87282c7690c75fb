"""What alerts say."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earlywatch.domain import alert_words
from earlywatch.domain.alert import Alert
from earlywatch.domain.monitor import Cause
from tests.alerts import ALERT, CONFIRM, NOW, TEST, opened, resolved

FAILED = {"cause": Cause.FAILED, "expected_at": None}
EVERY_KIND = [opened(), opened(cause=Cause.OVERRAN), opened(**FAILED), resolved(), TEST, CONFIRM]


@pytest.mark.parametrize(
    ("alert", "headline", "subject"),
    [
        (opened(), "nightly backup is late", "nightly backup is late by 12 min"),
        (
            opened(cause=Cause.OVERRAN),
            "nightly backup is late",
            "nightly backup is late by 2 min",
        ),
        (
            opened(exit_status=3, **FAILED),
            "nightly backup failed (exit status 3)",
            "nightly backup failed (exit status 3)",
        ),
        (opened(**FAILED), "nightly backup failed", "nightly backup failed"),
        (resolved(), "nightly backup is back", "nightly backup is back after 12 min"),
        (TEST, "Test of operations", "Test of operations"),
        (CONFIRM, "Confirm that alerts may be sent here", "Confirm that alerts may be sent here"),
    ],
)
def test_the_headline_is_the_fact_and_the_subject_adds_how_long(
    alert: Alert, headline: str, subject: str
) -> None:
    assert alert_words.headline(alert) == headline
    assert alert_words.subject(alert) == subject


def test_the_card_of_a_missed_ping_says_what_was_expected_when() -> None:
    assert alert_words.rows(opened()) == [
        ("Expected", "02:00 Europe/Berlin (01:00 UTC)"),
        ("Late by", "12 min when this was sent"),
        ("Last ping", "Thu 19 Nov 2026, 02:12 Europe/Berlin (01:12 UTC)"),
        ("Schedule", "at 02:00, in Europe/Berlin"),
    ]


def test_the_card_of_an_overrun_says_when_the_limit_passed() -> None:
    rows = dict(alert_words.rows(opened(cause=Cause.OVERRAN)))

    assert rows["Time limit"] == "02:10 Europe/Berlin (01:10 UTC)"
    assert rows["Late by"] == "2 min when this was sent"


def test_the_card_of_a_failure_says_when() -> None:
    rows = dict(alert_words.rows(opened(exit_status=3, **FAILED)))

    assert rows["Failed"] == "02:10 Europe/Berlin (01:10 UTC)"
    assert "Late by" not in rows


def test_the_card_of_the_end_says_what_was_and_how_long_it_lasted() -> None:
    failure = dict(alert_words.rows(resolved(exit_status=3, **FAILED)))

    assert failure["Cause"] == "The job reported a failure, exit status 3."
    assert alert_words.rows(resolved()) == [
        ("Cause", "No ping came in time."),
        ("Began", "02:00 Europe/Berlin (01:00 UTC)"),
        ("Back", "02:12 Europe/Berlin (01:12 UTC)"),
        ("Lasted", "12 min"),
    ]


def test_a_first_ping_that_never_came_is_said() -> None:
    assert ("Last ping", "none yet") in alert_words.rows(opened(last_ping_at=None))


def test_an_alert_that_goes_out_after_the_end_says_so() -> None:
    late = replace(opened(resolved_at=NOW), sent_at=NOW + timedelta(hours=2))

    assert alert_words.subject(late) == "nightly backup was late for 2 min, and is back"
    assert ("Back since", "02:12 Europe/Berlin (01:12 UTC)") in alert_words.rows(late)


def test_seconds_are_said_while_there_are_few_minutes() -> None:
    short = opened(expected_at=NOW - timedelta(seconds=12))
    long = opened(expected_at=NOW - timedelta(minutes=12, seconds=40))

    assert alert_words.subject(short) == "nightly backup is late by 12 s"
    assert alert_words.subject(long) == "nightly backup is late by 12 min"


def test_late_by_nothing_yet_is_just_late() -> None:
    assert alert_words.subject(opened(expected_at=NOW)) == "nightly backup is late"


@pytest.mark.parametrize(
    ("alert", "opening"),
    [
        (opened(), "No ping came by 02:10 Europe/Berlin (01:10 UTC)."),
        (
            opened(cause=Cause.OVERRAN),
            "The job started and did not finish by 02:10 Europe/Berlin (01:10 UTC).",
        ),
        (opened(**FAILED), "The job reported a failure at 02:10 Europe/Berlin (01:10 UTC)."),
        (
            opened(exit_status=3, **FAILED),
            "The job reported a failure (exit status 3) at 02:10 Europe/Berlin (01:10 UTC).",
        ),
        (resolved(), "The job succeeded at 02:12 Europe/Berlin (01:12 UTC)."),
        (TEST, "This is a test. Alerts reach this channel."),
    ],
)
def test_the_opening_says_what_happened_when(alert: Alert, opening: str) -> None:
    assert alert_words.opening(alert) == opening


def test_the_brief_form_says_the_essential() -> None:
    assert alert_words.brief(opened()) == (
        "nightly backup is late by 12 min."
        " Expected: 02:00 Europe/Berlin (01:00 UTC)."
        " Last ping: Thu 19 Nov 2026, 02:12 Europe/Berlin (01:12 UTC)."
    )
    assert alert_words.brief(resolved()) == "nightly backup is back after 12 min."


def test_the_link_leads_to_the_incident_or_the_confirmation() -> None:
    assert alert_words.link(opened()) == ("Open the incident", opened().trouble.url)  # type: ignore[union-attr]
    assert alert_words.link(CONFIRM) == ("Confirm this channel", CONFIRM.confirm_url)
    assert alert_words.link(TEST) is None


def test_a_confirmation_says_nothing_that_its_sender_typed() -> None:
    named = replace(CONFIRM, channel_name="Cheap pills", workspace_name="http://pills.example")

    assert alert_words.brief(named) == alert_words.brief(CONFIRM)
    assert "pills" not in alert_words.brief(named)


@pytest.mark.parametrize("alert", EVERY_KIND)
def test_alerts_do_not_shout(alert: Alert) -> None:
    said = [alert_words.subject(alert), alert_words.opening(alert), alert_words.brief(alert)]
    said += [text for row in alert_words.rows(alert) for text in row]

    assert "!" not in "".join(said)


def test_a_name_of_nothing_printable_is_still_a_sentence() -> None:
    assert alert_words.headline(opened(monitor_name="\r\n\u202e")) == "A monitor is late"


@given(st.text())
def test_a_name_stays_on_one_line_and_within_bounds(name: str) -> None:
    line = alert_words.one_line(name, 80)

    assert len(line) <= 80
    assert len(line.splitlines()) <= 1
    assert not any(ord(character) < 32 for character in line)
    assert not set(line) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")


def test_a_name_that_fits_is_not_touched() -> None:
    assert (
        alert_words.one_line("Größte Sicherung 夜間 🎉 50 %", 80) == "Größte Sicherung 夜間 🎉 50 %"
    )
    assert (
        alert_words.headline(replace(ALERT, trouble=opened().trouble)) == "nightly backup is late"
    )
