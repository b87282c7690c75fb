"""What an item has been billed for: stretches of time with the money asked for them.

Stripe's flexible billing credits unused time out of what was really billed, so a cent
is never credited twice and a discount is never paid out.
"""

from dataclasses import dataclass, replace

from tests.fakes.stripe.periods import share


@dataclass(frozen=True)
class Segment:
    """A stretch from `start` to `end` (Unix seconds); `gross` and `off` (discount) in cents."""

    start: int
    end: int
    gross: int
    off: int = 0

    @property
    def net(self) -> int:
        """What the customer was asked for, in cents."""
        return self.gross - self.off

    def since(self, moment: int) -> "Segment":
        """Return the part from `moment` on; empty if the stretch has ended by then."""
        start = min(max(moment, self.start), self.end)
        part, whole = self.end - start, self.end - self.start
        gross = share(self.gross, part, whole)
        return Segment(start, self.end, gross, gross - share(self.net, part, whole))

    def until(self, moment: int) -> "Segment":
        """Return what remains when the part from `moment` on has been credited."""
        rest = self.since(moment)
        return replace(self, end=rest.start, gross=self.gross - rest.gross, off=self.off - rest.off)


def split(segments: list[Segment], moment: int) -> tuple[list[Segment], list[Segment]]:
    """Return what lies before the moment and what lies after it, without empty stretches."""
    before = [segment.until(moment) for segment in segments]
    after = [segment.since(moment) for segment in segments]
    return [one for one in before if one.end > one.start], [
        one for one in after if one.end > one.start
    ]


def billed_until(segments: list[Segment]) -> int:
    """Return the end of the last stretch, 0 if there is none."""
    return max((segment.end for segment in segments), default=0)
