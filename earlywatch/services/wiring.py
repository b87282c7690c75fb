"""What a process needs beside the database, put together once by `create_app`."""

from dataclasses import dataclass

from flask import current_app

from earlywatch.channels.registry import Doors
from earlywatch.clients.object_store import ObjectStore
from earlywatch.clients.stripe import Stripe
from earlywatch.config import Settings
from earlywatch.domain.plans import PlanName
from earlywatch.services.links import Links

EXTENSION = "earlywatch"


@dataclass(frozen=True)
class Wiring:
    """Settings, the maker of links, and the doors to the outside."""

    settings: Settings
    links: Links
    doors: Doors
    stripe: Stripe | None = None  # None: nothing is sold here
    object_store: ObjectStore | None = None  # None: bodies stay in the database

    @property
    def first_plan(self) -> PlanName:
        """The plan of a new workspace."""
        return PlanName.FREE if self.stripe else PlanName.UNLIMITED


def wiring() -> Wiring:
    """Return the wiring of the current application (web, tasks and cli have one)."""
    found: Wiring = current_app.extensions[EXTENSION]
    return found
