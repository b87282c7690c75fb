"""What each plan allows and costs. Prices are in cents and hold any tax."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from earlywatch.domain.money import Money

CURRENCY = "usd"
FLOOR = 300  # cents a month; smaller charges go to fees, and draw people who test stolen cards
CEILING = 100_000  # cents a month; more is a slip of the finger
SUGGESTED = (300, 500, 1000)  # cents a month
GRACE = timedelta(days=14)  # after a failed payment, with everything on


class PlanName(StrEnum):
    """A row of the catalogue; `UNLIMITED` is an installation of one's own."""

    FREE = "free"
    SUPPORTER = "supporter"
    TEAM = "team"
    BUSINESS = "business"
    UNLIMITED = "unlimited"


class Every(StrEnum):
    """How often a plan is paid."""

    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True)
class Plan:
    """What a plan allows; None means no limit. `prices` are the fixed ones."""

    name: PlanName
    label: str
    monitors: int | None  # watched at the same time; paused ones are not counted
    pings_kept: int | None  # per monitor
    sms: int | None  # per calendar month
    members: int | None
    prices: dict[Every, Money]

    @property
    def chooses_amount(self) -> bool:
        """Whether the customer decides what to pay."""
        return self.name is PlanName.SUPPORTER


PLANS = {
    plan.name: plan
    for plan in (
        Plan(PlanName.FREE, "Free", 20, 100, 0, 3, {}),
        Plan(PlanName.SUPPORTER, "Supporter", 100, 1000, 10, 10, {}),
        Plan(
            PlanName.TEAM, "Team", 500, 1000, 100, None,
            {Every.MONTH: Money(2_000), Every.YEAR: Money(20_000)},
        ),
        Plan(
            PlanName.BUSINESS, "Business", 5000, 1000, 500, None,
            {Every.MONTH: Money(8_000), Every.YEAR: Money(80_000)},
        ),
        Plan(PlanName.UNLIMITED, "Self-hosted", None, None, None, None, {}),
    )
}  # fmt: skip
FREE = PLANS[PlanName.FREE]
# Stripe's words for a subscription that goes on, whether or not it is paid at the moment.
LIVE = frozenset({"active", "past_due", "paused", "unpaid"})
FOR_SALE = tuple(plan for plan in PLANS.values() if plan.prices or plan.chooses_amount)


def plan_in_force(
    *,
    paid: PlanName | None,
    status: str,
    past_due_since: datetime | None,
    gift: PlanName | None,
    gift_until: datetime | None,
    now: datetime,
) -> PlanName:
    """Return the plan that a workspace has at `now` (UTC).

    `status` is Stripe's. A failed payment leaves everything on for `GRACE`; what is paused,
    ended or was never paid gives nothing. A gift counts where it allows more.
    """
    owned = PlanName.FREE
    in_grace = past_due_since is not None and now < past_due_since + GRACE
    if paid and (status == "active" or (status == "past_due" and in_grace)):
        owned = paid
    if gift and (gift_until is None or now < gift_until):
        return max(owned, gift, key=list(PlanName).index)
    return owned
