"""What this process knows of the providers that alerts go out through."""

from threading import Lock
from time import monotonic

from earlywatch.domain.breaker import Breaker, on_ask, on_end

MOST_KNOWN = 10_000  # providers in trouble: users choose hosts, and must not fill our memory
WELL = Breaker()


class Breakers:
    """A breaker for each provider, for any number of threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[str, Breaker] = {}

    def ask(self, provider: str, *, overdue: bool) -> bool:
        """Return whether a message may go there now; if so, `note` must tell how it ended."""
        with self._lock:
            asked = on_ask(self._known.get(provider, WELL), monotonic(), overdue=overdue)
            if asked is None:
                return False
            self._keep(provider, asked)
            return True

    def note(self, provider: str, *, ill: bool) -> None:
        """Note that a message there came to an end."""
        with self._lock:
            self._keep(provider, on_end(self._known.get(provider, WELL), monotonic(), ill=ill))

    def _keep(self, provider: str, breaker: Breaker) -> None:
        if breaker == WELL:
            self._known.pop(provider, None)
            return
        if provider not in self._known and len(self._known) >= MOST_KNOWN:
            self._known.pop(next(iter(self._known)))
        self._known[provider] = breaker
