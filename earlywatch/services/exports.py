"""Everything of a workspace as a file, so that leaving is easy.

The files hold secrets: only members who may edit may have them. They are written part by part;
between two parts the caller ends the transaction, so that a slow reader holds none open.
"""

import csv
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.clients.object_store import ObjectStore
from earlywatch.domain.runs import Run
from earlywatch.domain.shown import shown_status
from earlywatch.models import Account, Channel, Delivery, Invoice, Member, Monitor, Workspace
from earlywatch.services import bodies, export_pages, export_rules, hearing

Record = dict[str, Any]

FORMAT = "earlywatch-workspace"
VERSION = 2  # raised when a field goes or changes its meaning; new ones may come at any time
BOM = "\ufeff"  # without it Excel does not take the file for UTF-8
COLUMNS = (
    "id", "name", "slug", "tags", "status", "schedule", "schedule_kind", "period_seconds",
    "expression", "time_zone", "grace_seconds", "max_runtime_seconds", "stall_after_seconds",
    "channels", "created_at", "last_ping_at", "last_success_at", "expected_at", "ping_url",
)  # fmt: skip
# Where a spreadsheet would begin to compute: at the start of a cell, or of what it takes for one
# in a country with another separator. Full-width signs count as the plain ones.
FORMULA = re.compile("(^|[,;|\t\r\n])(?=[\\s\"']*[=+\\-@\uff1d\uff0b\uff0d\uff20])")


def file_name(what: str, now: datetime) -> str:
    """Return the dated name of a file: "monitors.csv" → "earlywatch-2026-11-20-monitors.csv"."""
    return f"earlywatch-{now.astimezone(UTC):%Y-%m-%d}-{what}"


def workspace_json(
    session: Session,
    workspace: Workspace,
    ping_base_url: str,
    now: datetime,
    store: ObjectStore | None = None,
) -> Iterator[str]:
    """Yield the parts of a JSON object with all there is up to `now` (UTC).

    Bodies that were moved to the `store` are fetched; where that fails, the ping says so.
    Its fields are explained in templates/docs/export.html. Cut off anywhere, it is no valid JSON.
    """
    yield _text(
        {
            "format": FORMAT,
            "version": VERSION,
            "made_at": now,
            "workspace": _workspace(workspace),
        }
    ).removesuffix("}")
    yield from _list("members", _members(session, workspace))
    yield from _list("channels", _channels(session, workspace))
    yield from _list("policies", export_rules.policies(session, workspace))
    yield from _list("maintenance", export_rules.windows(session, workspace))
    yield from _list("monitors", _monitors(session, workspace, ping_base_url, now))
    yield from _list("incidents", _incidents(session, workspace, now))
    yield from _list("billing_history", _changes(session, workspace))
    yield from _list("invoices", _invoices(session, workspace))
    yield from _list("pings", _pings(session, workspace, now, store))
    yield "}\n"


def monitors_csv(
    session: Session, workspace: Workspace, ping_base_url: str, now: datetime
) -> Iterator[str]:
    """Yield the parts of a table with one line for each monitor, its status as at `now` (UTC)."""
    query = select(Channel.id, Channel.name).where(Channel.workspace_id == workspace.id)
    names = dict(session.execute(query).all())
    yield BOM + _csv_lines([COLUMNS])
    for page in _monitors(session, workspace, ping_base_url, now):
        for record in page:
            used = (names.get(channel_id) for channel_id in record["channel_ids"])
            record["channels"] = ", ".join(filter(None, used))
            record["tags"] = " ".join(record["tags"])
        yield _csv_lines([_cell(record[column]) for column in COLUMNS] for record in page)


def _list(name: str, pages: Iterable[Iterable[Record]]) -> Iterator[str]:
    """Yield a member of the JSON object: a list with one line for each record."""
    yield f',\n"{name}": ['
    separator = "\n"
    for page in pages:
        lines = ",\n".join(map(_text, page))
        yield separator + lines if lines else ""
        separator = ",\n" if lines else separator
    yield "\n]"


def _text(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    """Say in JSON what it has no word for: moments in UTC, lengths of time in seconds."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return int(seconds) if seconds.is_integer() else seconds
    return str(value)


def _workspace(workspace: Workspace) -> Record:
    names = (
        "id", "name", "time_zone", "plan", "ping_key", "create_by_ping", "fallback_channel_id",
        "fold_from", "drill_weekly", "created_at",
    )  # fmt: skip
    after = workspace.fallback_after
    return {**_picked(workspace, *names), "fallback_after_seconds": after}


def _picked(row: object, *names: str) -> Record:
    return {name: getattr(row, name) for name in names}


def _members(session: Session, workspace: Workspace) -> Iterator[list[Record]]:
    query = (
        select(Account.email, Member.role, Member.created_at.label("joined_at"))
        .join(Account, Account.id == Member.account_id)
        .where(Member.workspace_id == workspace.id)
        .order_by(Member.created_at, Account.id)
    )
    yield [dict(row) for row in session.execute(query).mappings()]


def _channels(session: Session, workspace: Workspace) -> Iterator[list[Record]]:
    names = (
        "id", "kind", "name", "config", "is_default", "created_at", "verified_at", "broken_at",
        "broken_reason", "unsubscribed_at", "quiet_from", "quiet_until", "quiet_zone",
        "quiet_days", "urgent_breaks_through", "proven_at",
    )  # fmt: skip
    query = select(Channel).where(Channel.workspace_id == workspace.id).order_by(Channel.id)
    yield [
        {**_picked(channel, *names), "digest_every_seconds": channel.digest_every}
        for channel in session.scalars(query)
    ]


def _monitors(
    session: Session, workspace: Workspace, ping_base_url: str, now: datetime
) -> Iterator[list[Record]]:
    deaf_since = hearing.deaf_since(session, now)
    for page in export_pages.monitor_pages(session, workspace):
        used = export_pages.channel_ids_of(session, page)
        parents = export_pages.parent_ids_of(session, page)
        yield [
            {
                **_monitor(monitor, now, deaf_since),
                "channel_ids": used[monitor.id],
                "parent_ids": parents[monitor.id],
                "ping_url": f"{ping_base_url}/{monitor.ping_key}",
            }
            for monitor in page
        ]


def _monitor(monitor: Monitor, now: datetime, deaf_since: datetime | None) -> Record:
    return {
        **_picked(monitor, "id", "name", "slug", "tags"),
        "status": shown_status(monitor.state, now, deaf_since),
        "schedule": monitor.schedule_words,
        "schedule_kind": monitor.schedule_kind,
        "period_seconds": monitor.period,
        "expression": monitor.expression,
        "time_zone": monitor.time_zone,
        "grace_seconds": monitor.grace,
        "max_runtime_seconds": monitor.max_runtime,
        "stall_after_seconds": monitor.stall_after,
        **_picked(monitor, "failures_needed", "failures_of", "successes_needed", "recovering"),
        **_picked(monitor, "flapping_at", "urgent", "post_only", "sticky_pause", "mask_secrets"),
        "allowed_networks": monitor.allowed_networks,
        "keywords": monitor.keywords_json,
        **_picked(monitor, "keep", "created_at", "last_ping_at", "last_success_at"),
        **_picked(monitor, "expected_at", "deadline_at", "refused_at", "refused_address"),
        "runs": list(map(_run, monitor.runs)),
    }


def _run(run: Run) -> Record:
    told = run.progress
    return {
        **_picked(run, "id", "started_at"),
        "done": told.done if told else None,
        "total": told.total if told else None,
        "moved_at": run.moved_at,
    }


def _incidents(session: Session, workspace: Workspace, now: datetime) -> Iterator[list[Record]]:
    names = (
        "id", "monitor_id", "cause", "opened_at", "noticed_at", "resolved_at", "expected_at",
        "last_ping_at", "exit_status", "urgent", "held", "blocked_by_id", "failures", "fold_id",
        "acknowledged_at", "acknowledged_by", "snoozed_until", "snoozed_by",
    )  # fmt: skip
    for page in export_pages.incident_pages(session, workspace, now):
        told = export_pages.deliveries_of(session, page)
        yield [
            {**_picked(incident, *names), "deliveries": list(map(_delivery, told[incident.id]))}
            for incident in page
        ]


def _delivery(delivery: Delivery) -> Record:
    names = ("channel_id", "alert", "state", "attempts", "created_at", "sent_at", "answer")
    return _picked(delivery, *names)


def _changes(session: Session, workspace: Workspace) -> Iterator[list[Record]]:
    names = ("id", "at", "kind", "actor", "sentence", "amount", "currency")
    for page in export_pages.change_pages(session, workspace):
        yield [_picked(change, *names) for change in page]


def _invoices(session: Session, workspace: Workspace) -> Iterator[list[Record]]:
    names = ("id", "number", "status", "total", "paid", "refunded", "currency", "created_at")
    query = (
        select(Invoice)
        .where(Invoice.workspace_id == workspace.id)
        .order_by(Invoice.created_at, Invoice.id)
    )
    yield [_picked(invoice, *names) for invoice in session.scalars(query)]


def _pings(
    session: Session, workspace: Workspace, now: datetime, store: ObjectStore | None
) -> Iterator[Iterable[Record]]:
    shelf = bodies.Shelf(store)
    for page in export_pages.ping_pages(session, workspace, now):
        if any(row["body_key"] for row in page):
            yield ()  # a part, after which the transaction ends: the store may be slow
        yield (_ping(dict(row), shelf) for row in page)


def _ping(record: Record, shelf: bodies.Shelf) -> Record:
    """Give the body as text where it is UTF-8, else as Base64: exactly what the job sent.

    If the store does not give it, the first bytes have to do.
    """
    first, key = record.pop("body"), record.pop("body_key")
    body: bytes | None = shelf.fetch(key, first)
    if body is None and first is not None:
        body, record = first, {**record, "body_missing": True}
    if body is None:
        return record
    try:
        return {**record, "body": body.decode()}
    except UnicodeDecodeError:
        return {**record, "body_base64": b64encode(body).decode()}


def _csv_lines(rows: Iterable[Iterable[object]]) -> str:
    lines = StringIO()
    csv.writer(lines).writerows(rows)
    return lines.getvalue()


def _cell(value: object) -> object:
    """Return what to write in a cell; what a spreadsheet would compute gets an apostrophe."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    plain = value if isinstance(value, str | int | None) else _plain(value)
    return FORMULA.sub(r"\1'", plain) if isinstance(plain, str) else plain
