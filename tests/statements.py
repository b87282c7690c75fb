"""Counting the SQL that runs, so that no page asks once for each of its rows."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.orm import Session


@contextmanager
def statements(
    session: Session, kinds: tuple[str, ...] = ("SELECT", "WITH")
) -> Iterator[list[str]]:
    """Collect the queries, or other kinds, that run meanwhile on the connection of the test."""
    ran: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(kinds):
            ran.append(statement)

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", note)
    try:
        yield ran
    finally:
        event.remove(connection, "before_cursor_execute", note)
