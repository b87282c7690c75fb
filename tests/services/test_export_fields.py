"""What the files that people take along tell of rules, runs and pings."""

from datetime import datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from earlywatch.domain.escalation import Plan, Step
from earlywatch.domain.keywords import Keywords
from earlywatch.domain.quiet import Quiet
from earlywatch.domain.runs import Progress, Run
from earlywatch.domain.windows import Weekly, Window
from earlywatch.models import Workspace
from earlywatch.services import maintenance_edits, policies
from earlywatch.services.channel_hours import ChannelHours, set_hours
from earlywatch.services.maintenance_edits import MaintenanceValues
from earlywatch.services.policies import PolicyValues
from tests.builders import make_channel, make_monitor, make_ping, make_workspace
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
        session, workspace, slug="nightly-backup", stall_after=90 * SECOND, urgent=True,
        post_only=True, sticky_pause=False, mask_secrets=False,
        allowed_networks=["192.0.2.0/24"], keywords_json=words.to_json(),
    )  # fmt: skip

    [monitor] = read(session, workspace, now)["monitors"]

    assert (monitor["slug"], monitor["stall_after_seconds"]) == ("nightly-backup", 90)
    switches = ("urgent", "post_only", "sticky_pause", "mask_secrets")
    assert [monitor[switch] for switch in switches] == [True, True, False, False]
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


def test_policies_come_with_their_steps(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    room = make_channel(session, workspace)
    steps = (Step(0 * SECOND, own=True), Step(600 * SECOND, own=False, channel_ids=(room.id,)))
    values = PolicyValues("nights", Plan(steps, 1800 * SECOND, 3), ("db",), weekdays=(6, 7))
    policies.create_policy(session, workspace, values, now)

    [policy] = read(session, workspace, now)["policies"]

    assert (policy["name"], policy["tags"], policy["weekdays"]) == ("nights", ["db"], [6, 7])
    assert policy["steps"] == [
        {"after_seconds": 0, "own": True, "channel_ids": []},
        {"after_seconds": 600, "own": False, "channel_ids": [room.id]},
    ]
    assert (policy["repeat_every_seconds"], policy["repeat_most"]) == (1800, 3)


def test_maintenance_windows_and_quiet_hours_are_there(
    session: Session, workspace: Workspace, now: datetime
) -> None:
    weekend = Window(Weekly((6, 7), time(2, 30), "Europe/Berlin"), 3600 * SECOND)
    values = MaintenanceValues("rest", weekend, ("db",))
    maintenance_edits.create_window(session, workspace, values, now)
    night = Quiet(time(22), time(7), "Europe/Berlin", (5,))
    hours = ChannelHours(night, digest_every=3600 * SECOND)
    set_hours(make_channel(session, workspace), hours)

    file = read(session, workspace, now)

    [window], [channel] = file["maintenance"], file["channels"]
    assert (window["recurrence"], window["starts"]) == ("weekly", "02:30:00")
    assert (window["weekdays"], window["length_seconds"]) == ([6, 7], 3600)
    assert (channel["quiet_from"], channel["quiet_until"]) == ("22:00:00", "07:00:00")
    assert (channel["quiet_days"], channel["digest_every_seconds"]) == ([5], 3600)
