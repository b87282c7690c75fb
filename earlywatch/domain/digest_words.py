"""What a digest says: alerts that gathered for a channel, one row for each trouble."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from earlywatch.domain.alert import Notice
from earlywatch.domain.alert_words import LISTED, LONGEST_NAME, one_line
from earlywatch.domain.duration import rough_duration
from earlywatch.domain.monitor import Cause
from earlywatch.domain.words import moment_words


@dataclass(frozen=True)
class Gathered:
    """The trouble of one monitor, as it stands now. All moments are UTC."""

    monitor_name: str
    cause: Cause
    opened_at: datetime
    resolved_at: datetime | None
    time_zone: str


def digest(gathered: Sequence[Gathered], path: str, now: datetime) -> Notice:
    """Return what gathered, in words at `now` (UTC): what still lasts comes first."""
    lasting = [each for each in gathered if each.resolved_at is None]
    over = [each for each in gathered if each.resolved_at is not None]
    counts = [f"{len(lasting)} still {'lasts' if len(lasting) == 1 else 'last'}"] * bool(lasting)
    counts += [f"{len(over)} {'is' if len(over) == 1 else 'are'} over"] * bool(over)
    troubles = "1 trouble" if len(gathered) == 1 else f"{len(gathered)} troubles"
    rows = [
        (one_line(each.monitor_name, LONGEST_NAME) or "A monitor", _state(each, now))
        for each in [*lasting, *over][:LISTED]
    ]
    if len(gathered) > LISTED:
        rows.append(("And", f"{len(gathered) - LISTED} more"))
    return Notice(
        subject=f"Digest: {troubles}, {' and '.join(counts)}",
        opening="This channel gathers what is not urgent. Since the last digest there was:",
        rows=tuple(rows),
        url=path,
        url_words="Open the monitors",
    )


def _state(each: Gathered, now: datetime) -> str:
    word = "failed" if each.cause is Cause.FAILED else "late since"
    began = moment_words(each.opened_at, each.time_zone, now)
    if each.resolved_at is None:
        return f"{word} {began}"
    lasted = rough_duration(each.resolved_at - each.opened_at)
    return f"{word} {began}, over after {lasted}"
