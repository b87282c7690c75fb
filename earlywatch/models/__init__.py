"""Tables: columns, promises kept by the database, and the queries that others share."""

from earlywatch.models.account import Account
from earlywatch.models.account_mail import AccountMail
from earlywatch.models.billing import BillingAction, BillingChange, BillingMail
from earlywatch.models.channel import Channel
from earlywatch.models.delivery import Attempt, Delivery, Destination
from earlywatch.models.drill import Drill
from earlywatch.models.fold import Fold
from earlywatch.models.incident import Incident
from earlywatch.models.incident_act import IncidentAct
from earlywatch.models.maintenance import Maintenance
from earlywatch.models.monitor import Monitor
from earlywatch.models.outage import Outage
from earlywatch.models.paid_month import PaidMonth
from earlywatch.models.ping import DiscardedBody, Ping, PingSource
from earlywatch.models.policy import Policy, PolicyStep
from earlywatch.models.received_event import ReceivedEvent, RefusedEvent
from earlywatch.models.sms_use import SmsUse
from earlywatch.models.subscription import Invoice, Subscription
from earlywatch.models.tick import Tick
from earlywatch.models.workspace import Member, Workspace

__all__ = [
    "Account",
    "AccountMail",
    "Attempt",
    "BillingAction",
    "BillingChange",
    "BillingMail",
    "Channel",
    "Delivery",
    "Destination",
    "DiscardedBody",
    "Drill",
    "Fold",
    "Incident",
    "IncidentAct",
    "Invoice",
    "Maintenance",
    "Member",
    "Monitor",
    "Outage",
    "PaidMonth",
    "Ping",
    "PingSource",
    "Policy",
    "PolicyStep",
    "ReceivedEvent",
    "RefusedEvent",
    "SmsUse",
    "Subscription",
    "Tick",
    "Workspace",
]
