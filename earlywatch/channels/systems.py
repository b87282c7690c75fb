"""What channels to systems that keep incidents of their own share: PagerDuty and its like."""

from earlywatch.channels.text import defused
from earlywatch.domain import alert_words
from earlywatch.domain.alert import Alert

# Their pages may show markup: no tag begins with this.
TAG, NO_TAG = "<", "<\u200b"


def key_of(alert: Alert) -> str:
    """Return what the incident is called there: ours, or one that this message opens and closes."""
    return alert.incident_key if alert.trouble else f"earlywatch-message-{alert.id}"


def title(alert: Alert, longest: int) -> str:
    """Return the subject, in at most `longest` characters."""
    return safe(alert_words.subject(alert))[:longest]


def links(alert: Alert) -> list[tuple[str, str]]:
    """Return words and addresses of what there is to press."""
    return [each for each in (alert_words.link(alert), alert_words.action(alert)) if each]


def lines(alert: Alert) -> list[str]:
    """Return all that there is to say beside the subject, a line for each thing."""
    rows = [f"{word}: {said}" for word, said in alert_words.rows(alert)]
    return [safe(line) for line in (alert_words.opening(alert), *rows)]


def safe(text: str) -> str:
    """Return what people typed with no markup, mention or link alive in it."""
    return defused(text).replace(TAG, NO_TAG)
