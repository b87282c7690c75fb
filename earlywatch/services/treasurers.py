"""Who may act on a workspace's bill."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from earlywatch.models import Account, Member, Workspace
from earlywatch.models.workspace import Role
from earlywatch.services.emails import known_spelling

TREASURERS = frozenset({Role.OWNER.value, Role.ADMIN.value})


def find_workspace(session: Session, workspace_id: int, address: str) -> Workspace | None:
    """Return the workspace if the person with this address may act on its bill, else None.

    People leave and lose roles; links in their mails must not outlive that.
    """
    return session.scalar(
        select(Workspace)
        .join(Member, Member.workspace_id == Workspace.id)
        .join(Account, Account.id == Member.account_id)
        .where(
            Workspace.id == workspace_id,
            Member.role.in_(TREASURERS),
            Account.email == known_spelling(address),
        )
    )
