"""What buttons about money carry, and which plan, interval and amount somebody asks for."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired

from earlywatch.clients.stripe_shapes import Tariff
from earlywatch.domain.money import Money, parse_dollars
from earlywatch.domain.pausing import MONTHS, months_later
from earlywatch.domain.plans import CEILING, FLOOR, FOR_SALE, PLANS, Every, PlanName
from earlywatch.errors import EarlywatchError
from earlywatch.web.account_forms import refuse
from earlywatch.web.forms import Form
from earlywatch.web.paths import number
from earlywatch.web.reads import Reads

OPEN_END = "open"  # a pause until the owner comes back
LENGTHS = (*map(str, MONTHS), OPEN_END)


class BrokenForm(EarlywatchError):
    """What a page of ours puts into its forms did not come back."""

    def __init__(self) -> None:
        super().__init__("The form did not arrive whole. Open the page anew, then press once more.")


class NoSuchPlan(EarlywatchError):
    """Nothing that is sold here."""


def _action_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BrokenForm from None


def _cents(text: str) -> int:
    if text == "0":
        return 0
    cents = number(text)
    if cents is None:
        raise BrokenForm
    return cents


def _length(text: str) -> int | None:
    if text not in LENGTHS:
        raise BrokenForm
    return None if text == OPEN_END else int(text)


class ActForm(Form):
    """A button about money. `action_id` makes pressing it twice one act."""

    action_id = HiddenField(validators=[Reads(_action_id)])

    def pressed(self) -> bool:
        """Whether the button was pressed. Raises BrokenForm if something of ours was lost."""
        if not self.is_submitted():
            return False
        if not self.validate():
            raise BrokenForm
        return True


class FigureForm(ActForm):
    """A button with a figure beside it: `shown`, in cents."""

    shown = HiddenField(validators=[Reads(_cents)])


class ChangeForm(FigureForm):
    """`at` is the Unix time that the figure holds for."""

    at = HiddenField(validators=[Reads(_cents)])


class LengthForm(ActForm):
    """For how long: each length is a button of its own."""

    length = HiddenField(validators=[Reads(_length)])

    def until(self, start: datetime) -> datetime | None:
        """Return the end (UTC) of what begins at `start`; None: until the owner comes back."""
        months = self.length.value
        return None if months is None else months_later(start, months)


class PauseForm(FigureForm, LengthForm):
    """A length, and the credit that was shown."""


class CancelForm(FigureForm):
    """`when` is the button: at the end of what is paid, or now."""

    when = HiddenField(validators=[InputRequired()])


class AmountForm(Form):
    """What a supporter pays a month."""

    amount = StringField(
        "Amount in US dollars a month",
        render_kw={"autocomplete": "off", "inputmode": "decimal", "maxlength": 20},
    )

    def show(self, text: str, error: EarlywatchError | None = None) -> "AmountForm":
        """Hold what was typed, with what is wrong with it."""
        self.amount.data = text
        if error is not None:
            refuse(self.amount, error)
        return self


def read_tariff(values: Mapping[str, str]) -> Tariff:
    """Return what `plan`, `every` and `amount` ask for.

    Raises NoSuchPlan, and InvalidMoney with a sentence for beside the amount.
    """
    try:
        plan, every = PLANS[PlanName(values.get("plan", ""))], Every(values.get("every", "month"))
    except ValueError:
        raise NoSuchPlan("There is no such plan. Choose one of the table.") from None
    if plan not in FOR_SALE:
        raise NoSuchPlan(f"{plan.label} cannot be bought.")
    return Tariff(plan.name, every, _price(values, plan.name, every))


def _price(values: Mapping[str, str], name: PlanName, every: Every) -> Money:
    plan = PLANS[name]
    if not plan.chooses_amount:
        return plan.prices[every]
    if every is not Every.MONTH:
        raise NoSuchPlan(f"{plan.label} is paid by the month.")
    return parse_dollars(values.get("amount", ""), FLOOR, CEILING)
