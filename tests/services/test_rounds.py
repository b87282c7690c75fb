"""Rounds that are due once in a while: one takes each, and none is forgotten."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from earlywatch.services import rounds

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def begin(session: Session, now: datetime) -> datetime | None:
    return rounds.begin(session, "reconcile", DAY, HOUR, now)


def test_a_round_that_never_ran_is_due(session: Session, now: datetime) -> None:
    assert begin(session, now)


def test_only_one_takes_it(session: Session, now: datetime) -> None:
    begin(session, now)

    assert not begin(session, now)
    assert not begin(session, now + HOUR - SECOND)


def test_a_round_that_did_not_end_is_begun_again(session: Session, now: datetime) -> None:
    begin(session, now)

    assert begin(session, now + HOUR)


def test_a_round_that_ended_is_due_a_day_later(session: Session, now: datetime) -> None:
    begin(session, now)
    rounds.end(session, "reconcile", now)

    assert not begin(session, now + DAY - SECOND)
    assert begin(session, now + DAY)


def test_who_came_to_the_end_holds_it_no_longer(session: Session, now: datetime) -> None:
    rounds.begin(session, "often", HOUR, DAY, now)
    rounds.end(session, "often", now + SECOND)

    assert rounds.begin(session, "often", HOUR, DAY, now + HOUR + SECOND)


def test_rounds_do_not_know_each_other(session: Session, now: datetime) -> None:
    begin(session, now)

    assert rounds.begin(session, "another", DAY, HOUR, now)


def test_what_was_cut_short_goes_on_from_its_beginning(session: Session, now: datetime) -> None:
    begin(session, now)

    assert begin(session, now + HOUR) == now
    rounds.end(session, "reconcile", now + HOUR)
    assert begin(session, now + HOUR + DAY) == now + HOUR + DAY


def test_what_was_cut_short_long_ago_begins_anew(session: Session, now: datetime) -> None:
    begin(session, now)

    assert begin(session, now + 2 * DAY) == now + 2 * DAY


def test_who_is_at_it_holds_it_as_long_as_it_takes(session: Session, now: datetime) -> None:
    begin(session, now)
    later = now + HOUR - SECOND

    assert rounds.renew(session, "reconcile", now, later)

    assert not begin(session, now + HOUR)
    assert begin(session, later + HOUR)
    assert not rounds.renew(session, "reconcile", later, later + HOUR)
