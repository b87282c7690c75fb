"""Every mail about money and watching, in one place to look; see the files they come from."""

from earlywatch.domain.letter import Letter
from earlywatch.domain.operator_letters import (
    dispute,
    fraud,
    refund_failed,
    refund_refused,
    undelivered,
)
from earlywatch.domain.pause_letters import (
    extended,
    paused,
    resume_failed,
    resume_soon,
    resumed,
    still_paused,
)
from earlywatch.domain.payment_letters import (
    ended_unpaid,
    fair_use,
    grace_over,
    payment_failed,
    receipt,
    refunded,
    renewal_soon,
    yearly_summary,
)
from earlywatch.domain.plan_letters import (
    cancel_set,
    cancelled,
    changed,
    frozen,
    kept,
    sms_cap,
    thawed,
)

__all__ = [
    "Letter",
    "cancel_set",
    "cancelled",
    "changed",
    "dispute",
    "ended_unpaid",
    "extended",
    "fair_use",
    "fraud",
    "frozen",
    "grace_over",
    "kept",
    "paused",
    "payment_failed",
    "receipt",
    "refund_failed",
    "refund_refused",
    "refunded",
    "renewal_soon",
    "resume_failed",
    "resume_soon",
    "resumed",
    "sms_cap",
    "still_paused",
    "thawed",
    "undelivered",
    "yearly_summary",
]
