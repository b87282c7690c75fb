"""What runs out by time alone, one workspace after the other."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.plans import PlanName
from earlywatch.errands import upkeep
from earlywatch.models import Workspace
from earlywatch.services import plans
from tests.billing import Shop, team
from tests.builders import make_workspace

DAY = timedelta(days=1)


def test_a_workspace_that_fails_stops_no_other(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    session = shop.session
    broken, other = (make_workspace(session, plan=PlanName.FREE) for _ in range(2))
    for each in (broken, other):
        plans.gift(session, each, PlanName.TEAM, shop.now + DAY, "ops@example.org", shop.now)
    session.commit()
    refresh = plans.refresh

    def fail_for_one(session: Session, workspace: Workspace, now: datetime) -> object:
        if workspace.id == broken.id:
            raise RuntimeError
        return refresh(session, workspace, now)

    with monkeypatch.context() as patch:
        patch.setattr(plans, "refresh", fail_for_one)
        assert upkeep.refresh_plans(shop.now + DAY) == 1
    session.expire_all()
    assert (broken.plan, other.plan) == ("team", "free")

    assert upkeep.refresh_plans(shop.now + DAY) == 1
    session.expire_all()
    assert broken.plan == "free"


def test_who_pays_for_what_was_given_is_not_looked_at_for_ever(shop: Shop) -> None:
    shop.subscribe(team())
    shop.workspace.gift_plan, shop.workspace.gift_until = "team", shop.now - DAY
    shop.session.commit()

    assert upkeep.refresh_plans(shop.now) == 0
    assert shop.plan == "team"


def test_who_had_no_limits_buys_none(shop: Shop) -> None:
    shop.subscribe(team())
    shop.workspace.plan = "unlimited"
    shop.session.commit()

    shop.wait(40 * DAY)

    assert shop.plan == "unlimited"
