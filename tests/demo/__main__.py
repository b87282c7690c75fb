"""`python -m tests.demo`: start the demo, say where to click, stop all of it on Ctrl-C."""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from earlywatch.config import load_settings
from earlywatch.errors import EarlywatchError
from earlywatch.supervisor.up import require_free_port
from tests.builders import PASSWORD
from tests.demo.pulse import Jobs
from tests.demo.seed import EMAIL
from tests.demo.stand import Stand

GLANCE = 0.5  # seconds
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WELCOME = """\
The demo of Earlywatch is ready: {url}

  Sign in    {url}/sign-in
             {email}, password: {password}
  Monitors   {url}/monitors   one in every state
  Pricing    {url}/pricing    subscribe; the card 4242 4242 4242 4242 pays
  Billing    {url}/billing    change, pause, resume, cancel
  Mailbox    {url}/mailbox    every mail that is sent
  Operators  {url}/operators/events
  Stripe     a stand-in at {stripe}, whose pages open when you pay, change the
             card or look at an invoice: no money moves. The card 4000 0000 0000 0341
             is declined at the second payment.

In a minute: sign in, Pricing, Supporter for $7, pay; Billing, Pause; Billing, Cancel.
Everything is thrown away at the end. Stop with Ctrl-C.
"""


class Stop:
    """Whether somebody asked us to stop. An Event would not do: a handler may find it locked."""

    asked = False

    def ask(self, *_: object) -> None:
        """Handle a signal."""
        self.asked = True


def main() -> int:
    """Run the demo until a signal comes; return the exit status."""
    stop = Stop()
    for number in SIGNALS:
        signal.signal(number, stop.ask)
    try:
        _run(stop)
    except EarlywatchError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    return 0


def _run(stop: Stop) -> None:
    port = load_settings({"PORT": os.environ.get("PORT", "")}).port
    require_free_port(port)
    sys.stdout.write("Starting the demo. The first time takes a little longer.\n")
    sys.stdout.flush()
    with (
        tempfile.TemporaryDirectory(prefix="earlywatch-demo-") as directory,
        Stand(Path(directory), port, lambda: stop.asked) as stand,
    ):
        pulses = stand.start()
        with Jobs(f"{stand.url}/ping", pulses) as jobs:
            if not stop.asked:
                _welcome(stand)
            while not stop.asked:
                stand.check()
                jobs.turn()
                time.sleep(GLANCE)


def _welcome(stand: Stand) -> None:
    about = {"url": stand.url, "stripe": stand.stripe_url, "email": EMAIL, "password": PASSWORD}
    sys.stdout.write(WELCOME.format(**about))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
