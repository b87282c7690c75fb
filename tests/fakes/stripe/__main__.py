"""`python -m tests.fakes.stripe --port N --webhook-url URL --webhook-secret S`: for `make demo`."""

import argparse
import signal
import threading

from tests.fakes.stripe import FakeStripe


def main() -> None:
    """Serve on the real clock until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=12111)
    parser.add_argument("--webhook-url")
    parser.add_argument("--webhook-secret", default="whsec_earlywatch")
    options = parser.parse_args()
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: told.set())
    with FakeStripe(None, options.webhook_url, options.webhook_secret, port=options.port):
        told.wait()


if __name__ == "__main__":
    main()
