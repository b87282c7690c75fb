"""The page of an incident."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.domain.alert import AlertKind
from earlywatch.domain.monitor import Cause
from earlywatch.services.monitor_history import Story
from earlywatch.web.incident_words import events, headline
from tests.builders import make_channel, make_delivery, make_incident, make_monitor
from tests.client import Browser
from tests.web.team import Team

MINUTE = timedelta(minutes=1)


def test_the_heading_says_what_is_the_matter_and_for_how_long(
    session: Session, now: datetime
) -> None:
    monitor = make_monitor(session)
    late = make_incident(session, monitor, opened_at=now - 12 * MINUTE, resolved_at=now)
    failed = make_incident(session, monitor, Cause.FAILED, opened_at=now - 5 * MINUTE)

    assert headline(late, now + MINUTE) == "nightly backup was late for 12 min"
    assert headline(failed, now) == "nightly backup failed 5 min ago"
    failed.resolved_at, late.resolved_at = now, None
    assert headline(failed, now) == "nightly backup failed, back after 5 min"
    assert headline(late, now) == "nightly backup has been late for 12 min"


def test_events_are_told_in_the_order_in_which_they_happened(
    session: Session, now: datetime
) -> None:
    channel = make_channel(session, name="Team mail")
    incident = make_incident(
        session,
        opened_at=now,
        noticed_at=now + 5 * MINUTE,
        expected_at=now - MINUTE,
        last_ping_at=now - 60 * MINUTE,
        resolved_at=now + 30 * MINUTE,
    )
    opened = make_delivery(
        session, channel, incident, state="sent", sent_at=now + 6 * MINUTE, attempts=1
    )
    resolved = make_delivery(session, channel, incident, AlertKind.RESOLVED, now=now + 31 * MINUTE)

    told = events(Story(incident, [opened, resolved]))

    assert [event.words for event in told] == [
        "Last ping before it",
        "A success was expected, and did not come",
        "No ping came in time: late from here on",
        "Team mail (Email) was told of the trouble",
        "Over",
        "Team mail (Email) is being told of its end",
    ]
    assert told[2].detail == "We noticed 5 min later."


def test_an_incident_that_a_pause_ended_says_why_nobody_was_told(
    session: Session, now: datetime
) -> None:
    incident = make_incident(session, opened_at=now, resolved_at=now + MINUTE)
    delivery = make_delivery(session, incident=incident, state="failed", attempts=9)

    told = events(Story(incident, [delivery]))

    assert told[-1].detail == "Ended without a message: the monitor was paused or frozen."


def test_the_page_shows_attempts_answers_and_the_next_try(
    client: Browser, session: Session, team: Team
) -> None:
    room = make_channel(session, team.workspace, "slack", name="#ops")
    monitor = make_monitor(session, team.workspace, status="late")
    incident = make_incident(
        session, monitor, opened_at=utcnow() - MINUTE, expected_at=utcnow() - 2 * MINUTE
    )
    make_delivery(
        session, room, incident, attempts=2, last_attempt_at=utcnow(), answer="Slack answered 503.",
        next_attempt_at=utcnow() + 5 * MINUTE,
    )  # fmt: skip
    client.sign_in(team.mate)

    page = client.get(f"/incidents/{incident.id}").text

    for words in ("#ops", "2 tries so far", "Slack answered 503.", "No ping came in time."):
        assert words in page
    assert "icons/late.svg" in page


def test_an_incident_nobody_was_told_of_says_so(
    client: Browser, session: Session, team: Team
) -> None:
    monitor = make_monitor(session, team.workspace)
    incident = make_incident(session, monitor, Cause.FAILED, opened_at=utcnow(), exit_status=3)
    client.sign_in(team.owner)

    page = client.get(f"/incidents/{incident.id}").text

    assert "No alert is on record: the monitor had no channel that worked" in page
    assert "exit status 3" in page


def test_a_deleted_channel_does_not_make_it_seem_that_nobody_was_told(
    client: Browser, session: Session, team: Team
) -> None:
    room = make_channel(session, team.workspace, "slack", name="#ops")
    monitor = make_monitor(session, team.workspace, channels=[room])
    incident = make_incident(session, monitor, opened_at=utcnow())
    make_delivery(session, room, incident, state="sent", sent_at=utcnow())
    client.sign_in(team.owner)

    client.submit(f"/channels/{room.id}/delete")
    page = client.get(f"/incidents/{incident.id}").text
    history = client.get(f"/monitors/{monitor.id}").text

    assert "Nobody was told" not in page
    assert "or those that were told were deleted since" in page
    assert "no alert on record" in history


def test_incidents_of_strangers_do_not_exist(client: Browser, session: Session, team: Team) -> None:
    incident = make_incident(session, make_monitor(session, team.workspace))
    client.sign_in(team.stranger)

    assert client.get(f"/incidents/{incident.id}").status_code == 404
