"""What a monitor's latest pings would be if its words meant something else."""

from dataclasses import dataclass
from itertools import islice

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from earlywatch.domain.keywords import Keywords
from earlywatch.domain.monitor import PingKind
from earlywatch.models import Monitor, Ping
from earlywatch.services.reading import NO_KEYWORD

SHOWN = 10
LOOKED_AT = 100  # pings, of which some tell what they are without any word
AT_ONCE = 10  # rows, each with up to 100 kB


@dataclass(frozen=True)
class Trial:
    """A ping, what it would be, and the word that says so; None if it holds none of them."""

    ping: Ping
    kind: PingKind
    word: str | None

    @property
    def changes(self) -> bool:
        """Whether it would be something else than it was."""
        return self.kind != self.ping.kind


def try_latest(session: Session, monitor: Monitor, keywords: Keywords) -> list[Trial]:
    """Return how `keywords` would read the latest pings that words may decide, newest first."""
    newest = select(Ping.id).where(Ping.monitor_id == monitor.id).order_by(Ping.id.desc())
    kinds = [PingKind.SUCCESS, PingKind.START, PingKind.FAIL]
    query = (
        select(Ping)
        .where(Ping.id.in_(newest.limit(LOOKED_AT)))
        .where(Ping.exit_status.is_(None))
        .where(or_(Ping.kind.in_(kinds), Ping.reason == NO_KEYWORD.reason))
        .order_by(Ping.id.desc())
    )
    with session.scalars(query, execution_options={"yield_per": AT_ONCE}) as pings:
        plain = [*islice((ping for ping in pings if _plain(ping, monitor.keywords)), SHOWN)]
    return [Trial(ping, *keywords.find(ping.message, ping.body)) for ping in plain]


def _plain(ping: Ping, keywords: Keywords | None) -> bool:
    """Whether a word may have decided what it is; its address is not kept."""
    if ping.kind in (PingKind.SUCCESS, PingKind.IGNORED) or ping.scheme == "email":
        return True
    return keywords is not None and keywords.read(ping.message, ping.body) == ping.kind
