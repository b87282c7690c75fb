"""Where acts about money are done: whose bill, who acts, what answers of Stripe lead to."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from earlywatch.clients.stripe_shapes import StripeAway, StripeRefused
from earlywatch.db import db, release
from earlywatch.errands.acting import FigureChanged, UnderWay
from earlywatch.errands.offers import NotPossible
from earlywatch.models import Workspace
from earlywatch.services import plans, watching
from earlywatch.services.pauses import NotPaused
from earlywatch.services.watching import Choice, TooManyChosen
from earlywatch.web.watched import ticked

RETRY_AFTER = 60  # seconds
OUR_OWN = {"csrf_token", "action_id"}


@dataclass(frozen=True)
class Desk:
    """One person at one bill. `by_mail`: through a signed link, perhaps without signing in."""

    workspace: Workspace
    actor: str
    by_mail: bool = False

    @classmethod
    def of_member(cls) -> Self:
        """Return the desk of who is signed in; only beneath `member_only` and `treasurer`."""
        return cls(g.workspace, g.account.email)

    @property
    def workspace_id(self) -> int:
        """Whose bill it is."""
        return self.workspace.id

    @property
    def zone(self) -> str:
        """In which time zone its people read dates."""
        return self.workspace.time_zone

    def show(self, page: "Page", said: str = "") -> ResponseReturnValue:
        """Show a page whose figures Stripe is asked for; `said` is what is wrong."""
        release()
        try:
            return page(self, said)
        except StripeAway as error:
            return away(error)
        except (StripeRefused, NotPossible) as error:
            return self.done(str(error), "warn")

    def press(self, act: Callable[[], str], page: "Page") -> ResponseReturnValue:
        """Do what was pressed. `page` is shown again where nothing was done."""
        release()
        try:
            said = act()
        except StripeAway as error:
            return away(error)
        except (FigureChanged, StripeRefused, TooManyChosen) as error:
            return self.show(page, str(error))
        except (NotPossible, NotPaused, UnderWay) as error:
            return self.done(str(error), "warn")
        return self.done(said)

    def done(self, said: str, look: str = "ok") -> ResponseReturnValue:
        """Say what came of it: on the billing page, or alone to who came from a mail."""
        if self.by_mail:
            return render_template("billing/mail_done.html", desk=self, said=said, look=look)
        flash(said, look)
        return redirect(url_for("billing.index"), 303)

    def render(self, template: str, said: str, **values: object) -> str:
        """Return a page of the desk."""
        return render_template(f"billing/{template}.html", desk=self, said=said, **values)

    def unpaid_choice(self) -> Choice:
        """Return which monitors stay watched when nothing is paid, as ticked if boxes came."""
        choice = watching.choice(db.session(), self.workspace, self.unpaid_limit())
        return replace(choice, chosen=ticked()) if request.form.getlist("watch") else choice

    def unpaid_limit(self) -> int | None:
        """Return how many monitors are watched when nothing is paid; a gift goes on."""
        return plans.without_payment(self.workspace, g.now).monitors


Page = Callable[[Desk, str], ResponseReturnValue]


def away(error: StripeAway) -> ResponseReturnValue:
    """Say that Stripe does not answer; what was sent can be sent again with one button.

    That is an act of its own: whether the first one arrived is still being found out, and each
    looks at Stripe before it does anything.
    """
    sent = [pair for pair in request.form.items(multi=True) if pair[0] not in OUR_OWN]
    page = render_template("billing/away.html", sentence=str(error), sent=sent)
    return page, 503, {"Retry-After": str(RETRY_AFTER)}
