"""Workspaces."""

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.zone import InvalidSchedule
from earlywatch.services.workspaces import set_time_zone
from tests.builders import make_workspace


def test_the_workspace_has_a_zone_that_exists(session: Session) -> None:
    workspace = make_workspace(session)

    set_time_zone(session, workspace.id, " Europe/Berlin ")

    assert workspace.time_zone == "Europe/Berlin"
    with pytest.raises(InvalidSchedule, match="Did you mean"):
        set_time_zone(session, workspace.id, "Europe/Berlim")
