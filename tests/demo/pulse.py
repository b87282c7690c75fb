"""Jobs that go on while somebody looks, so that what is up stays up."""

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self

import requests

from tests.demo.seed import Pulse

TIMEOUT = 5.0  # seconds

logger = logging.getLogger(__name__)


@dataclass(order=True)
class Beat:
    """One URL that is requested again and again; moments are monotonic seconds."""

    at: float
    every: float
    url: str = field(compare=False)


class Jobs:
    """Pings what is due, whenever it is given a turn."""

    def __init__(self, ping_base_url: str, pulses: Iterable[Pulse]) -> None:
        self._beats = [beat for pulse in pulses for beat in _beats(ping_base_url, pulse)]
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands between two processes of one machine

    def turn(self) -> None:
        """Ping what is due now. Nobody minds a ping that does not arrive: the monitor shows it."""
        for beat in sorted(self._beats):
            if beat.at > time.monotonic():
                return
            beat.at += beat.every
            try:
                self._session.get(beat.url, timeout=TIMEOUT)
            except requests.RequestException as error:
                logger.warning("ping failed", extra={"error": str(error)})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._session.close()


def _beats(ping_base_url: str, pulse: Pulse) -> Iterator[Beat]:
    url, start, every = f"{ping_base_url}/{pulse.ping_key}", time.monotonic(), pulse.every
    if pulse.takes:
        yield Beat(start, every.total_seconds(), f"{url}/start")
    yield Beat(start + pulse.takes.total_seconds(), every.total_seconds(), url)
