"""Workspaces and the people in them."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

from earlywatch.domain.plans import PlanName
from earlywatch.domain.zone import find_zone
from earlywatch.errors import NotFound
from earlywatch.models import Account, Channel, Member, Workspace
from earlywatch.models.workspace import Role
from earlywatch.services.emails import known_spelling


def create_workspace(session: Session, owner: Account, now: datetime, plan: PlanName) -> Workspace:
    """Create a workspace for `owner`, with their confirmed address as its first channel."""
    name = owner.email.partition("@")[0]
    workspace = Workspace(name=f"{name}'s workspace", plan=plan.value, created_at=now)
    session.add(workspace)
    session.flush()
    session.add_all(
        [
            Member(
                account_id=owner.id,
                workspace_id=workspace.id,
                role=Role.OWNER.value,
                created_at=now,
            ),
            Channel(
                workspace_id=workspace.id,
                kind="email",
                name=owner.email,
                config={"address": owner.email},
                is_default=True,
                created_at=now,
                verified_at=now,
            ),
        ]
    )
    session.flush()
    return workspace


def find_member(session: Session, account_id: int) -> Member | None:
    """Return the person's oldest membership, with its workspace, or None if they have none."""
    return session.scalar(
        select(Member)
        .join(Member.workspace)
        .options(contains_eager(Member.workspace))
        .where(Member.account_id == account_id)
        .order_by(Workspace.created_at, Workspace.id)
        .limit(1)
    )


def get_owned(session: Session, email: str) -> Workspace:
    """Return the oldest workspace that the person with this address owns. Raises NotFound."""
    workspace = session.scalar(
        select(Workspace)
        .join(Member, Member.workspace_id == Workspace.id)
        .join(Account, Account.id == Member.account_id)
        .where(Account.email == known_spelling(email), Member.role == Role.OWNER.value)
        .order_by(Workspace.created_at, Workspace.id)
        .limit(1)
    )
    if workspace is None:
        raise NotFound(f"Nobody with the address {email} owns a workspace. Add the account first.")
    return workspace


def set_time_zone(session: Session, workspace_id: int, time_zone: str) -> None:
    """Show the workspace's times in `time_zone`. Raises a sentence if there is no such zone."""
    zone = find_zone(time_zone.strip())
    workspace = session.get_one(Workspace, workspace_id)
    workspace.time_zone = zone.key
