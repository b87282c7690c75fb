"""What an owner does with monitors: create, edit, pause, resume, delete."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from earlywatch.domain.failures import ONE_FAILURE, Patience
from earlywatch.domain.keywords import Keywords
from earlywatch.domain.monitor import InvalidMonitor, Rules, Status, on_edit, on_pause, on_resume
from earlywatch.domain.networks import clean_networks
from earlywatch.domain.schedule import InvalidSchedule
from earlywatch.domain.zone import find_zone
from earlywatch.errors import NotFound
from earlywatch.models import Channel, Incident, Monitor, Ping, Workspace
from earlywatch.models.channel import monitor_channel
from earlywatch.services import (
    bodies,
    dependencies,
    hearing,
    holds,
    incidents,
    limits,
    unfolding,
)
from earlywatch.services.slugs import check_free, clean_slug, free_slug
from earlywatch.services.texts import printable

LONGEST_NAME = 100
LONGEST_TAG = 40
MOST_TAGS = 20
MOST_COUNTED = 100_000  # pings; counting all of them could take minutes
BATCH = 20_000  # rows deleted at once, in a fraction of a second
HISTORY: tuple[type[Ping | Incident], ...] = (Ping, Incident)


@dataclass(frozen=True)
class MonitorValues:
    """What the owner decides about a monitor.

    `time_zone` is the zone to show times in; a cron or calendar schedule is also kept in it.
    `slug` None means that a new monitor is called in ping URLs by what its name gives, and that
    another one loses its name there. `allowed_networks` are CIDR; without any, all are allowed.
    `channel_ids` None means all default channels of the workspace. `parents` are the ids or
    names of monitors that this one depends on; None leaves them as they are.
    Raises InvalidMonitor or InvalidSchedule with a sentence.
    """

    name: str
    rules: Rules
    time_zone: str
    tags: tuple[str, ...] = ()
    channel_ids: tuple[int, ...] | None = None
    slug: str | None = None
    post_only: bool = False
    sticky_pause: bool = True
    mask_secrets: bool = True
    urgent: bool = False
    allowed_networks: tuple[str, ...] = ()
    keywords: Keywords | None = None
    patience: Patience = ONE_FAILURE
    parents: tuple[int | str, ...] | None = None

    def __post_init__(self) -> None:
        if self.name != clean_name(self.name) or self.tags != clean_tags(" ".join(self.tags)):
            raise InvalidMonitor("Name and tags must be cleaned first.")
        if self.allowed_networks != clean_networks(" ".join(self.allowed_networks)):
            raise InvalidMonitor("The networks must be cleaned first.")
        if self.slug is not None:
            clean_slug(self.slug)
        find_zone(self.time_zone)


@dataclass(frozen=True)
class Losses:
    """What deleting a monitor would take along; pings are counted up to MOST_COUNTED + 1."""

    pings: int
    incidents: int


def clean_name(text: str) -> str:
    """Return `text` with single spaces. Raises InvalidMonitor if no name can be made of it."""
    name = " ".join(text.split())
    if not name:
        raise InvalidMonitor('A monitor needs a name, for example "nightly backup".')
    if len(name) > LONGEST_NAME:
        raise InvalidMonitor(f"The name may have at most {LONGEST_NAME} characters.")
    if not printable(name):
        raise InvalidMonitor("The name holds a character that cannot be shown.")
    return name


def clean_tags(text: str) -> tuple[str, ...]:
    """Return the tags in `text`, split at spaces and commas, each once. Raises InvalidMonitor."""
    tags = tuple(dict.fromkeys(text.replace(",", " ").split()))
    if len(tags) > MOST_TAGS:
        raise InvalidMonitor(f"A monitor may have at most {MOST_TAGS} tags.")
    if any(len(tag) > LONGEST_TAG for tag in tags):
        raise InvalidMonitor(f"A tag may have at most {LONGEST_TAG} characters.")
    if not printable("".join(tags)):
        raise InvalidMonitor("A tag holds a character that cannot be shown.")
    return tags


def create_monitor(
    session: Session, workspace: Workspace, values: MonitorValues, now: datetime
) -> Monitor:
    """Add a monitor that waits for its first ping without judging.

    Raises LimitReached, SlugTaken, and UnfitParents.
    """
    limits.check_monitor_room(session, workspace)
    if values.slug is None:
        values = replace(values, slug=free_slug(session, workspace, values.name))
    else:
        check_free(session, workspace, values.slug)
    monitor = Monitor(workspace_id=workspace.id, ping_key=uuid4(), created_at=now, status="new")
    _write(monitor, values)
    session.add(monitor)
    session.flush()
    _set_channels(session, monitor, values.channel_ids)
    if values.parents:
        dependencies.set_parents(session, monitor, values.parents)
    incidents.notify(session, workspace.id)
    return monitor


def edit_monitor(
    session: Session, workspace: Workspace, monitor_id: int, values: MonitorValues, now: datetime
) -> Monitor:
    """Change a monitor; a deadline that passed under the old rules stands.

    Raises NotFound, SlugTaken, and UnfitParents. A monitor that was set aside is judged again:
    the edit may have cured it.
    """
    Workspace.lock(session, workspace.id)
    monitor = lock_monitor(session, workspace, monitor_id)
    if values.slug is not None and values.slug != monitor.slug:
        check_free(session, workspace, values.slug, monitor_id)
    old = _readable_rules(monitor)
    if old != values.rules:
        changes = on_edit(
            hearing.spared(session, monitor, now), old or values.rules, values.rules, now
        )
        incidents.apply(session, monitor, changes, now)
        monitor.set_aside_until = None
    _write(monitor, values)
    _set_channels(session, monitor, values.channel_ids)
    if values.parents is not None:
        dependencies.set_parents(session, monitor, values.parents)
    holds.look_again(session, monitor.id, now)
    incidents.notify(session, workspace.id)
    return monitor


def pause_monitor(
    session: Session, workspace: Workspace, monitor_id: int, now: datetime
) -> Monitor:
    """Stop judging it; an open incident ends without a word. Raises NotFound."""
    monitor = lock_monitor(session, workspace, monitor_id)
    incidents.apply(
        session, monitor, on_pause(hearing.spared(session, monitor, now), monitor.grace, now), now
    )
    return monitor


def resume_monitor(
    session: Session, workspace: Workspace, monitor_id: int, now: datetime
) -> Monitor:
    """Judge it again, counting from `now` (UTC). Raises NotFound and LimitReached."""
    Workspace.lock(session, workspace.id)
    monitor = lock_monitor(session, workspace, monitor_id)
    if monitor.status == Status.PAUSED:
        limits.check_monitor_room(session, workspace)
    incidents.apply(session, monitor, on_resume(monitor.state, monitor.rules, now), now)
    return monitor


def _readable_rules(monitor: Monitor) -> Rules | None:
    # A newer version of a library or of the zones may refuse what an older one took; the edit is
    # the cure, so it must go through.
    try:
        return monitor.rules
    except InvalidSchedule:
        return None


def losses(session: Session, monitor: Monitor) -> Losses:
    """Return what deleting `monitor` would take along."""
    some = select(Ping.id).where(Ping.monitor_id == monitor.id).limit(MOST_COUNTED + 1).subquery()
    pings = select(func.count()).select_from(some).scalar_subquery()
    opened = select(func.count()).where(Incident.monitor_id == monitor.id).scalar_subquery()
    row = session.execute(select(pings, opened)).one()
    return Losses(*row)


def delete_history(
    session: Session,
    workspace: Workspace,
    monitor_id: int,
    table: type[Ping | Incident],
    after: int = 0,
) -> int | None:
    """Delete a monitor's next rows with an id above `after`, the oldest first. Raises NotFound.

    Return where to go on, None when what is left can be deleted with the monitor. There may be
    tens of millions: in one statement they would run into its time-out at every try, and pings
    that come in would wait for it.
    """
    monitor = find_monitor(session, workspace, monitor_id)
    mine = table.monitor_id == monitor.id, table.id > after
    end = session.scalar(select(table.id).where(*mine).order_by(table.id).offset(BATCH).limit(1))
    if end is None:
        return None
    if table is Ping:
        bodies.delete_pings(session, *mine, table.id < end)
    else:
        session.execute(delete(table).where(*mine, table.id < end))
    return end - 1


def delete_monitor(session: Session, workspace: Workspace, monitor_id: int, now: datetime) -> str:
    """Delete it with what `delete_history` left; return the name it had. Raises NotFound."""
    # Whoever deletes a channel holds incidents before it, so they take turns.
    Workspace.lock(session, workspace.id)
    monitor = lock_monitor(session, workspace, monitor_id)
    Channel.lock_all(session, workspace.id)
    dependencies.wake(session, [monitor.id], now)
    unfolding.leave(session, workspace.id, monitor.id, now)
    bodies.delete_pings(session, Ping.monitor_id == monitor.id)
    session.execute(delete(Monitor).where(Monitor.id == monitor.id))
    incidents.notify(session, workspace.id)
    return monitor.name


def find_monitor(session: Session, workspace: Workspace, monitor_id: int) -> Monitor:
    """Return one monitor of the workspace. Raises NotFound."""
    query = select(Monitor).where(Monitor.workspace_id == workspace.id, Monitor.id == monitor_id)
    monitor = session.scalar(query)
    if monitor is None:
        raise NotFound("There is no such monitor.")
    return monitor


def lock_monitor(session: Session, workspace: Workspace, monitor_id: int) -> Monitor:
    """Lock one monitor of the workspace until the transaction ends. Raises NotFound."""
    monitor = Monitor.lock(session, workspace.id, monitor_id)
    if monitor is None:
        raise NotFound("There is no such monitor.")
    return monitor


def channels_of(session: Session, monitor: Monitor) -> list[Channel]:
    """Return the channels a monitor uses, by name."""
    query = (
        select(Channel)
        .join(monitor_channel, monitor_channel.c.channel_id == Channel.id)
        .where(monitor_channel.c.monitor_id == monitor.id)
        .order_by(func.lower(Channel.name), Channel.id)
    )
    return list(session.scalars(query))


def _write(monitor: Monitor, values: MonitorValues) -> None:
    monitor.name = values.name
    monitor.tags = list(values.tags)
    monitor.set_schedule(values.rules.schedule, values.time_zone)
    monitor.grace = values.rules.grace
    monitor.max_runtime = values.rules.max_runtime
    monitor.stall_after = values.rules.stall_after
    monitor.successes_needed = values.rules.successes_needed
    monitor.failures_needed, monitor.failures_of = values.patience.needed, values.patience.of
    monitor.slug = values.slug
    monitor.post_only = values.post_only
    monitor.sticky_pause = values.sticky_pause
    monitor.mask_secrets = values.mask_secrets
    monitor.urgent = values.urgent
    if monitor.allowed_networks != list(values.allowed_networks):
        monitor.allowed_networks = list(values.allowed_networks)
        monitor.refused_at = monitor.refused_address = None  # it may be allowed now
    monitor.keywords_json = values.keywords.to_json() if values.keywords else None


def _set_channels(session: Session, monitor: Monitor, channel_ids: tuple[int, ...] | None) -> None:
    """Let `monitor` use these channels alone; ids of other workspaces are left out."""
    chosen = Channel.is_default if channel_ids is None else Channel.id.in_(channel_ids)
    wanted = Channel.lock_all(session, monitor.workspace_id, chosen)
    used = monitor_channel.c.monitor_id == monitor.id
    session.execute(delete(monitor_channel).where(used))
    links = [{"monitor_id": monitor.id, "channel_id": channel_id} for channel_id in wanted]
    if links:
        session.execute(insert(monitor_channel), links)
