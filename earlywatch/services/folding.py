"""Incidents that have the same cause are told of together.

The first of them leads: the alerts of all hang on it, and its steps and reminders are those of
all. What a workspace folds is changed by one transaction at a time.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from earlywatch.domain.alert import AlertKind
from earlywatch.domain.folding import Group, Trouble, gather, join
from earlywatch.domain.monitor import Cause
from earlywatch.services import fold_things
from earlywatch.services.cases import Case

WITHIN = timedelta(seconds=60)  # so close together, they have the same cause
JOINS_FOR = timedelta(minutes=10)  # after the last one
# Those that come one by one are told of together in one more alert.
GATHERED_FOR = timedelta(seconds=10)
POSTPONED = timedelta(seconds=1)  # until whoever changes the folds of the workspace is done
SILENT = (Cause.MISSED, Cause.OVERRAN)  # a job that says what is wrong is told of on its own

FROM = text("""
    SELECT id, fold_from FROM workspace
    WHERE id = ANY(CAST(:workspace_ids AS bigint[])) AND fold_from IS NOT NULL
""")
# Pings do not wait for it. The first number says what is locked.
NAMED = "(1179601988, CAST(CAST(:workspace_id AS bigint) % 2147483647 AS int))"
LOCK, WAIT = (
    text(f"SELECT pg_try_advisory_xact_lock{NAMED}"),
    text(f"SELECT pg_advisory_xact_lock{NAMED}"),
)
# One that somebody takes care of already is left to them.
LASTING = text("""
    SELECT fold.id, fold.workspace_id, fold.key, fold.first_id FROM fold
    WHERE workspace_id = ANY(CAST(:workspace_ids AS bigint[])) AND key = ANY(:keys)
        AND closed_at IS NULL AND joined_at > :since
        AND EXISTS (
            SELECT FROM incident WHERE fold_id = fold.id AND resolved_at IS NULL
                AND held IS DISTINCT FROM 'folded'
                AND acknowledged_at IS NULL AND snoozed_until IS NULL
        )
        AND EXISTS (SELECT FROM incident WHERE id = fold.first_id)
    ORDER BY fold.id
""")
MAKE = text("""
    INSERT INTO fold (workspace_id, key, first_id, shared, opened_at, joined_at)
    SELECT made.workspace_id, made.key, made.first_id, made.shared, :now, :now
    FROM unnest(
        CAST(:workspace_ids AS bigint[]), CAST(:keys AS text[]), CAST(:first_ids AS bigint[]),
        CAST(:shared AS text[])
    ) AS made (workspace_id, key, first_id, shared)
    RETURNING id, first_id
""")
ENTER = text("""
    UPDATE incident SET fold_id = member.fold_id
    FROM unnest(CAST(:ids AS bigint[]), CAST(:fold_ids AS bigint[])) AS member (id, fold_id)
    WHERE incident.id = member.id
""")
FOLLOW = text("""
    UPDATE incident SET held = 'folded', next_step_at = NULL
    WHERE id = ANY(CAST(:ids AS bigint[]))
""")
JOINED = text("UPDATE fold SET joined_at = :now WHERE id = ANY(CAST(:ids AS bigint[]))")
# Channels are locked before deliveries, as everywhere.
LOCK_CHANNELS = text("""
    SELECT FROM channel WHERE id = ANY(CAST(:channel_ids AS bigint[]))
    ORDER BY id FOR KEY SHARE
""")
# What nobody has begun to send says all that is true when it is sent. Held, so that nobody begins
# before this is committed.
UNSENT = text("""
    SELECT incident_id, channel_id FROM delivery
    WHERE incident_id = ANY(CAST(:first_ids AS bigint[])) AND alert = 'opened' AND attempts = 0
        AND state IN ('pending', 'gathered')
    ORDER BY id FOR UPDATE SKIP LOCKED
""")
NEXT_NUMBERS = text("""
    SELECT incident_id, max(number) + 1 AS number FROM delivery
    WHERE incident_id = ANY(CAST(:first_ids AS bigint[])) AND alert = 'opened'
    GROUP BY incident_id
""")
FIRSTS = text("""
    SELECT fold.id, fold.first_id FROM fold JOIN incident ON incident.id = fold.first_id
    WHERE fold.id = ANY(CAST(:fold_ids AS bigint[]))
""")
WITH_OWN = text("""
    SELECT DISTINCT incident.id FROM incident
    JOIN fold ON fold.id = incident.fold_id AND fold.first_id <> incident.id
    JOIN delivery ON delivery.incident_id = incident.id
    WHERE incident.id = ANY(CAST(:ids AS bigint[]))
""")


@dataclass(frozen=True)
class Intent:
    """An alert about to be queued for some channels; not before a moment (UTC) if one is given."""

    case: Case
    alert: AlertKind
    number: int
    channel_ids: tuple[int, ...]
    not_before: datetime | None = None


@dataclass(frozen=True)
class Folded:
    """What is left to queue.

    `followers` are the incidents, by id, that another one tells of. Those `postponed` are to be
    planned anew in a moment, as if nobody had looked at them.
    """

    intents: Sequence[Intent]
    followers: frozenset[int] = field(default=frozenset())
    postponed: frozenset[int] = field(default=frozenset())


def fold(session: Session, intents: Sequence[Intent], now: datetime) -> Folded:
    """Put together what has the same cause at `now` (UTC). Nothing is left untold."""
    fresh = {each.case.incident_id: each for each in intents if _may_fold(each)}
    needed = _needed(session, fresh.values())
    wanted = [
        (each.case, each.channel_ids) for each in fresh.values() if each.case.workspace_id in needed
    ]
    troubles = fold_things.of_cases(session, wanted) if wanted else {}
    if not troubles:
        return Folded(intents)
    folder = _Folder(session, fresh, now)
    for workspace_id in sorted(troubles):
        folder.fold(workspace_id, troubles[workspace_id], needed[workspace_id])
    folder.write()
    gone = folder.followers | folder.postponed
    left = [each for each in intents if each.case.incident_id not in gone]
    followers = frozenset(folder.followers | folder.told)
    return Folded([*left, *folder.updates], followers, frozenset(folder.postponed))


def on_end(session: Session, ended: Sequence[Case], _now: datetime) -> Sequence[Case]:
    """Return those of some ended incidents whose end is told now.

    Of the others, the next round tells: see `unfolding`. One that was told of on its own before
    it was folded is told of on its own again.
    """
    folded = [case.incident_id for case in ended if case.fold_id is not None]
    if not folded:
        return ended
    own = set(session.scalars(WITH_OWN, {"ids": folded}))
    return [case for case in ended if case.fold_id is None or case.incident_id in own]


def firsts(session: Session, cases: Sequence[Case]) -> dict[int, Case]:
    """Return by incident, of those that are folded, the case that its alerts hang on."""
    folded = [case for case in cases if case.fold_id is not None]
    if not folded:
        return {}
    rows = session.execute(FIRSTS, {"fold_ids": [case.fold_id for case in folded]})
    first_ids: dict[int | None, int] = {row.id: row.first_id for row in rows}
    return {
        case.incident_id: replace(case, incident_id=first_ids[case.fold_id])
        for case in folded
        if case.fold_id in first_ids
    }


def lock(session: Session, workspace_id: int) -> bool:
    """Whether this transaction alone may now change what the workspace folds."""
    return bool(session.scalar(LOCK, {"workspace_id": workspace_id}))


def wait(session: Session, workspace_id: int) -> None:
    """As `lock`, but wait for whoever is at it. For people, who can."""
    session.execute(WAIT, {"workspace_id": workspace_id})


def again(session: Session, intents: Sequence[Intent]) -> list[Intent]:
    """Number alerts that tell of whole folds so that they go out, whatever was told before.

    Channels are left out for which such an alert waits to be sent: it will say the same.
    """
    channel_ids = {channel_id for each in intents for channel_id in each.channel_ids}
    session.execute(LOCK_CHANNELS, {"channel_ids": list(channel_ids)})
    firsts = {"first_ids": [each.case.incident_id for each in intents]}
    unsent = {(row.incident_id, row.channel_id) for row in session.execute(UNSENT, firsts)}
    numbers = {row.incident_id: row.number for row in session.execute(NEXT_NUMBERS, firsts)}
    return [
        replace(
            each,
            number=numbers.get(first_id := each.case.incident_id, 0),
            channel_ids=tuple(id_ for id_ in each.channel_ids if (first_id, id_) not in unsent),
        )
        for each in intents
    ]


def _may_fold(intent: Intent) -> bool:
    case = intent.case
    return (
        intent.alert is AlertKind.OPENED
        and intent.number == 0
        and case.cause in SILENT
        and case.fold_id is None
        and bool(intent.channel_ids)
    )


def _needed(session: Session, intents: Collection[Intent]) -> Mapping[int, int]:
    """Return by workspace how many it takes; those that fold nothing are left out."""
    workspace_ids = {intent.case.workspace_id for intent in intents}
    if not workspace_ids:
        return {}
    rows = session.execute(FROM, {"workspace_ids": list(workspace_ids)})
    return {row.id: max(row.fold_from, 2) for row in rows}


class _Folder:
    """What is folded in one round."""

    def __init__(self, session: Session, fresh: Mapping[int, Intent], now: datetime) -> None:
        self._session = session
        self._fresh = fresh
        self._now = now
        self._groups: list[tuple[int, Group]] = []
        self._joins: list[tuple[Row[tuple[int, int, str, int]], list[Trouble]]] = []
        self.followers: set[int] = set()
        self.told: set[int] = set()  # those that follow now though they were told of before
        self.postponed: set[int] = set()
        self.updates: list[Intent] = []

    def fold(self, workspace_id: int, troubles: Sequence[Trouble], needed: int) -> None:
        if not lock(self._session, workspace_id):
            self.postponed |= {each.id for each in troubles}
            return
        lasting = self._lasting(workspace_id, troubles)
        joined = join(troubles, lasting.keys())
        for key, members in joined.items():
            self._joins.append((lasting[key], members))
            self.followers |= {each.id for each in members}
        left = [each for each in troubles if each.id not in self.followers]
        since = self._now - WITHIN
        things = {thing for each in left for thing in each.things}
        told = fold_things.of_told(self._session, workspace_id, since, things) if left else ()
        for group in gather(left, told, needed):
            self._groups.append((workspace_id, group))
            self.followers |= {each.id for each in group.fresh[1:]}
            self.told |= {each.id for each in group.told}

    def write(self) -> None:
        entries = self._make()
        entries += [(each.id, row.id) for row, members in self._joins for each in members]
        if not entries:
            return
        values = {"ids": [id_ for id_, _ in entries], "fold_ids": [fold for _, fold in entries]}
        self._session.execute(ENTER, values)
        if self.told:
            self._session.execute(FOLLOW, {"ids": list(self.told)})
        if self._joins:
            joins = [self._tells_more(row.first_id, members) for row, members in self._joins]
            self.updates = again(self._session, joins)
            joined = {"ids": [row.id for row, _ in self._joins], "now": self._now}
            self._session.execute(JOINED, joined)

    def _lasting(
        self, workspace_id: int, troubles: Sequence[Trouble]
    ) -> dict[str, Row[tuple[int, int, str, int]]]:
        values = {
            "workspace_ids": [workspace_id],
            "keys": list({key for each in troubles for _, key in each.keyed}),
            "since": self._now - JOINS_FOR,
        }
        return {row.key: row for row in self._session.execute(LASTING, values)}

    def _make(self) -> list[tuple[int, int]]:
        """Write the new folds; return who is in which, by their ids."""
        if not self._groups:
            return []
        values = {
            "now": self._now,
            "workspace_ids": [workspace_id for workspace_id, _ in self._groups],
            "keys": [group.key for _, group in self._groups],
            "first_ids": [group.fresh[0].id for _, group in self._groups],
            "shared": [group.thing.words for _, group in self._groups],
        }
        made = {row.first_id: row.id for row in self._session.execute(MAKE, values)}
        return [
            (each.id, made[group.fresh[0].id])
            for _, group in self._groups
            for each in (*group.fresh, *group.told)
        ]

    def _tells_more(self, first_id: int, members: Sequence[Trouble]) -> Intent:
        """Return what tells of those that join; all have the same channels, part of the key."""
        intent = self._fresh[members[0].id]
        case = replace(intent.case, incident_id=first_id)
        not_before = self._now + GATHERED_FOR
        return replace(intent, case=case, not_before=not_before)
