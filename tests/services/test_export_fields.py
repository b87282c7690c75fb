"""What the files that people take along tell of rules, runs and pings."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.keywords import Keywords
from earlywatch.domain.runs import Progress, Run
from earlywatch.models import Workspace
from tests.builders import make_monitor, make_ping, make_workspace
from tests.services.exporting import read

SECOND = timedelta(seconds=1)


@pytest.fixture
def workspace(session: Session) -> Workspace:
    """A workspace without anything."""
    return make_workspace(session)


def test_a_monitor_comes_with_all_that_its_owner_decided(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    words = Keywords(failure=("FATAL",))
    make_monitor(
        session, workspace, slug="nightly-backup", stall_after=90 * SECOND, post_only=True,
        sticky_pause=False, mask_secrets=False, allowed_networks=["192.0.2.0/24"],
        keywords_json=words.to_json(),
    )  # fmt: skip

    [monitor] = read(session, workspace, now)["monitors"]

    assert (monitor["slug"], monitor["stall_after_seconds"]) == ("nightly-backup", 90)
    switches = ("post_only", "sticky_pause", "mask_secrets")
    assert [monitor[switch] for switch in switches] == [True, False, False]
    assert monitor["allowed_networks"] == ["192.0.2.0/24"]
    assert Keywords.from_json(monitor["keywords"]) == words


def test_open_runs_tell_how_far_they_are(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    run_id = uuid4()
    counting = Run(run_id, now, Progress(340, 1200), now + SECOND)
    make_monitor(session, workspace, runs=[Run(None, now - SECOND), counting])
    make_monitor(session, workspace)

    running, idle = read(session, workspace, now)["monitors"]

    silent = {"done": None, "total": None, "moved_at": None}
    assert running["runs"] == [
        {"id": None, "started_at": "2026-11-20T05:17:02Z", **silent},
        {
            "id": str(run_id),
            "started_at": "2026-11-20T05:17:03Z",
            "done": 340,
            "total": 1200,
            "moved_at": "2026-11-20T05:17:04Z",
        },
    ]
    assert idle["runs"] == []


def test_a_ping_comes_with_its_numbers_and_with_what_we_noticed(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    said: dict[str, Any] = {"done": 3.5, "total": 7, "metrics": {"rows": 1200}}
    noticed: dict[str, Any] = {
        "reason": "A link preview.",
        "masked": 2,
        "new_source": True,
        "old_key": True,
    }
    make_ping(session, make_monitor(session, workspace), "ignored", **said, **noticed)

    [ping] = read(session, workspace, now)["pings"]

    assert {name: ping[name] for name in (*said, *noticed)} == {**said, **noticed}
    assert (ping["kind"], ping["body_bytes"]) == ("ignored", None)
