"""Telling those who run this installation what only a person can put right."""

import logging
from datetime import datetime

from sqlalchemy.orm import Session

from earlywatch.domain.letter import Letter
from earlywatch.services import billing_mails
from earlywatch.services.wiring import wiring

logger = logging.getLogger(__name__)


def tell(
    session: Session, workspace_id: int, kind: str, about: str, letter: Letter, now: datetime
) -> None:
    """Queue a mail to each of `OPERATOR_EMAILS`, once for each `kind` and `about`."""
    addresses = wiring().settings.operator_emails
    if not addresses:
        fields = {"kind": kind, "workspace_id": workspace_id}
        logger.error("operators must be told, but OPERATOR_EMAILS is not set", extra=fields)
    billing_mails.tell_operators(session, addresses, workspace_id, kind, about, letter, now)
