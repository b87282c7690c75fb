"""The intake as it is, but for its patience: no test waits for half a minute."""

from typing import Any

from earlywatch.asgi import App, Intake


class HastyIntake(Intake):
    """Waits for a body for a second."""

    body_patience = 1.0


app: Any = App(HastyIntake)
