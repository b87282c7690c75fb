"""Mails about a channel that no longer works."""

from earlywatch.domain.alert_words import one_line
from earlywatch.domain.letter import Button, Letter, remark

CHANNELS: Button = ("channels", "Open the channels")


def broken(*, channel: str, kind: str, reason: str, also: str) -> Letter:
    """Tell that a channel refuses alerts for good; `also` names the one they go to meanwhile.

    `reason` is what the other side said, `also` empty if nobody else is told.
    """
    name = one_line(channel, 80) or "A channel"
    meanwhile = (
        f"Alerts that it cannot take go to {one_line(also, 80)} meanwhile."
        if also
        else "Nobody is told in its place: the alert settings name no fallback channel that works."
    )
    return Letter(
        subject=f"The channel {name} takes no alerts any more",
        first=f"The channel {name} refused an alert for good, so nothing more is sent to it.",
        paragraphs=(
            meanwhile,
            "Change where it leads, or confirm it again: what waits for it is sent then.",
        ),
        rows=(("Channel", name), ("Kind", kind), ("It said", remark(reason))),
        buttons=(CHANNELS,),
    )
