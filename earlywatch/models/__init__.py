"""Tables: columns, promises kept by the database, and the queries that others share."""

from earlywatch.models.account import Account
from earlywatch.models.account_mail import AccountMail
from earlywatch.models.channel import Channel
from earlywatch.models.delivery import Delivery
from earlywatch.models.incident import Incident
from earlywatch.models.monitor import Monitor
from earlywatch.models.ping import Ping
from earlywatch.models.tick import Tick
from earlywatch.models.workspace import Member, Workspace

__all__ = [
    "Account",
    "AccountMail",
    "Channel",
    "Delivery",
    "Incident",
    "Member",
    "Monitor",
    "Ping",
    "Tick",
    "Workspace",
]
