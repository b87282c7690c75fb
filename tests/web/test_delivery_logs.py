"""The pages show each attempt at a delivery, its answer, and how long it took."""

from datetime import timedelta

from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.models import Attempt
from tests.builders import make_channel, make_delivery, make_incident, make_monitor
from tests.client import Browser
from tests.web.team import Team

SECOND = timedelta(seconds=1)


def test_attempts_are_shown_with_the_incident_and_with_the_channel(
    client: Browser, session: Session, team: Team
) -> None:
    now = utcnow()
    channel = make_channel(session, team.workspace)
    monitor = make_monitor(session, team.workspace, status="late")
    incident = make_incident(session, monitor, opened_at=now)
    values = {"attempts": 3, "last_attempt_at": now, "due_at": now, "sent_at": now}
    delivery = make_delivery(session, channel, incident, state="sent", **values)  # type: ignore[arg-type]
    for number, sent, answer in ((1, False, "451 later"), (3, True, "250 taken")):
        row = Attempt(delivery_id=delivery.id, number=number, at=now, sent=sent, answer=answer)
        row.took = 0.3 * SECOND
        session.add(row)
    session.commit()
    client.sign_in(team.owner)

    for path in (f"/incidents/{incident.id}", f"/channels/{channel.id}"):
        page = client.get(path).text
        assert "3 attempts" in page
        assert "failed after 0.3 s" in page
        assert "451 later" in page
        assert "the process that sent it was stopped" in page
        assert "accepted after 0.3 s" in page
