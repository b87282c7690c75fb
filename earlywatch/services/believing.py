"""How long a canary is believed that is not heard: nothing may hold judgement for long.

It may be ill itself: its address may not be reached from inside while jobs reach it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from earlywatch.domain.volume import FEWEST, FEWEST_WORKSPACES
from earlywatch.models import Outage
from earlywatch.services import hearing

# So long the canary is believed that nothing else agrees with, while pings are stored; so long
# if none is stored or some monitors fell silent with it; and so long if many did.
LONGEST_ALONE, LONGEST_OF_SOME = timedelta(minutes=5), timedelta(hours=1)
LONGEST = timedelta(hours=24)
SOME = 3  # monitors
HEARD_ENOUGH = 0.5  # of those that fell due
REST = timedelta(minutes=1)  # of hearing between two outages, else they count as one

# Of the monitors that fell due: who was heard since, and who should have been.
WITNESSES = text("""
    SELECT count(*) FILTER (WHERE last_ping_at > :since) AS heard,
        count(*) FILTER (WHERE NOT last_ping_at > :since AND expected_at <= :now) AS silent,
        count(DISTINCT workspace_id) FILTER (
            WHERE NOT last_ping_at > :since AND expected_at <= :now) AS workspaces
    FROM monitor WHERE look_at <= :now AND deadline_at > :began
""")


@dataclass(frozen=True)
class Witnesses:
    """Monitors that fell due while we were in doubt."""

    heard: int
    silent: int
    workspaces: int  # of those that were silent

    @property
    def speak_for_us(self) -> bool:
        """Whether so many were heard that we can hear."""
        return self.heard > 0 and self.heard >= HEARD_ENOUGH * (self.heard + self.silent)

    @property
    def are_many(self) -> bool:
        """Whether so many fell silent together that it can hardly be the jobs."""
        return self.silent >= FEWEST and self.workspaces >= FEWEST_WORKSPACES

    @property
    def are_some(self) -> bool:
        """Whether several fell silent together and nobody was heard."""
        return self.silent >= SOME and self.heard == 0


def witnesses(session: Session, outage: Outage, now: datetime) -> Witnesses:
    """Ask the monitors that fell due since an outage began, as far as `now` (UTC)."""
    values = {"since": outage.noticed_at, "began": outage.began_at, "now": now}
    return Witnesses(*session.execute(WITNESSES, values).one())


def is_too_long(session: Session, outage: Outage, found: Witnesses, now: datetime) -> bool:
    """Whether an outage in which the canary is not heard has lasted long enough at `now` (UTC)."""
    longest = _longest(session, outage, found, now)
    if now - outage.began_at > longest:
        return True
    return now - _first_began(session, outage) > max(longest, LONGEST_OF_SOME)


def has_gone_on_too_long(session: Session, outage: Outage, now: datetime) -> bool:
    """Whether an outage that ended is one of so many that it must not move deadlines as well.

    A canary that is heard now and then would put them off without end.
    """
    if outage.began_at - _first_began(session, outage) <= LONGEST_OF_SOME:
        return False
    return not witnesses(session, outage, now).are_many


def _longest(session: Session, outage: Outage, found: Witnesses, now: datetime) -> timedelta:
    if found.are_many:
        return LONGEST
    stored_at = hearing.stored_at(session)
    stores = stored_at is not None and stored_at > max(outage.noticed_at, now - LONGEST_ALONE)
    return LONGEST_OF_SOME if found.are_some or not stores else LONGEST_ALONE


def _first_began(session: Session, outage: Outage) -> datetime:
    """Return when the first of the outages began that follow each other without a rest."""
    first = outage.began_at
    lately = Outage.id < outage.id, Outage.ended_at > first - LONGEST
    earlier = select(Outage.began_at, Outage.ended_at).where(*lately)
    for began, ended in session.execute(earlier.order_by(Outage.id.desc()).limit(500)):
        if ended is None or first - ended > REST:
            break
        first = began
    return first
