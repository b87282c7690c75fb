"""A mail to send, and who sends it."""

from collections.abc import Callable

from earlywatch.clients.mail import Mail, Mailer

Make = Callable[[str | None], Mailer]

MAIL = Mail(
    id="8f2f5d7e-0000-4000-8000-000000000000",
    to="alice@example.org",
    subject="nightly backup is late by 12 min",
    text="Late.\n.\nA line with a dot alone above.\n",
    html="<p>Late.</p>",
    thread="incident-17",
    unsubscribe_url="https://earlywatch.test/channels/unsubscribe/abc",
)
SENDER = "Earlywatch <alerts@earlywatch.test>"
