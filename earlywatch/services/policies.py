"""Policies: what owners decide about who is told when, and which monitors each is for.

Which one an incident follows is decided in `routing`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from earlywatch.domain.escalation import Plan, Step
from earlywatch.domain.monitor import Cause
from earlywatch.domain.zone import find_zone
from earlywatch.errors import EarlywatchError, NotFound
from earlywatch.models import Channel, Incident, Monitor, Policy, PolicyStep, Workspace
from earlywatch.models.channel import monitor_channel
from earlywatch.services import following
from earlywatch.services.routing import Route
from earlywatch.services.texts import printable

LONGEST_NAME = 100
MOST_POLICIES = 50
MOST_STEPS = 6
LONGEST_WAIT = timedelta(days=7)
OFTENEST = timedelta(minutes=1)
MOST_REMINDERS = 1_000


class InvalidPolicy(EarlywatchError):
    """A policy that makes no sense."""


@dataclass(frozen=True)
class PolicyValues:
    """What the owner decides. What is empty fits everything. Raises InvalidPolicy.

    `weekdays` (ISO: 1 is Monday) are those of the moment when an incident opens, in `time_zone`.
    """

    name: str
    plan: Plan
    tags: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    weekdays: tuple[int, ...] = ()
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        find_zone(self.time_zone)
        _check_steps(self.plan.steps)
        if self.plan.repeat_every is not None:
            check_every(self.plan.repeat_every)
        if self.plan.repeat_most is not None:
            check_most(self.plan.repeat_most)


@dataclass(frozen=True)
class Watched:
    """A present monitor. `is_heard`: it has a channel of its own that works."""

    id: int
    name: str
    tags: frozenset[str]
    is_heard: bool


@dataclass(frozen=True)
class Reach:
    """Present monitors that a policy is for, by name.

    `taken` have fitting tags too, but a policy that is asked before takes all of theirs.
    """

    monitors: Sequence[Watched]
    taken: Sequence[Watched]

    @property
    def silent(self) -> Sequence[Watched]:
        """Those without a channel of their own that works."""
        return [monitor for monitor in self.monitors if not monitor.is_heard]


def clean_policy_name(text: str) -> str:
    """Return `text` with single spaces. Raises InvalidPolicy."""
    name = " ".join(text.split())
    if not name:
        raise InvalidPolicy('A policy needs a name, for example "production".')
    if len(name) > LONGEST_NAME:
        raise InvalidPolicy(f"The name may have at most {LONGEST_NAME} characters.")
    if not printable(name):
        raise InvalidPolicy("The name holds a character that cannot be shown.")
    return name


def check_after(after: timedelta) -> timedelta:
    """Return when a step comes, if it may. Raises InvalidPolicy."""
    if not timedelta(0) <= after <= LONGEST_WAIT:
        raise InvalidPolicy("A step comes after 0 minutes to 7 days.")
    return after


def check_every(every: timedelta) -> timedelta:
    """Return how often reminders come, if they may. Raises InvalidPolicy."""
    if not OFTENEST <= every <= LONGEST_WAIT:
        raise InvalidPolicy("Reminders may come every 1 minute to 7 days.")
    return every


def check_most(most: int) -> int:
    """Return how many reminders there may be. Raises InvalidPolicy."""
    if not 1 <= most <= MOST_REMINDERS:
        raise InvalidPolicy(f"There may be 1 to {MOST_REMINDERS:,} reminders.")
    return most


def list_policies(session: Session, workspace: Workspace) -> Sequence[Policy]:
    """Return the policies in the order in which they are asked."""
    return session.scalars(_all(workspace)).all()


def find_policy(session: Session, workspace: Workspace, policy_id: int) -> Policy:
    """Return one policy of the workspace. Raises NotFound."""
    query = select(Policy).where(Policy.workspace_id == workspace.id, Policy.id == policy_id)
    policy = session.scalar(query)
    if policy is None:
        raise NotFound("There is no such policy.")
    return policy


def create_policy(
    session: Session, workspace: Workspace, values: PolicyValues, now: datetime
) -> Policy:
    """Add a policy behind the others. Raises InvalidPolicy where there are too many."""
    others = _lock_all(session, workspace)
    if len(others) >= MOST_POLICIES:
        raise InvalidPolicy(f"There are {MOST_POLICIES} policies already. Delete one first.")
    policy = Policy(workspace_id=workspace.id, position=0, created_at=now)
    _write(session, workspace, policy, values)
    session.add(policy)
    _place([*others, policy])
    session.flush()
    return policy


def edit_policy(
    session: Session, workspace: Workspace, policy_id: int, values: PolicyValues
) -> Policy:
    """Change a policy. Raises NotFound.

    An incident that follows it goes on where it is: what changed counts from its next step on.
    """
    policy = _one_of(_lock_all(session, workspace), policy_id)
    theirs = following.lasting(session, policy.id)
    policy.steps.clear()
    session.flush()  # a step of the same moment as an old one comes after it has gone
    _write(session, workspace, policy, values)
    session.flush()
    following.go_on(session, theirs)
    return policy


def move_policy(session: Session, workspace: Workspace, policy_id: int, places: int) -> Policy:
    """Let a policy be asked so many places later, earlier if below zero. Raises NotFound."""
    ordered = _lock_all(session, workspace)
    policy = _one_of(ordered, policy_id)
    place = ordered.index(policy)
    ordered.insert(min(max(place + places, 0), len(ordered)), ordered.pop(place))
    _place(ordered)
    session.flush()
    return policy


def delete_policy(session: Session, workspace: Workspace, policy_id: int) -> str:
    """Delete it; return the name it had. Raises NotFound.

    Its incidents go on with the next policy that fits, where they are. They are held before it is:
    whoever plans one does so in this order.
    """
    Workspace.lock(session, workspace.id)
    policy = find_policy(session, workspace, policy_id)
    theirs = select(Incident.id).where(Incident.policy_id == policy.id).order_by(Incident.id)
    ids = session.scalars(theirs.with_for_update()).all()
    lasting = following.lasting(session, policy.id)
    session.execute(update(Incident).where(Incident.id.in_(ids)).values(policy_id=None))
    session.delete(policy)
    session.flush()
    following.go_on(session, lasting)
    return policy.name


def watched(session: Session, workspace: Workspace) -> Sequence[Watched]:
    """Return the present monitors of a workspace, by name."""
    heard = _with_channels(session, workspace)
    query = select(Monitor.id, Monitor.name, Monitor.tags)
    mine = query.where(Monitor.workspace_id == workspace.id)
    return [
        Watched(row.id, row.name, frozenset(row.tags), row.id in heard)
        for row in session.execute(mine.order_by(func.lower(Monitor.name), Monitor.id))
    ]


def reach(monitors: Sequence[Watched], route: Route, before: Sequence[Route] = ()) -> Reach:
    """Return which of some monitors a policy is for; those `before` it are asked first."""
    whole = [other for other in before if _takes_all_times(other)]
    left: list[Watched] = []
    taken: list[Watched] = []
    for monitor in monitors:
        if _fits(route, monitor):
            (taken if any(_fits(other, monitor) for other in whole) else left).append(monitor)
    return Reach(left, taken)


def _all(workspace: Workspace) -> Select[Policy]:
    query = select(Policy).where(Policy.workspace_id == workspace.id)
    return query.order_by(Policy.position, Policy.id)


def _check_steps(steps: Sequence[Step]) -> None:
    if not any(step.own or step.channel_ids for step in steps):
        raise InvalidPolicy("Choose at least one channel in one of the steps.")
    if len(steps) > MOST_STEPS:
        raise InvalidPolicy(f"A policy has at most {MOST_STEPS} steps.")
    for step in steps:
        check_after(step.after)
    if any(later.after <= step.after for step, later in pairwise(steps)):
        raise InvalidPolicy("Two steps come at the same moment. Make them one, or move one.")


def _lock_all(session: Session, workspace: Workspace) -> list[Policy]:
    """Return the policies in their order; nobody else changes them until the transaction ends."""
    Workspace.lock(session, workspace.id)
    query = _all(workspace).execution_options(populate_existing=True)
    return list(session.scalars(query))


def _one_of(policies: Sequence[Policy], policy_id: int) -> Policy:
    found = next((policy for policy in policies if policy.id == policy_id), None)
    if found is None:
        raise NotFound("There is no such policy.")
    return found


def _place(ordered: Sequence[Policy]) -> None:
    for position, policy in enumerate(ordered):
        policy.position = position


def _write(session: Session, workspace: Workspace, policy: Policy, values: PolicyValues) -> None:
    """Ids of channels of other workspaces, or of deleted ones, are left out."""
    wanted = {channel_id for step in values.plan.steps for channel_id in step.channel_ids}
    kept = Channel.lock_all(session, workspace.id, Channel.id.in_(wanted))
    query = select(Channel).where(Channel.id.in_(kept))
    channels = {channel.id: channel for channel in session.scalars(query)}
    policy.name, policy.tags = values.name, list(values.tags)
    policy.causes = [cause.value for cause in values.causes]
    policy.weekdays, policy.time_zone = list(values.weekdays), values.time_zone
    policy.repeat_every, policy.repeat_most = values.plan.repeat_every, values.plan.repeat_most
    policy.steps = [
        PolicyStep(
            after=step.after,
            own=step.own,
            channels=[channels[each] for each in step.channel_ids if each in channels],
        )
        for step in values.plan.steps
    ]


def _fits(route: Route, monitor: Watched) -> bool:
    return not route.tags or not route.tags.isdisjoint(monitor.tags)


def _takes_all_times(route: Route) -> bool:
    """Tell whether neither cause nor weekday matters: nothing is left to those behind it."""
    every_cause = not route.causes or route.causes >= {cause.value for cause in Cause}
    return every_cause and len(route.weekdays) in (0, 7)


def _with_channels(session: Session, workspace: Workspace) -> set[int]:
    query = (
        select(monitor_channel.c.monitor_id)
        .join(Channel, Channel.id == monitor_channel.c.channel_id)
        .where(
            Channel.workspace_id == workspace.id,
            Channel.verified_at.is_not(None),
            Channel.broken_at.is_(None),
            Channel.unsubscribed_at.is_(None),
        )
    )
    return set(session.scalars(query))
