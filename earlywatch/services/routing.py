"""Which policy of a workspace decides who is told of an incident."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.escalation import OWN_CHANNELS, Plan, Step
from earlywatch.domain.zone import InvalidSchedule, find_zone
from earlywatch.models import Policy
from earlywatch.services.cases import Case


@dataclass(frozen=True)
class Route:
    """A policy as a value; the one without an id is for incidents that none fits."""

    id: int | None
    plan: Plan
    tags: frozenset[str] = frozenset()
    causes: frozenset[str] = frozenset()
    weekdays: frozenset[int] = field(default=frozenset())
    time_zone: str = "UTC"

    def fits(self, case: Case) -> bool:
        """Whether it is for such an incident."""
        return (
            (not self.tags or not self.tags.isdisjoint(case.tags))
            and (not self.causes or case.cause.value in self.causes)
            and (not self.weekdays or self._weekday(case.opened_at) in self.weekdays)
        )

    def _weekday(self, at: datetime) -> int:
        try:
            return at.astimezone(find_zone(self.time_zone)).isoweekday()
        except InvalidSchedule:  # a zone that this machine no longer knows must cost no alert
            return at.isoweekday()


WITHOUT_POLICY = Route(None, OWN_CHANNELS)


class Policies:
    """The policies of some workspaces."""

    def __init__(self, session: Session, workspace_ids: Collection[int]) -> None:
        query = (
            select(Policy)
            .where(Policy.workspace_id.in_(workspace_ids))
            .order_by(Policy.workspace_id, Policy.position, Policy.id)
            .execution_options(populate_existing=True)
        )
        self._routes: dict[int, list[Route]] = defaultdict(list)
        for policy in session.scalars(query):
            self._routes[policy.workspace_id].append(route_of(policy))

    def find(self, case: Case) -> Route:
        """Return the policy that decides; one that was chosen stays, as long as there is one."""
        chosen = self.chosen(case.workspace_id, case.policy_id)
        if chosen.id is not None or (case.is_told and case.policy_id is None):
            return chosen
        routes = self._routes.get(case.workspace_id, ())
        return next((route for route in routes if route.fits(case)), WITHOUT_POLICY)

    def chosen(self, workspace_id: int, policy_id: int | None) -> Route:
        """Return the policy with this id, or what holds without one if it is gone."""
        routes = self._routes.get(workspace_id, ())
        return next((route for route in routes if route.id == policy_id), WITHOUT_POLICY)


def route_of(policy: Policy) -> Route:
    """Return a policy as a value; one without steps tells the monitor's own channels."""
    steps = tuple(
        Step(step.after, step.own, tuple(sorted(channel.id for channel in step.channels)))
        for step in policy.steps
    )
    plan = Plan(steps or OWN_CHANNELS.steps, policy.repeat_every, policy.repeat_most)
    return Route(
        policy.id,
        plan,
        frozenset(policy.tags),
        frozenset(policy.causes),
        frozenset(policy.weekdays),
        policy.time_zone,
    )
