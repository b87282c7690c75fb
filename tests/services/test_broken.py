"""A channel that refused for good: through which other one that is told."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.models import Channel, Delivery
from earlywatch.services import broken
from tests.builders import NOW, make_channel, make_workspace


def told_through(session: Session, channel: Channel) -> list[str]:
    """Break a channel; return the names of those that are told."""
    assert broken.mark(session, channel, "410 gone", NOW)
    query = select(Delivery).where(Delivery.alert == "notice")
    return [delivery.channel.name for delivery in session.scalars(query)]


@pytest.mark.parametrize("kind", ["voice", "sms"])
@pytest.mark.parametrize("is_fallback", [True, False])
def test_no_phone_rings_for_it_where_anything_else_works(
    session: Session, kind: str, is_fallback: bool
) -> None:
    workspace = make_workspace(session)
    phone = make_channel(session, workspace, kind, name="phone")
    gone = make_channel(session, workspace, name="gone")
    make_channel(session, workspace, name="mail", config={"address": "other@example.org"})
    workspace.fallback_channel_id = phone.id if is_fallback else None

    assert told_through(session, gone) == ["mail"]


@pytest.mark.parametrize(
    ("columns", "named"),
    [({}, ["phone"]), ({"broken_at": NOW}, []), ({"verified_at": None}, [])],
)
def test_a_phone_that_is_all_there_is_gets_it_if_it_works(
    session: Session, columns: dict[str, Any], named: list[str]
) -> None:
    workspace = make_workspace(session)
    make_channel(session, workspace, "sms", name="phone", **columns)
    gone = make_channel(session, workspace, name="gone")

    assert told_through(session, gone) == named


def test_the_fallback_is_told_first(session: Session) -> None:
    workspace = make_workspace(session)
    gone = make_channel(session, workspace, name="gone")
    make_channel(session, workspace, name="mail")
    workspace.fallback_channel_id = make_channel(session, workspace, name="fallback").id

    assert told_through(session, gone) == ["fallback"]
