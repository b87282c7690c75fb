"""Tables: columns, promises kept by the database, and the queries that others share."""

from earlywatch.models.account import Account
from earlywatch.models.account_mail import AccountMail
from earlywatch.models.billing import BillingAction, BillingChange, BillingMail
from earlywatch.models.channel import Channel
from earlywatch.models.delivery import Delivery
from earlywatch.models.incident import Incident
from earlywatch.models.monitor import Monitor
from earlywatch.models.paid_month import PaidMonth
from earlywatch.models.ping import DiscardedBody, Ping, PingSource
from earlywatch.models.received_event import ReceivedEvent, RefusedEvent
from earlywatch.models.sms_use import SmsUse
from earlywatch.models.subscription import Invoice, Subscription
from earlywatch.models.tick import Tick
from earlywatch.models.workspace import Member, Workspace

__all__ = [
    "Account",
    "AccountMail",
    "BillingAction",
    "BillingChange",
    "BillingMail",
    "Channel",
    "Delivery",
    "DiscardedBody",
    "Incident",
    "Invoice",
    "Member",
    "Monitor",
    "PaidMonth",
    "Ping",
    "PingSource",
    "ReceivedEvent",
    "RefusedEvent",
    "SmsUse",
    "Subscription",
    "Tick",
    "Workspace",
]
