"""Whatever people, banks, webhooks and Stripe do, and in whatever order: every promise holds.

For a long search raise `EXAMPLES` and `STEPS` by hand, and let `derandomize` be False. A failure
shows its steps as they were drawn; add `Phase.shrink`, and a longer `timeout`, for fewer of them.
"""

import sys
from datetime import timedelta
from functools import partial

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from earlywatch.clients.stripe_shapes import Tariff
from tests.errands.lives import DAY, MINUTE, Life
from tests.errands.presses import (
    Ill,
    Press,
    any_press,
    cards,
    ills,
    presses_by_status,
    subscribing,
    tariffs,
)

EXAMPLES, STEPS = 12, 12
HOUR = timedelta(hours=1)

waits = st.one_of(
    st.integers(1, 90).map(lambda minutes: minutes * MINUTE),
    st.integers(1, 72).map(lambda hours: hours * HOUR),
    st.integers(1, 40).map(lambda days: days * DAY),
)
ages = st.lists(st.none() | st.integers(0, 29), min_size=22, max_size=30)
places = st.integers(0, 29)
dates = st.sampled_from(["period_end", "pause_until", "ends_at"])


class Whims(RuleBasedStateMachine):
    """What may happen to a life, step by step."""

    def __init__(self, app: Flask) -> None:
        super().__init__()
        self._app = app
        self.life: Life

    def teardown(self) -> None:
        """Let everything arrive that is still on its way, unless the test has failed."""
        try:
            if sys.exc_info()[0] is None:
                self.life.be_well_again()
        finally:
            self.life.close()

    @initialize(
        ages=ages, first=st.integers(0, 3).flatmap(lambda n: subscribing if n else st.none())
    )
    def begin(self, ages: list[int | None], first: Press | None) -> None:
        self.life = Life(self._app, ages)
        self.life.check()
        if first:
            self.life.act(first)

    @property
    def _live(self) -> bool:
        return self.life.status in presses_by_status

    # People

    @precondition(lambda self: not self._live)
    @rule(press=subscribing)
    def somebody_subscribes(self, press: Press) -> None:
        self.life.act(press)

    @precondition(lambda self: self._live)
    @rule(data=st.data(), count=st.integers(1, 3))
    def somebody_presses(self, data: st.DataObject, count: int) -> None:
        for _ in range(count):
            if self._live:
                self.life.act(data.draw(presses_by_status[self.life.status]))

    @precondition(lambda self: self._live)
    @rule(data=st.data(), by=waits)
    def somebody_presses_and_time_passes(self, data: st.DataObject, by: timedelta) -> None:
        self.life.act(data.draw(presses_by_status[self.life.status]))
        self.life.wait(by)

    @precondition(lambda self: self._live)
    @rule(data=st.data())
    def somebody_clicks_twice(self, data: st.DataObject) -> None:
        self.life.act_twice(data.draw(presses_by_status[self.life.status]))

    @precondition(lambda self: self._live)
    @rule(data=st.data(), ill=ills, patient=st.booleans())
    def somebody_presses_while_stripe_is_ill(
        self, data: st.DataObject, ill: Ill, patient: bool
    ) -> None:
        self.life.act_while(ill, data.draw(presses_by_status[self.life.status]), patient)

    @precondition(lambda self: not self._live)
    @rule(press=subscribing, ill=ills, patient=st.booleans())
    def somebody_subscribes_while_stripe_is_ill(
        self, press: Press, ill: Ill, patient: bool
    ) -> None:
        self.life.act_while(ill, press, patient)

    @precondition(lambda self: self._live)
    @rule(press=any_press)
    def somebody_presses_on_an_old_page(self, press: Press) -> None:
        self.life.act(press)

    @precondition(lambda self: self.life.customer)
    @rule(tariff=tariffs)
    def a_checkout_stays_open_in_a_tab(self, tariff: Tariff) -> None:
        self.life.open_tab(tariff)

    @precondition(lambda self: self.life.tabs)
    @rule(card=cards)
    def the_tab_is_paid(self, card: str) -> None:
        self.life.pay_page(self.life.tabs.pop(), card)

    @precondition(lambda self: self.life.customer)
    @rule(card=cards)
    def the_card_is_changed(self, card: str) -> None:
        self.life.use_card(card)

    @precondition(lambda self: self.life.open_invoices)
    @rule(data=st.data())
    def an_open_invoice_is_paid_on_its_page(self, data: st.DataObject) -> None:
        self.life.pay_page(data.draw(st.sampled_from(self.life.open_invoices)))

    @rule(reporting=st.frozensets(places, max_size=6), toggled=st.none() | places)
    def jobs_report(self, reporting: frozenset[int], toggled: int | None) -> None:
        self.life.watchers.ping(reporting)
        if toggled is not None:
            self.life.watchers.toggle(toggled)
        self.life.check()

    # Time, and what happens to webhooks

    @rule(by=waits)
    def time_passes(self, by: timedelta) -> None:
        self.life.wait(by)

    @rule(by=waits)
    def time_passes_while_we_are_away(self, by: timedelta) -> None:
        self.life.shop.go_to(self.life.shop.now + by)
        self.life.settle()

    @precondition(lambda self: self._live)
    @rule(date=dates, beside=st.integers(-30, 90))
    def time_passes_to_a_date(self, date: str, beside: int) -> None:
        at = getattr(self.life.shop.row, date)
        if at is not None and at + beside * MINUTE > self.life.shop.now:
            self.life.wait(at + beside * MINUTE - self.life.shop.now)

    @rule(
        duplicate=st.booleans(),
        reorder=st.booleans(),
        worse=st.sampled_from(["", "", "lost", "late"]),
    )
    def webhooks_go_wrong(self, duplicate: bool, reorder: bool, worse: str) -> None:
        faults = self.life.shop.stripe.faults
        faults.duplicate, faults.reorder = duplicate, reorder
        if not worse:
            self.life.be_well_again()
            return
        faults.lose, self.life.shop.deaf = worse == "lost", worse == "late"
        self.life.behind = True


@pytest.mark.slow
@pytest.mark.timeout(360)  # it only takes long while others use the machine, too
def test_every_promise_about_money_and_watching_holds_whatever_happens(app: Flask) -> None:
    run_state_machine_as_test(
        partial(Whims, app),  # type: ignore[arg-type]  # any factory will do
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=True,
            phases=[Phase.generate],  # to shrink takes longer than a test may
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
