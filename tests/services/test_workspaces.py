"""Workspaces."""

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.zone import InvalidSchedule
from earlywatch.services.workspaces import get_owned, set_time_zone
from tests.builders import make_account, make_workspace


def test_the_workspace_has_a_zone_that_exists(session: Session) -> None:
    workspace = make_workspace(session)

    set_time_zone(session, workspace.id, " Europe/Berlin ")

    assert workspace.time_zone == "Europe/Berlin"
    with pytest.raises(InvalidSchedule, match="Did you mean"):
        set_time_zone(session, workspace.id, "Europe/Berlim")


def test_an_owner_is_found_by_every_spelling_of_the_address(session: Session) -> None:
    workspace = make_workspace(session, make_account(session, "post@müller.example.org"))

    assert get_owned(session, " Post@müller.example.org") is workspace
    assert get_owned(session, "post@xn--mller-kva.example.org") is workspace
