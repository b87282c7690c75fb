"""Mails to those who run this installation: it cannot hear, it hears again, it never could."""

from datetime import datetime

from earlywatch.domain.duration import rough_duration
from earlywatch.domain.letter import Letter
from earlywatch.domain.outage_words import CAUSES
from earlywatch.domain.words import dated_words, moment_words


def began(cause: str, began_at: datetime, now: datetime) -> Letter:
    """Tell that we cannot hear since `began_at` (UTC)."""
    since = moment_words(began_at, "UTC", now)
    return Letter(
        subject=f"Earlywatch cannot hear pings since {since}",
        first=f"This installation cannot hear pings since {dated_words(began_at, 'UTC')}.",
        paragraphs=(
            CAUSES[cause],
            (
                "Nothing is judged meanwhile, and customers see that on their pages. Look whether"
                " PING_BASE_URL can be reached from outside and from this machine."
            ),
        ),
    )


def ended(cause: str, began_at: datetime, ended_at: datetime, now: datetime) -> Letter:
    """Tell that an outage is over. Moments are UTC."""
    length = rough_duration(ended_at - began_at)
    return Letter(
        subject=f"Earlywatch hears pings again, after {length}",
        first=f"This installation could not hear pings for {length}, and can again.",
        paragraphs=(CAUSES[cause], "Deadlines that it touched were moved on by its length."),
        rows=(
            ("Began", moment_words(began_at, "UTC", now)),
            ("Ended", moment_words(ended_at, "UTC", now)),
            ("Length", length),
        ),
    )


def never_heard(ping_base_url: str) -> Letter:
    """Tell that the canary has never come through, so that outages are not noticed."""
    return Letter(
        subject="Earlywatch cannot reach itself, so it would not notice its own outage",
        first=f"The canary, a ping of our own to {ping_base_url}, has never come through.",
        paragraphs=(
            (
                "Until it does, silence is taken for the jobs', even while pings cannot reach us."
                " Often PING_BASE_URL is wrong, or this machine cannot reach its public address."
            ),
        ),
    )
