"""Time as it passes outside: renewals, webhooks, and the rounds of our tasks."""

from datetime import datetime, timedelta

import time_machine

from earlywatch.clock import utcnow
from earlywatch.tasks import billing, deliveries, events, reconcile, reminders
from tests.fakes.stripe import FakeStripe

ROUND = timedelta(hours=12)  # how often our tasks run while time passes


class Days:
    """One clock for us and Stripe, which stands until a test moves it."""

    def __init__(self, stripe: FakeStripe, traveller: time_machine.Traveller) -> None:
        self.stripe, self._traveller = stripe, traveller
        self.deaf = False  # webhooks are kept until somebody listens again

    @property
    def now(self) -> datetime:
        """The moment (UTC) it is for everybody."""
        return utcnow()

    def settle(self) -> None:
        """Let webhooks arrive and our tasks do what is due, until nothing is left."""
        self._hear()
        reconcile.finish()
        billing.end_due()
        billing.refresh_plans()
        reminders.remind_due()
        self._hear()
        while deliveries.deliver_account_mail() or deliveries.deliver_billing_mail():
            pass

    def _hear(self) -> None:
        """Let webhooks arrive and be handled, and those that this causes."""
        events.handle_due()
        for _ in range(10):
            if self.deaf or not self.stripe.deliver():
                break
            events.handle_due()

    def wait(self, by: timedelta) -> None:
        """Let time pass, in steps as long as our tasks may sleep."""
        end = self.now + by
        while self.now < end:
            self.go_to(min(self.now + ROUND, end))
            self.settle()

    def go_to(self, moment: datetime) -> None:
        """Set the clock, without a round of our tasks: we were away."""
        self._traveller.move_to(moment)
        self.stripe.advance(to=moment)
