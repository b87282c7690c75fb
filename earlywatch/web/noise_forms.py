"""The part of a monitor's form that keeps alerts few: how many failures, and what it waits for."""

from collections.abc import Sequence
from typing import Any

from wtforms import SelectMultipleField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from earlywatch.domain.failures import MOST_NEEDED, MOST_RUNS, Patience
from earlywatch.domain.monitor import MOST_SUCCESSES, InvalidMonitor
from earlywatch.models import Monitor
from earlywatch.services.dependencies import Parents
from earlywatch.web.forms import Form
from earlywatch.web.hour_fields import read_count
from earlywatch.web.reads import Reads


def _count_to(most: int) -> Reads:
    def read(text: str) -> int:
        count = read_count(text)
        if not 1 <= count <= most:
            raise InvalidMonitor(f"Write a number from 1 to {most}.")
        return count

    return Reads(read, optional=True)


class NoiseFields(Form):
    """After `validate`, `patience`, `successes` and `chosen_parents` hold what it says."""

    failures_needed = StringField("Failures needed", [_count_to(MOST_NEEDED)], default="1")
    failures_of = StringField("Of the last runs", [_count_to(MOST_RUNS)], default="")
    successes_needed = StringField("Successes needed", [_count_to(MOST_SUCCESSES)], default="1")
    parents = SelectMultipleField("Depends on", coerce=int, default=())
    parent_names = TextAreaField("Depends on", default="")

    patience: Patience | None = None
    choices_of_parents: Parents | None = None

    def offer_parents(self, offered: Parents) -> None:
        """Let these be chosen; where they are too many, their names are typed."""
        self.choices_of_parents = offered
        self.parents.choices = [SelectChoice(each.id, each.name) for each in offered.choices]
        if offered.many:
            self.parents.data = []

    @staticmethod
    def noise_of(monitor: Monitor, parents: Sequence[Monitor], typed: str) -> dict[str, Any]:
        """Return what the fields show of a monitor."""
        return {
            "failures_needed": str(monitor.failures_needed),
            "failures_of": str(monitor.failures_of or ""),
            "successes_needed": str(monitor.successes_needed),
            "parents": [parent.id for parent in parents],
            "parent_names": typed,
        }

    @property
    def successes(self) -> int:
        """How many successes it takes, once that was read."""
        return self.successes_needed.value or 1

    @property
    def asks_many(self) -> bool:
        """Whether names of parents are typed, because there are too many to choose from."""
        return self.choices_of_parents is not None and self.choices_of_parents.many

    @property
    def chosen_parents(self) -> tuple[int | str, ...]:
        """What it depends on: ids, or names as they were typed."""
        if not self.asks_many:
            return tuple(self.parents.data or ())
        lines = (line.strip() for line in (self.parent_names.data or "").splitlines())
        return tuple(dict.fromkeys(line for line in lines if line))

    @property
    def noisy(self) -> bool:
        """Whether anything of this part is set, or wrong."""
        counts = (self.failures_needed, self.failures_of, self.successes_needed)
        changed = any(field.data != field.default for field in counts)
        wrong = any(field.errors for field in (*counts, self.parents, self.parent_names))
        return changed or wrong or bool(self.chosen_parents)

    def refuse_parents(self, error: InvalidMonitor) -> None:
        """Show beside its field why the parents cannot be these."""
        field = self.parent_names if self.asks_many else self.parents
        field.errors = [*field.errors, str(error)]

    def read_patience(self) -> None:
        """Set `patience` from what was read; the reason beside its field if refused."""
        if self.failures_needed.errors or self.failures_of.errors:
            return
        try:
            self.patience = Patience(self.failures_needed.value or 1, self.failures_of.value)
        except InvalidMonitor as error:
            self.failures_of.errors = [*self.failures_of.errors, str(error)]
