"""The names of monitors in ping URLs."""

import re
import unicodedata

from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.domain.monitor import InvalidMonitor
from earlywatch.models import Monitor, Workspace

LONGEST_SLUG = 100
SLUG = re.compile(f"[a-z0-9_-]{{1,{LONGEST_SLUG}}}")
OTHERS = re.compile(r"[^a-z0-9_]+")
ALPHABET = 'has small letters a to z, digits, "-" and "_" alone'


class SlugTaken(InvalidMonitor):
    """Another monitor of the workspace is called so in ping URLs."""


def clean_slug(text: str) -> str:
    """Return `text` if it may stand in a ping URL.

    Raises InvalidMonitor with what could stand there instead.
    """
    if len(text) > LONGEST_SLUG:
        raise InvalidMonitor(f"The name in ping URLs may have at most {LONGEST_SLUG} characters.")
    if not SLUG.fullmatch(text):
        proposal = slug_of(text)
        instead = f': write "{proposal}".' if proposal else ', for example "nightly-backup".'
        raise InvalidMonitor(f"The name in ping URLs {ALPHABET}{instead}")
    return text


def slug_of(name: str) -> str:
    """Return what a monitor of this name could be called in ping URLs; empty if nothing is left."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return OTHERS.sub("-", bare).strip("-")[:LONGEST_SLUG].rstrip("-")


def others_with(
    session: Session, workspace: Workspace, slug: str, monitor_id: int | None = None
) -> list[Monitor]:
    """Return the monitors of the workspace called so in ping URLs, but for one; oldest first."""
    query = select(Monitor).where(Monitor.workspace_id == workspace.id, Monitor.slug == slug)
    found = session.scalars(query.order_by(Monitor.id))
    return [monitor for monitor in found if monitor.id != monitor_id]


def namesakes(session: Session, workspace: Workspace, monitor: Monitor) -> list[Monitor]:
    """Return the other monitors called as this one: no ping by name reaches any of them."""
    return others_with(session, workspace, monitor.slug, monitor.id) if monitor.slug else []


def check_free(
    session: Session, workspace: Workspace, slug: str, monitor_id: int | None = None
) -> None:
    """Raise SlugTaken if a monitor other than `monitor_id` is called so in ping URLs.

    The workspace must be locked: two at once could both take the name.
    """
    if others := others_with(session, workspace, slug, monitor_id):
        raise SlugTaken(
            f'"{others[0].name}" has the name "{slug}" in ping URLs already: a ping could not tell'
            " the two apart. Choose another one."
        )


def free_slug(session: Session, workspace: Workspace, name: str) -> str | None:
    """Return what a new monitor of this name is called in ping URLs, with a number if need be.

    None if nothing can be made of the name. The workspace must be locked, as for `check_free`.
    """
    wanted = slug_of(name)
    if not wanted:
        return None
    taken, slug, number = _like(session, workspace, wanted), wanted, 1
    while slug in taken:
        number += 1
        slug = f"{wanted[: LONGEST_SLUG - len(str(number)) - 1]}-{number}"
    return slug


def _like(session: Session, workspace: Workspace, slug: str) -> set[str | None]:
    start = slug[: LONGEST_SLUG - 10]  # a number cuts the end of a long one
    query = select(Monitor.slug).where(
        Monitor.workspace_id == workspace.id, Monitor.slug.startswith(start, autoescape=True)
    )
    return set(session.scalars(query))
