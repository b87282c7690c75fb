"""A tick of the detector comes to its end, whatever others hold."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from earlywatch.models import Channel, Incident, Monitor, Tick
from earlywatch.services import detection
from earlywatch.tasks.detection import detect_overdue
from tests.builders import NOW, make_channel, make_monitor, make_workspace

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def fresh(rows: Session) -> Iterator[None]:
    """An installation whose detector never ran."""
    yield
    rows.rollback()
    rows.execute(delete(Tick))
    rows.commit()


def late(rows: Session, since: timedelta) -> Monitor:
    """A monitor in a workspace of its own, with a channel."""
    workspace = make_workspace(rows)
    times: dict[str, Any] = {"last_ping_at": NOW - 9 * MINUTE, "last_success_at": NOW - 9 * MINUTE}
    return make_monitor(
        rows,
        workspace,
        status="up",
        channels=[make_channel(rows, workspace)],
        expected_at=NOW - since,
        deadline_at=NOW - since,
        **times,
    )


def test_more_than_a_batch_that_waits_for_a_lock_keeps_nobody_from_being_judged(
    rows: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detection, "BATCH", 1)
    monkeypatch.setattr(detection, "detect", partial(detection.detect, limit=1))
    held, free = late(rows, 2 * MINUTE), late(rows, MINUTE)
    rows.commit()

    with Session(rows.get_bind()) as deleting, time_machine.travel(NOW, tick=False):
        of_held = select(Channel).where(Channel.workspace_id == held.workspace_id)
        deleting.scalars(of_held.with_for_update()).one()
        made = detect_overdue()

    assert made == 1
    assert rows.scalars(select(Incident.monitor_id)).all() == [free.id]
