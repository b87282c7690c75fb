"""A name server for tests: it says what it is told to, and of some names nothing at all."""

import socket
from threading import Event
from typing import Any


class Names:
    """Stands in for `socket.getaddrinfo`; knows `*.test`, and asks the real one about the rest."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.end = Event()  # of the silence
        self._ask = socket.getaddrinfo
        # Of each name the addresses, with a port in place of the one that is asked for, or None.
        self.known: dict[str, list[tuple[str, int | None]]] = {}

    def look_up(self, host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        """Answer as `getaddrinfo` does; say nothing about a name of `.test` that is not known."""
        if not str(host).endswith(".test"):
            return self._ask(host, port, *arguments, **options)
        self.asked.append(host)
        if host not in self.known:
            self.end.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, own or port))
            for address, own in self.known[host]
        ]
