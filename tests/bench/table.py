"""What a benchmark found, as rows of one table."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure: `measured` and `bar` in words with their units, and their ratio (1 = the bar).

    `ratio` is so turned that more is better; None where there is no bar.
    """

    what: str
    measured: str
    bar: str = ""
    ratio: float | None = None


def at_least(what: str, measured: float, bar: float, unit: str) -> Row:
    """Return the row of a figure that should be high."""
    return Row(what, f"{measured:,.0f} {unit}", f"≥ {bar:,.0f} {unit}", measured / bar)


def at_most(what: str, measured: float, bar: float, unit: str, digits: int = 2) -> Row:
    """Return the row of a figure that should be low."""
    shown = f"{measured:,.{digits}f} {unit}"
    return Row(what, shown, f"≤ {bar:g} {unit}", bar / measured if measured else None)


def show(title: str, rows: Iterable[Row]) -> None:
    """Print a table; a row that misses its bar is marked."""
    print(f"\n{title}")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:6.2f} of the bar"
        missed = "  missed" if row.ratio is not None and row.ratio < 1 else ""
        print(f"  {row.what:<52} {row.measured:>16}  {row.bar:>14} {ratio}{missed}")


def percentile(values: Iterable[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
