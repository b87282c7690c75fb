"""Alerts of every kind, made out of rows."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain import alert_words
from earlywatch.domain.alert import Alert, AlertKind, Notice
from earlywatch.domain.monitor import Cause
from earlywatch.models import Channel, Delivery, Drill, Fold, Incident
from earlywatch.services import messages
from earlywatch.services.composing import write_notice
from earlywatch.services.links import Links
from tests.builders import (
    make_channel,
    make_delivery,
    make_incident,
    make_monitor,
    make_ping,
    make_workspace,
)
from tests.services.sending import compose

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DOMAIN = "ping.watch.test"


def told(
    session: Session, delivery: Delivery, links: Links, now: datetime, domain: str | None = DOMAIN
) -> Alert:
    """What a delivery says."""
    return compose(session, delivery.id, links, now, domain).alert


def folded(session: Session, channel: Channel, now: datetime) -> list[Incident]:
    """Three incidents that are told together."""
    fold = Fold(
        workspace_id=channel.workspace_id,
        key="host",
        first_id=0,
        shared="the host 192.0.2.7",
        opened_at=now,
        joined_at=now,
    )
    session.add(fold)
    session.flush()
    incidents = [
        make_incident(
            session,
            make_monitor(session, name=name, status="late"),
            opened_at=now - MINUTE,
            fold_id=fold.id,
        )
        for name in ("backup", "report", "sync")
    ]
    fold.first_id = incidents[0].id
    session.flush()
    return incidents


def test_trouble_carries_its_circumstances_and_a_way_to_acknowledge(
    session: Session, links: Links, now: datetime
) -> None:
    explained = {"output": "disk full", "hint": "Is the server on UTC?", "also": ["report"]}
    monitor = make_monitor(session, grace=20 * MINUTE, status="late", urgent=True)
    incident = make_incident(session, monitor, opened_at=now, explained=explained)
    delivery = make_delivery(session, None, incident, urgent=True)

    alert = told(session, delivery, links, now)

    assert alert.trouble is not None
    assert alert.trouble.grace_words == "20 min"
    assert (alert.trouble.output, alert.trouble.also) == ("disk full", ("report",))
    assert alert.trouble.hint == "Is the server on UTC?"
    assert alert.urgent
    token = links.act_token(incident.id, delivery.channel)
    assert alert.act_token == token
    assert alert.act_url == f"https://watch.test/incidents/act/{token}"
    assert alert.reply_to == f"ack+{token}@{DOMAIN}"


def test_nobody_is_asked_to_answer_where_no_mail_is_read(
    session: Session, links: Links, now: datetime
) -> None:
    delivery = make_delivery(session, None, make_incident(session))

    assert told(session, delivery, links, now, None).reply_to is None


@pytest.mark.parametrize("kind", [AlertKind.REMINDER, AlertKind.ESCALATED])
def test_a_later_telling_knows_its_number(
    session: Session, links: Links, now: datetime, kind: AlertKind
) -> None:
    incident = make_incident(session, acknowledged_by="anna@example.org")
    delivery = make_delivery(session, None, incident, kind, number=2)

    alert = told(session, delivery, links, now)

    assert (alert.kind, alert.number) == (kind, 2)
    assert alert.trouble is not None
    assert alert.trouble.acknowledged_by == "anna@example.org"


@pytest.mark.parametrize("kind", [AlertKind.OPENED, AlertKind.RESOLVED])
def test_what_is_over_cannot_be_acknowledged(
    session: Session, links: Links, now: datetime, kind: AlertKind
) -> None:
    incident = make_incident(session, resolved_at=now + SECOND)
    delivery = make_delivery(session, None, incident, kind)

    alert = told(session, delivery, links, now)

    assert (alert.act_url, alert.act_token, alert.reply_to) == (None, None, None)
    assert alert.is_over == (kind is AlertKind.OPENED)


def test_many_that_are_told_together_are_all_named(
    session: Session, links: Links, now: datetime
) -> None:
    channel = make_channel(session)
    incidents = folded(session, channel, now)
    incidents[0].resolved_at = now
    session.flush()
    delivery = make_delivery(session, channel, incidents[0])

    alert = told(session, delivery, links, now)

    assert [each.monitor_name for each in alert.folded] == ["backup", "report", "sync"]
    assert alert.shared == "the host 192.0.2.7"
    assert not alert.is_over
    assert alert.act_token


def test_a_fallback_says_through_what_it_did_not_arrive(
    session: Session, links: Links, now: datetime
) -> None:
    incident = make_incident(session)
    first = make_delivery(session, make_channel(session, name="on call"), incident)
    delivery = make_delivery(session, None, incident, fallback_for_id=first.id)

    alert = told(session, delivery, links, now)

    assert ("Told here because", "it did not arrive through on call") in alert_words.rows(alert)


def test_a_drill_leads_to_the_page_where_it_is_answered(
    session: Session, links: Links, now: datetime
) -> None:
    channel = make_channel(session)
    drill = Drill(workspace_id=channel.workspace_id, started_by="anna", started_at=now)
    session.add(drill)
    session.flush()
    delivery = messages.queue(session, channel, AlertKind.DRILL, now, drill_id=drill.id)

    alert = told(session, delivery, links, now)

    assert alert.drill_url == links.drill(delivery.id, channel)
    assert alert.drill_url.endswith(f"/{alert.drill_token}")


@pytest.mark.parametrize("kind", [AlertKind.NOTICE, AlertKind.DIGEST])
def test_a_notice_says_what_was_stored_and_leads_to_our_site(
    session: Session, links: Links, now: datetime, kind: AlertKind
) -> None:
    notice = Notice("Subject", "Opening.", (("Word", "said"),), "/channels/7", "Open the channel")
    words = write_notice(notice)
    delivery = messages.queue(session, make_channel(session), kind, now, words=words)

    alert = told(session, delivery, links, now)

    assert alert_words.subject(alert) == "Subject"
    assert alert_words.rows(alert) == [("Word", "said")]
    assert alert_words.link(alert) == ("Open the channel", "https://watch.test/channels/7")


def test_a_failure_is_told_with_what_that_ping_said(
    session: Session, links: Links, now: datetime
) -> None:
    monitor = make_monitor(session, make_workspace(session))
    make_ping(session, monitor, body=b"all good", now=now - timedelta(hours=1))
    explained = {"output": "all good"}  # written down before the ping was stored
    incident = make_incident(session, monitor, Cause.FAILED, opened_at=now, explained=explained)
    make_ping(session, monitor, "fail", body=b"cp: no such file\n", now=now)
    delivery = make_delivery(session, incident=incident, now=now)

    alert = compose(session, delivery.id, links, now).alert

    assert alert.trouble is not None
    assert alert.trouble.output == "cp: no such file"
