"""How long a pause may be, and when it ends."""

from calendar import monthrange
from datetime import datetime, timedelta

MONTHS = (1, 2, 3, 6, 12)  # or until the owner comes back
FIRST_REMINDER = timedelta(days=7)
LAST_REMINDER = timedelta(days=1)


def months_later(moment: datetime, months: int) -> datetime:
    """Return the same day and time `months` later; the 31st becomes a shorter month's last day."""
    year, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + year, month + 1
    day = min(moment.day, monthrange(year, month)[1])
    return moment.replace(year=year, month=month, day=day)
