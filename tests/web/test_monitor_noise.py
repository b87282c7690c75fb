"""The part of a monitor's form and page that keeps alerts few."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.models import Incident, Monitor
from earlywatch.models.monitor import monitor_parent
from earlywatch.services import dependencies
from tests.builders import make_incident, make_monitor
from tests.client import Browser
from tests.html import check_page
from tests.web.team import Team
from tests.web.test_monitor_edits import typed

QUIET: dict[str, Any] = {"failures_needed": "3", "failures_of": "5", "successes_needed": "2"}
HOUR = timedelta(hours=1)


def named(session: Session, name: str) -> Monitor:
    return session.scalars(select(Monitor).filter_by(name=name)).one()


def blocked(session: Session, team: Team) -> tuple[Monitor, Monitor]:
    """A parent in trouble, and a child that it blocks."""
    at = utcnow() - HOUR
    parent = make_monitor(session, team.workspace, "database", status="late")
    child = make_monitor(session, team.workspace, "report", status="late")
    session.execute(insert(monitor_parent).values(monitor_id=child.id, parent_id=parent.id))
    make_incident(session, parent, opened_at=at)
    make_incident(session, child, opened_at=at, held="blocked", blocked_by_id=parent.id)
    return parent, child


def test_what_was_decided_is_kept_and_shown(client: Browser, session: Session, team: Team) -> None:
    parent = make_monitor(session, team.workspace, "database")
    client.sign_in(team.owner)

    answer = client.submit("/monitors/new", typed(**QUIET, parents=[parent.id]))

    made = named(session, "nightly backup")
    assert (made.failures_needed, made.failures_of, made.successes_needed) == (3, 5, 2)
    assert dependencies.linked(session, made)[0] == [parent]
    page = client.follow(answer).text
    for shown in ("3 failures of 5 runs", "2 successes in a row", "Depends on", "database"):
        assert shown in page
    assert "Blocks" in client.get(f"/monitors/{parent.id}").text


def test_an_edit_shows_what_is_set_and_saving_it_changes_nothing(
    client: Browser, session: Session, team: Team
) -> None:
    parent = make_monitor(session, team.workspace, "database")
    client.sign_in(team.owner)
    client.submit("/monitors/new", typed(**QUIET, parents=[parent.id]))
    path = f"/monitors/{named(session, 'nightly backup').id}/edit"

    page = client.get(path)
    client.submit(path, typed(**QUIET, parents=[parent.id]))

    check_page(page.text)
    assert '<details class="more" id="noise" open>' in page.text
    made = named(session, "nightly backup")
    assert (made.failures_needed, made.failures_of, made.successes_needed) == (3, 5, 2)
    assert dependencies.linked(session, made)[0] == [parent]


def test_parents_that_are_not_ticked_any_more_are_given_up(
    client: Browser, session: Session, team: Team
) -> None:
    _, child = blocked(session, team)
    client.sign_in(team.owner)

    client.submit(f"/monitors/{child.id}/edit", typed())

    session.refresh(child)
    assert dependencies.linked(session, child) == ([], [])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"failures_needed": "0"}, "Write a number from 1 to 10."),
        ({"failures_needed": "many"}, "Write a whole number, such as 3."),
        ({"successes_needed": "11"}, "Write a number from 1 to 10."),
        ({"failures_needed": "3", "failures_of": "2"}, "must be between 3 and 20"),
    ],
)
def test_what_makes_no_sense_is_refused_beside_its_field(
    client: Browser, session: Session, team: Team, fields: dict[str, str], words: str
) -> None:
    client.sign_in(team.owner)

    answer = client.submit("/monitors/new", typed(**fields))

    assert answer.status_code == 200
    assert words in answer.text
    for typed_text in fields.values():
        assert f'value="{typed_text}"' in answer.text
    assert not session.scalars(select(Monitor)).all()


def test_a_circle_is_refused_by_its_names_and_what_was_typed_stays(
    client: Browser, session: Session, team: Team
) -> None:
    parent, child = blocked(session, team)
    client.sign_in(team.owner)

    answer = client.submit(f"/monitors/{parent.id}/edit", typed(name="dump", parents=[child.id]))

    check_page(answer.text)
    assert "That would be a circle: “dump” depends on “report” depends on “dump”." in answer.text
    assert 'value="dump"' in answer.text
    session.expire_all()
    assert parent.name == "database"


def test_where_monitors_are_many_their_names_are_typed(
    client: Browser, session: Session, team: Team
) -> None:
    for n in range(31):
        make_monitor(session, team.workspace, f"job {n}")
    client.sign_in(team.owner)

    wrong = client.submit("/monitors/new", typed(parent_names="job 7\nJob seven"))
    client.submit("/monitors/new", typed(parent_names="job 7\n\njob 9"))

    assert "There is no monitor called “Job seven”." in wrong.text
    assert "job 7\nJob seven</textarea>" in wrong.text.replace("\r\n", "\n")
    made = named(session, "nightly backup")
    assert [each.name for each in dependencies.linked(session, made)[0]] == ["job 7", "job 9"]


def test_a_monitor_of_strangers_is_no_parent(client: Browser, session: Session, team: Team) -> None:
    other = make_monitor(session, name="theirs")
    client.sign_in(team.owner)

    client.submit("/monitors/new", typed(parents=[other.id]))

    assert not session.execute(select(monitor_parent)).all()


def test_blocked_is_said_on_list_and_page(client: Browser, session: Session, team: Team) -> None:
    parent, child = blocked(session, team)
    client.sign_in(team.owner)

    listed = client.get("/monitors").text
    shown = client.get(f"/monitors/{child.id}").text
    narrowed = client.get("/monitors?status=blocked").text

    check_page(listed)
    check_page(shown)
    assert "1 of 2 needs you" in listed
    assert "1 is blocked by another." in listed
    assert "Blocked by database" in listed
    assert "badge-blocked" in shown
    assert f'Blocked by <a href="/monitors/{parent.id}">database</a>' in shown
    assert ">report</a>" in narrowed
    assert ">database</a>" not in narrowed


def test_the_page_of_a_blocked_incident_names_what_blocks_it(
    client: Browser, session: Session, team: Team
) -> None:
    parent, child = blocked(session, team)
    client.sign_in(team.owner)
    incident = session.scalars(select(Incident).filter_by(monitor_id=child.id)).one()

    shown = client.get(f"/incidents/{incident.id}").text

    check_page(shown)
    assert f'By <a href="/monitors/{parent.id}">database</a>.' in shown


@pytest.mark.parametrize(
    ("held", "in_list", "on_page"),
    [
        ("failures", "Not told before 2 failures in a row", "Nobody is told before 2 failures"),
        ("flapping", "Comes and goes", "It comes and goes."),
        ("folded", "Told together with others", "It is told together with others"),
    ],
)
def test_why_nobody_is_told_is_said_on_list_and_page(
    client: Browser, session: Session, team: Team, held: str, in_list: str, on_page: str
) -> None:
    late = make_monitor(
        session, team.workspace, status="late", failures_needed=2, successes_needed=3, recovering=1
    )
    at = utcnow()
    make_incident(session, late, opened_at=at - HOUR, held=held, next_step_at=at + HOUR)
    client.sign_in(team.owner)

    listed, shown = client.get("/monitors").text, client.get(f"/monitors/{late.id}").text

    assert in_list in listed
    assert on_page in shown
    assert "1 of 3 successes" in listed
    assert "1 of 3 successes" in shown
    check_page(shown)


def test_a_monitor_that_comes_and_goes_says_so_while_it_is_up(
    client: Browser, session: Session, team: Team
) -> None:
    at = utcnow()
    monitor = make_monitor(session, team.workspace, flapping_at=at)
    for n in range(5):
        began = at - n * timedelta(minutes=5)
        make_incident(session, monitor, opened_at=began, resolved_at=began, step=1)
    client.sign_in(team.owner)

    assert "Comes and goes" in client.get("/monitors").text
    assert "<b>Flapping.</b>" in client.get(f"/monitors/{monitor.id}").text
