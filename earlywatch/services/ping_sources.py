"""Where a monitor's pings come from, so that a ping from somewhere new can be marked."""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv6Address, ip_network

from sqlalchemy.orm import Session

from earlywatch.domain.address import find_address
from earlywatch.domain.monitor import PingKind
from earlywatch.services.incoming import LONGEST_AGENT
from earlywatch.services.ping_rows import COLUMNS, Row, connection_of

MOST_SOURCES = 500  # of one monitor that are remembered; of further ones nothing is said
REMEMBERED = 200_000  # sources, by each process
SEEN = "sources of pings"  # where a session keeps those that its commit makes known

RECEIVED_AT, KIND = COLUMNS.index("received_at"), COLUMNS.index("kind")
ADDRESS, AGENT = COLUMNS.index("remote_address"), COLUMNS.index("user_agent")

# Which are new, and of how many sources of their monitor each is the last? The monitors are
# locked: nobody else adds any meanwhile.
ADD = """
    WITH fresh AS (
        SELECT seen.*,
            row_number() OVER (PARTITION BY monitor_id ORDER BY place)
                + (SELECT count(*) FROM ping_source WHERE monitor_id = seen.monitor_id) AS number
        FROM unnest(CAST(%s AS bigint[]), CAST(%s AS text[]), CAST(%s AS text[]),
            CAST(%s AS timestamptz[])) WITH ORDINALITY
            AS seen (monitor_id, address, agent, at, place)
        WHERE NOT EXISTS (
            SELECT FROM ping_source WHERE monitor_id = seen.monitor_id
                AND address = seen.address AND agent = seen.agent
        )
    ), added AS (
        INSERT INTO ping_source (monitor_id, address, agent, first_seen_at)
        SELECT monitor_id, address, agent, at FROM fresh WHERE number <= %s
        ON CONFLICT DO NOTHING
    )
    SELECT monitor_id, address, agent FROM fresh WHERE number BETWEEN 2 AND %s
"""

Source = tuple[int, str, str]  # a monitor, a network or address, an agent


class Known:
    """Sources that are in the database: some that were seen lately, as hashes to save room.

    The younger half is kept when it is full, the older one dropped.
    """

    def __init__(self, size: int) -> None:
        self._half = size // 2
        self._young: set[int] = set()
        self._old: set[int] = set()

    def __contains__(self, source: int) -> bool:
        if source in self._young:
            return True
        if source in self._old:
            self.add(source)
            return True
        return False

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def add(self, source: int) -> None:
        """Remember a source."""
        if len(self._young) >= self._half:
            self._young, self._old = set(), self._young
        self._young.add(source)


known = Known(REMEMBERED)  # of this process


def find_new(session: Session, rows: Sequence[Row]) -> set[int]:
    """Return the places of those pings whose monitor has had others, but none from there.

    A monitor's first source is not news, and an ignored ping has none. `remember` is to be called
    after the commit.
    """
    hashes = [hash((row[0], row[ADDRESS], row[AGENT])) for row in rows]
    unknown = [
        place
        for place, source in enumerate(hashes)
        if source not in known and rows[place][KIND] != PingKind.IGNORED
    ]
    if not unknown:
        return set()
    session.info.setdefault(SEEN, []).extend(hashes[place] for place in unknown)
    first: dict[Source, int] = {}  # the place of the first ping from there
    for place in unknown:
        first.setdefault(_source(rows[place]), place)
    marked = _add(session, first, [rows[place][RECEIVED_AT] for place in first.values()])
    return {first[source] for source in marked}


def remember(session: Session) -> None:
    """Make known what the commit of this session has stored."""
    for source in session.info.pop(SEEN, ()):
        known.add(source)


def _add(session: Session, sources: Iterable[Source], moments: list[object]) -> Iterator[Source]:
    columns = [list(column) for column in zip(*sources, strict=True)]
    values = [*columns, moments, MOST_SOURCES, MOST_SOURCES]
    yield from connection_of(session).execute(ADD, values)


def _source(row: Row) -> Source:
    address = find_address(row[ADDRESS] or "")
    shown = str(address or "")
    if isinstance(address, IPv6Address):  # who has one usually has all of its network
        shown = str(ip_network((int(address) >> 64 << 64, 64)))
    return row[0], shown, (row[AGENT] or "")[:LONGEST_AGENT]
