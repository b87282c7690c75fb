"""Which pings of a monitor stay. Pure. A ping with a higher id is newer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from earlywatch.domain.monitor import PingKind
from earlywatch.domain.runs import Run

ALWAYS = 100  # of a monitor's newest pings stay, however old
AROUND = 100  # pings before the opening of an open incident, and as many from it on
LEAD = timedelta(days=1)  # what came longer before the opening has nothing to do with it


@dataclass(frozen=True, slots=True)
class Heard:
    """What the rule has to know of a ping. `received_at` is UTC."""

    id: int
    received_at: datetime
    kind: str
    run_id: UUID | None


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept of a monitor's pings.

    `counted_from` is the oldest that there is room for, `aged_from` the oldest of the newest
    `ALWAYS`; None: all have room. Before `aged_from`, those go that came before `aged_at` (UTC).
    `opened_at` (UTC) is of the incident that is open, `runs` are those that have not ended: the
    pings that tell how these began stay.
    """

    counted_from: int | None
    aged_from: int | None
    aged_at: datetime
    opened_at: datetime | None = None
    runs: tuple[Run, ...] = ()

    @property
    def end(self) -> int:
        """All pings from this one on stay."""
        return max(self.counted_from or 0, self.aged_from or 0)

    def surplus(self, oldest: Sequence[Heard]) -> list[Heard]:
        """Return which of the monitor's `oldest` pings may go, in the same order.

        With more than `2 * AROUND` and the starts of the open runs among them, some do, or none
        of the later ones does either.
        """
        begun = self._around_the_opening(oldest)
        return [
            ping
            for ping in oldest
            if self._is_too_much(ping) and ping.id not in begun and not self._began_a_run(ping)
        ]

    def _is_too_much(self, ping: Heard) -> bool:
        aged = ping.id < (self.aged_from or 0) and ping.received_at < self.aged_at
        return aged or ping.id < (self.counted_from or 0)

    def _around_the_opening(self, oldest: Sequence[Heard]) -> set[int]:
        """Counted, not only dated: who fails every second for a year must not fill the disk.

        If the opening is later than these, the last of them may be those before it.
        """
        opened_at = self.opened_at
        if opened_at is None:
            return set()
        later = (at for at, ping in enumerate(oldest) if ping.received_at >= opened_at)
        place = next(later, len(oldest))
        around = oldest[max(0, place - AROUND) : place + AROUND]
        return {ping.id for ping in around if ping.received_at >= opened_at - LEAD}

    def _began_a_run(self, ping: Heard) -> bool:
        return ping.kind == PingKind.START and any(
            run.id == ping.run_id and run.started_at == ping.received_at for run in self.runs
        )
