"""What a customer must have paid, counted from days alone and compared with the money that moved.

At every moment, with exact fractions of a cent:

    taken from the card + asked for and not yet paid
        = used + paid ahead + owed to the customer

- **used**: price x seconds / length of the period, for each second in which a subscription was
  in service. A cancellation in the middle of a period uses the day that has begun: days are
  counted back from the period's end. A period whose invoice was dropped (voided, or left open by
  a subscription that has ended) counts nothing, and neither does a second subscription that was
  bought in another tab while the first one lived.
- **paid ahead**: the same for the rest of the current period; nothing while paused.
- **asked for**: drafts and open invoices of periods that have begun. What a resumption or a change
  waits for is not asked for yet: it has no effect before it is paid. Once it is, within 23 hours,
  it counts from the moment for which it was asked, as Stripe's invoice does.
- **owed**: the customer's balance, credits that wait for an invoice, and both where they lie on
  the open invoice of a resumption or a change.

Stripe rounds each proration line to a cent and we round each refund once, so both sides may
differ by half a cent for each proration line that was ever made and half a cent for each
cancellation in the middle of a period; by nothing else.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from tests.errands.timelines import ENDED, Look, Timelines
from tests.fakes.stripe import FakeStripe
from tests.fakes.stripe.state import Obj

DAY = 24 * 3600
HALF = Fraction(1, 2)
DROPPED, ASKED, PAID = "dropped", "asked for", "paid"
UNPAID = ("draft", "open")


@dataclass(frozen=True)
class Sums:
    """Both sides of the books, in cents; `slack` is what rounding may have added."""

    taken: int
    asked: int
    used: Fraction
    ahead: Fraction
    owed: int
    slack: Fraction

    @property
    def off(self) -> Fraction:
        """How much more was taken than the days are worth; negative: less."""
        return self.taken + self.asked - self.used - self.ahead - self.owed


class Books:
    """Keeps count for the one customer of a test. `ours` are the subscriptions that we sold."""

    def __init__(self, stripe: FakeStripe, times: Timelines) -> None:
        self._stripe, self._times = stripe, times
        self.ours: set[str] = set()

    def sums(self) -> Sums:
        """Return the sums at this moment."""
        now = self._stripe.clock()
        counted = [look for look in self._times.last() if look.id in self.ours]
        in_the_middle = sum(self._cut(look.id) is not None for look in counted)
        return Sums(
            taken=sum(entry.cents for entry in self._stripe.ledger()),
            asked=sum(self._asked(look) for look in counted),
            used=sum((self._used(look.id, now) for look in counted), Fraction(0)),
            ahead=sum((self._ahead(look, now) for look in counted), Fraction(0)),
            owed=self._owed(),
            slack=HALF * (self._times.prorations + in_the_middle),
        )

    def charges_while_paused(self) -> list[str]:
        """Return the payments that were taken between the beginning and the end of a pause."""
        now = self._stripe.clock()
        invoices = self._stripe.state.table("invoice")
        found = []
        for entry in self._stripe.ledger():
            if entry.kind != "payment":
                continue
            key = _subscription_of(invoices[entry.invoice or ""])
            at = int(entry.at.timestamp())
            found += [
                f"{entry.cents} cents at {entry.at} on {entry.invoice}"
                for look, until in self._times.stretches(key, now)
                if look.at < at < until and (look.status == "paused" or not look.collecting)
            ]
        return found

    def left_to_charge(self) -> list[str]:
        """Return open invoices of subscriptions that have ended: somebody could still pay them."""
        ended = {look.id for look in self._times.last() if look.status in ENDED}
        return [
            invoice["id"]
            for invoice in self._stripe.state.all("invoice", status="open")
            if _subscription_of(invoice) in ended
        ]

    def never_asked_for(self) -> list[str]:
        """Return live subscriptions in a period that nobody was ever asked to pay."""
        serving = [look for look in self._times.last() if look.serves]
        return [look.id for look in serving if self._base(look)[0] == DROPPED]

    def _used(self, key: str, now: int) -> Fraction:
        used = sum(
            (self._worth(look, until - since) for look, since, until in self._spans(key, now)),
            Fraction(0),
        )
        cut = self._cut(key)
        return used if cut is None else used + self._worth(*cut)

    def _spans(self, key: str, now: int) -> list[tuple[Look, int, int]]:
        """Return each look with the time for which it counts."""
        looks = self._times.looks[key]
        spans: list[tuple[Look, int, int]] = []
        for before, look, after in zip([None, *looks], looks, [*looks[1:], None], strict=False):
            since = self._counts_from(before, look)
            spans = [(one, begin, min(end, since)) for one, begin, end in spans if begin < since]
            spans.append((look, since, after.at if after else max(now, look.at)))
        return spans

    def _counts_from(self, before: Look | None, look: Look) -> int:
        """Return since when a look counts: what was paid late, from when it was asked for."""
        if before is None or not look.serves:
            return look.at
        if before.status == "paused":
            return look.start
        if before.pending and not look.pending and before.cents != look.cents:
            return int(self._stripe.state.table("invoice")[before.latest or ""]["created"])
        return look.at

    def _cut(self, key: str) -> tuple[Look, int] | None:
        """Return what was cancelled in the middle, and the seconds of the begun day after that."""
        for before, last in pairwise(self._times.looks[key]):
            if last.status == "canceled":
                cut = last.reason == "cancellation_requested" and last.at < before.end
                return (before, (before.end - last.at) % DAY) if cut and before.serves else None
        return None

    def _ahead(self, look: Look, now: int) -> Fraction:
        return self._worth(look, max(0, look.end - now)) if look.live else Fraction(0)

    def _worth(self, look: Look, seconds: int) -> Fraction:
        """Return what so many seconds of a period are worth as it looked."""
        if not look.serves:
            return Fraction(0)
        state, asked = self._base(look)
        cents = look.cents - asked if state == DROPPED else look.cents
        return Fraction(cents * seconds, look.end - look.start)

    def _base(self, look: Look) -> tuple[str, int]:
        """Return whether the period of a look was paid, and the cents asked for it at first."""
        found: dict[str, int] = {}
        for invoice in self._stripe.state.table("invoice").values():
            for line in invoice["lines"]["data"]:
                if _is_period(line, look):
                    found[self._state_of(invoice)] = line["amount"]
        for state in (PAID, ASKED, DROPPED):
            if state in found:
                return state, found[state]
        raise AssertionError(f"no invoice asks for the period of {look}")

    def _state_of(self, invoice: Obj) -> str:
        if invoice["status"] == "paid":
            return PAID
        ended = self._times.looks[_subscription_of(invoice)][-1].status in ENDED
        return DROPPED if ended or invoice["status"] not in UNPAID else ASKED

    def _asked(self, look: Look) -> int:
        """Return what was asked for and is not paid; a draft has not used the balance yet."""
        return sum(
            invoice["total"] if invoice["status"] == "draft" else invoice["amount_remaining"]
            for invoice in self._unpaid(look)
            if look.live and not _waits(look, invoice)
        )

    def _owed(self) -> int:
        state = self._stripe.state
        balance = sum(int(customer["balance"]) for customer in state.all("customer"))
        waiting = sum(int(item["net_amount"]) for item in state.all("invoiceitem", invoice=None))
        held = sum(
            _held(look, invoice)
            for look in self._times.last()
            for invoice in self._unpaid(look)
            if _waits(look, invoice)
        )
        return held - balance - waiting

    def _unpaid(self, look: Look) -> list[Obj]:
        invoices = self._stripe.state.table("invoice").values()
        return [
            invoice
            for invoice in invoices
            if invoice["status"] in UNPAID and _subscription_of(invoice) == look.id
        ]


def _subscription_of(invoice: Obj) -> str:
    return str(invoice["parent"]["subscription_details"]["subscription"])


def _is_period(line: Obj, look: Look) -> bool:
    return (
        line["subscription"] == look.id
        and line["period"] == {"start": look.start, "end": look.end}
        and not _is_proration(line)
    )


def _waits(look: Look, invoice: Obj) -> bool:
    """Whether an invoice has no effect before it is paid."""
    waiting = look.status == "paused" or look.pending
    return waiting and invoice["status"] == "open" and invoice["id"] == look.latest


def _held(look: Look, invoice: Obj) -> int:
    """Return the credits on such an invoice, which come back if it is dropped."""
    from_balance = int(invoice["ending_balance"] - invoice["starting_balance"])
    if look.status != "paused":
        return from_balance
    waited = (line for line in invoice["lines"]["data"] if _is_proration(line))
    return from_balance - sum(int(line["amount"]) for line in waited)


def _is_proration(line: Obj) -> bool:
    return bool(line["parent"]["subscription_item_details"]["proration"])
