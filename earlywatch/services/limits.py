"""What a plan allows, checked at the moment of use."""

from sqlalchemy.orm import Session

from earlywatch.domain.plans import Plan, PlanName
from earlywatch.errors import EarlywatchError
from earlywatch.models import Workspace
from earlywatch.services.watching import count_watched, plan_of


class LimitReached(EarlywatchError):
    """The plan allows no more; the sentence names the limit, what is used and the ways on."""

    def __init__(self, sentence: str, plan: Plan) -> None:
        super().__init__(f"{sentence}.")
        self._sentence = sentence
        self._largest = plan.name is PlanName.BUSINESS

    def words(self, *, sold: bool) -> str:
        """Return the sentence; where plans are `sold`, a larger one is a way on too."""
        if self._largest or not sold:
            return str(self)
        return f"{self._sentence}, or choose a larger plan under Billing."


def check_monitor_room(session: Session, workspace: Workspace) -> None:
    """Raise LimitReached if the plan allows no further monitor to be watched.

    Holds the workspace until the transaction ends, so that two at once cannot both take the last
    place; hence before any monitor is locked.
    """
    plan = plan_of(Workspace.lock(session, workspace.id))
    if plan.monitors is None:
        return
    watched = count_watched(session, workspace.id)
    if watched >= plan.monitors:
        raise LimitReached(
            f"Your plan, {plan.label}, watches {plan.monitors} monitors and {watched} are watched."
            " Pause or delete one",
            plan,
        )


def check_sms_allowed(workspace: Workspace) -> None:
    """Raise LimitReached if the plan includes no SMS at all, and so no calls either."""
    plan = plan_of(workspace)
    if plan.sms == 0:
        raise LimitReached(
            f"Your plan, {plan.label}, includes no SMS and no calls. Add another kind of channel",
            plan,
        )
