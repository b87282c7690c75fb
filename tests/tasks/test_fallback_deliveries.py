"""Every few seconds: what did not arrive is told elsewhere, and digests are sent."""

from datetime import timedelta

from flask import Flask
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.models import Delivery
from earlywatch.tasks.fallbacks import fall_back, send_digests
from tests.builders import make_channel, make_delivery, make_incident, make_monitor, make_workspace
from tests.waiting import wait_until


def test_what_did_not_arrive_is_sent_through_the_fallback(task_app: Flask, rows: Session) -> None:
    due = utcnow() - timedelta(minutes=6)
    workspace = make_workspace(rows)
    fallback = make_channel(rows, workspace)
    workspace.fallback_channel_id = fallback.id
    incident = make_incident(rows, make_monitor(rows, workspace, status="late"), opened_at=due)
    later = {"due_at": due, "next_attempt_at": due + timedelta(hours=1), "attempts": 3}
    values = {"workspace_id": workspace.id, "state": "pending", **later}
    make_delivery(rows, make_channel(rows, workspace), incident, **values)  # type: ignore[arg-type]
    rows.commit()

    fall_back.run()  # calling it would run it in the site of the newest Celery app

    def sent() -> bool:
        rows.expire_all()
        return rows.query(Delivery).filter_by(channel_id=fallback.id, state="sent").count() == 1

    wait_until(sent, 10, "the fallback's alert")


def test_what_gathered_is_sent(task_app: Flask, rows: Session) -> None:
    since = utcnow() - timedelta(hours=1)
    workspace = make_workspace(rows)
    channel = make_channel(rows, workspace, digest_every=timedelta(hours=1))
    incident = make_incident(rows, make_monitor(rows, workspace, status="late"), opened_at=since)
    make_delivery(rows, channel, incident, now=since, state="gathered")
    rows.commit()

    send_digests.run()

    def sent() -> bool:
        rows.expire_all()
        return rows.query(Delivery).filter_by(alert="digest", state="sent").count() == 1

    wait_until(sent, 10, "the digest")
