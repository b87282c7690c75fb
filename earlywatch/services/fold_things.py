"""What incidents may share with others: where pings come from, tags, and who is told."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256

from sqlalchemy import text
from sqlalchemy.orm import Session

from earlywatch.domain.folding import Sort, Thing, Trouble
from earlywatch.services.cases import Case

LONGEST_AUDIENCE = 200  # characters; an index takes no more than some thousand bytes

# IPv6 gives each host a /64 of its own. A network of IPv6 would be the customer's, or larger.
ADDRESSES = text("""
    SELECT asked.id, CASE family(last.remote_address) WHEN 4 THEN host(last.remote_address)
            ELSE text(network(set_masklen(last.remote_address, 64))) END AS host,
        CASE family(last.remote_address)
            WHEN 4 THEN text(network(set_masklen(last.remote_address, 24))) END AS network
    FROM unnest(CAST(:monitor_ids AS bigint[])) AS asked (id)
    JOIN LATERAL (
        SELECT remote_address FROM ping WHERE monitor_id = asked.id ORDER BY id DESC LIMIT 1
    ) AS last ON last.remote_address IS NOT NULL
""")
# A later step may tell the monitor's own channels: then these belong to who is told.
OWN = text("""
    SELECT monitor_id, array_agg(channel_id ORDER BY channel_id) AS channel_ids FROM monitor_channel
    WHERE monitor_id = ANY(CAST(:monitor_ids AS bigint[])) GROUP BY monitor_id
""")
# Of which people were told just now, each on its own. There may be thousands, most of which have
# nothing to do with those that are asked about.
TOLD = text("""
    SELECT incident.id, incident.monitor_id, monitor.tags
    FROM incident JOIN monitor ON monitor.id = incident.monitor_id
    WHERE monitor.workspace_id = :workspace_id AND incident.told_since >= :since
        AND incident.resolved_at IS NULL AND incident.fold_id IS NULL AND incident.step > 0
        AND incident.cause IN ('missed', 'overran')
""")
HOLD = text("""
    SELECT incident.id, incident.monitor_id, incident.urgent, incident.policy_id,
        ARRAY(
            SELECT channel_id FROM delivery
            WHERE incident_id = incident.id AND alert = 'opened' AND number = 0
                AND fallback_for_id IS NULL
            ORDER BY channel_id
        ) AS channel_ids
    FROM incident
    WHERE incident.id = ANY(CAST(:ids AS bigint[]))
        AND incident.resolved_at IS NULL AND incident.fold_id IS NULL
        AND incident.acknowledged_at IS NULL AND incident.snoozed_until IS NULL
    ORDER BY incident.id FOR UPDATE SKIP LOCKED
""")


def of_cases(
    session: Session, asked: Sequence[tuple[Case, Sequence[int]]]
) -> dict[int, list[Trouble]]:
    """Return by workspace the troubles that have something to share, in the order given.

    With each comes through which channels people are told of it first.
    """
    addresses = _addresses(session, [case.monitor_id for case, _ in asked])
    own = _own(session, [case.monitor_id for case, _ in asked if case.policy_id is not None])
    found: dict[int, list[Trouble]] = defaultdict(list)
    for case, channel_ids in asked:
        things = _things(addresses.get(case.monitor_id), case.tags)
        if things:
            later = own.get(case.monitor_id, ())
            audience = _audience(case.policy_id, channel_ids, later, urgent=case.urgent)
            found[case.workspace_id].append(Trouble(case.incident_id, things, audience))
    return found


def of_told(
    session: Session, workspace_id: int, since: datetime, wanted: Collection[Thing]
) -> list[Trouble]:
    """Hold and return the troubles that were told of since then (UTC), each on its own.

    Those alone that have something to do with what is `wanted`.
    """
    rows = session.execute(TOLD, {"workspace_id": workspace_id, "since": since}).all()
    if not rows:
        return []
    addresses = _addresses(session, [row.monitor_id for row in rows])
    things = {row.id: _things(addresses.get(row.monitor_id), row.tags) for row in rows}
    near = [id_ for id_, own in things.items() if not set(own).isdisjoint(wanted)]
    if not near:
        return []
    held = session.execute(HOLD, {"ids": near}).all()
    own = _own(session, [row.monitor_id for row in held if row.policy_id is not None])
    return [
        Trouble(
            row.id,
            things[row.id],
            _audience(
                row.policy_id, row.channel_ids, own.get(row.monitor_id, ()), urgent=row.urgent
            ),
        )
        for row in held
    ]


def _addresses(
    session: Session, monitor_ids: Sequence[int]
) -> Mapping[int, tuple[str, str | None]]:
    """Return by monitor the host and the network that its last ping came from."""
    rows = session.execute(ADDRESSES, {"monitor_ids": list(monitor_ids)})
    return {row.id: (row.host, row.network) for row in rows}


def _own(session: Session, monitor_ids: Sequence[int]) -> Mapping[int, Sequence[int]]:
    if not monitor_ids:
        return {}
    rows = session.execute(OWN, {"monitor_ids": list(monitor_ids)})
    return {row.monitor_id: row.channel_ids for row in rows}


def _things(address: tuple[str, str | None] | None, tags: Iterable[str]) -> tuple[Thing, ...]:
    host, network = address or (None, None)
    found = [Thing(Sort.HOST, host)] if host else []
    found += [Thing(Sort.TAG, tag) for tag in sorted(tags)]
    return (*found, Thing(Sort.NETWORK, network)) if network else tuple(found)


def _audience(
    policy_id: int | None, channel_ids: Collection[int], later: Collection[int], *, urgent: bool
) -> str:
    """Return who is told, now and later, as a text that is the same where they are."""
    told, others = (",".join(map(str, sorted(ids))) for ids in (channel_ids, later))
    audience = f"{'urgent' if urgent else ''}|{policy_id or ''}|{told}|{others}"
    if len(audience) > LONGEST_AUDIENCE:
        return sha256(audience.encode()).hexdigest()
    return audience
