"""Three people: the owner of a workspace, a team-mate, and a stranger with one of their own."""

from dataclasses import dataclass

from earlywatch.models import Account, Workspace


@dataclass(frozen=True)
class Team:
    """Who is who; `workspace` belongs to the owner and the mate."""

    owner: Account
    mate: Account
    stranger: Account
    workspace: Workspace
