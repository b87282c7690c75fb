"""What people answer to a mail about an incident."""

from datetime import datetime

from sqlalchemy.orm import Session

from earlywatch.domain.snooze import Act
from earlywatch.services import act_links, snoozing
from earlywatch.services.links import Links


def obey(session: Session, links: Links, token: str, act: Act, now: datetime) -> None:
    """Acknowledge or snooze, at `now` (UTC), for whoever got the mail that carried `token`.

    Raises InvalidToken, NotFound and IsOver.
    """
    holder = act_links.take(session, links, token, now)
    snoozing.press(session, holder.incident.id, act, holder.by, now)
