"""Start the private servers and our own processes, say where to click, stop in order."""

import errno
import http.client
import socket
import sys
import time
from importlib import import_module
from itertools import chain

from earlywatch.config import Settings, is_on_loopback
from earlywatch.embedded import EmbeddedError, EmbeddedServer
from earlywatch.logs import configure_logging
from earlywatch.supervisor.children import Child, Supervisor
from earlywatch.supervisor.data import StartError, make_data_directory, noted_address
from earlywatch.supervisor.machine import Machine

# What our processes import late; imported here once, while the servers start.
PRELOADED = (
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.bin.celery",
    "earlywatch.asgi",
    "gunicorn.app.wsgiapp",
    "kombu.transport.redis",
)
ANSWER_TIMEOUT = 0.5  # seconds
OTHER_PORTS = {"PORT": (8000, 8080), "SMTPD_PORT": (2525, 2526)}
PORT_PATIENCE = 3.0  # seconds; a server that was killed a moment ago may still hold it
GLANCE_WHILE_STARTING = 0.05  # seconds between two looks
GLANCE = 1.0
LONGEST_SILENCE = 10.0  # seconds


class Screen:
    """Standard output that holds everything back until the first lines are out."""

    def __init__(self) -> None:
        self._held: list[str] | None = []

    def write(self, text: str) -> None:
        if self._held is not None:
            self._held.append(text)
        else:
            sys.stdout.write(text)
            self.flush()

    def flush(self) -> None:
        """Pass everything on that is not held back."""
        sys.stdout.flush()

    def release(self, first: str = "") -> None:
        """Show `first`, then what was held back, and from now on everything at once."""
        held, self._held = self._held or [], None
        self.write(first + "".join(held))


def up(settings: Settings) -> int:
    """Run everything on this machine until a signal asks us to stop; return the exit status.

    Raises EarlywatchError with a sentence when it cannot be started.
    """
    screen = Screen()
    configure_logging("up", readable=True, stream=screen)
    require_free_port(settings.port)
    if settings.ping_mail_domain:
        require_free_port(settings.smtpd_port, "SMTPD_PORT", settings.smtpd_host)
    make_data_directory(settings.earlywatch_data_dir)
    machine = Machine(settings)
    stages = machine.stages()
    supervisor = Supervisor(stages, screen.write)
    try:
        with supervisor.signals():
            try:
                _run(settings, machine, stages, supervisor, screen)
            finally:
                screen.release()
                supervisor.stop()
    finally:
        for server in machine.servers:
            server.stop()
    return 0


def _run(
    settings: Settings,
    machine: Machine,
    stages: list[list[Child]],
    supervisor: Supervisor,
    screen: Screen,
) -> None:
    servers, processes = stages[: len(machine.servers)], stages[len(machine.servers) :]
    for [child] in servers:
        supervisor.start(child)
    for module in PRELOADED:
        import_module(module)
    for server in machine.servers:
        _wait_for(server, supervisor)
    if supervisor.stopping:
        return
    machine.migrate()
    with noted_address(settings):
        for child in chain.from_iterable(processes):
            supervisor.start(child)
        _wait_until_ready(settings, supervisor, screen)
        while not supervisor.stopping:
            supervisor.turn(GLANCE)


def _wait_until_ready(settings: Settings, supervisor: Supervisor, screen: Screen) -> None:
    patience = time.monotonic() + LONGEST_SILENCE
    while not supervisor.stopping and not answers(settings.port):
        supervisor.turn(GLANCE_WHILE_STARTING)
        if supervisor.deaths or time.monotonic() > patience:
            screen.release()  # people should see why it takes so long
    if not supervisor.stopping:
        screen.release(welcome(settings))


def _wait_for(server: EmbeddedServer, supervisor: Supervisor) -> None:
    while not supervisor.stopping and not server.is_ready():
        if server.pid is None:
            raise EmbeddedError(
                f"The embedded {server.title} stopped while it started; the lines above say why."
            )
        supervisor.turn(GLANCE_WHILE_STARTING)


def welcome(settings: Settings) -> str:
    """The first lines printed."""
    lines = [f"Earlywatch is ready: {settings.base_url}", f"Data: {settings.earlywatch_data_dir}"]
    if settings.smtp_url is None:
        # The page is for those at the machine, see `web.mailbox`.
        here = is_on_loopback(settings.base_url)
        place = f"{settings.base_url}/mailbox" if here else settings.mailbox_dir
        lines.append(f"Mail: {place} (set SMTP_URL to send it for real)")
    if settings.ping_mail_domain:
        place = f"port {settings.smtpd_port} of {settings.smtpd_host}"
        lines.append(f"Pings by email: to {settings.ping_mail_domain}, taken at {place}")
    lines.append("Stop with Ctrl-C.")
    return "\n".join(lines) + "\n\n"


def require_free_port(port: int, name: str = "PORT", host: str = "127.0.0.1") -> None:
    """Raise StartError when nobody can listen on this port, after waiting for one who leaves it.

    `name` is the setting that says otherwise.
    """
    end = time.monotonic() + PORT_PATIENCE
    while error := _listening_error(host, port):
        reason = (error.strerror or str(error)).lower()
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise StartError(f"SMTPD_HOST is no address of this machine ({reason}): {host}.")
        if time.monotonic() > end:
            another = next(each for each in OTHER_PORTS[name] if each != port)
            raise StartError(
                f"Port {port} cannot be used ({reason});"
                f" choose another one, for example {name}={another}."
            )
        time.sleep(GLANCE_WHILE_STARTING)


def _listening_error(host: str, port: int) -> OSError | None:
    try:
        family, *_, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None


def answers(port: int) -> bool:
    """Whether the server answers, healthy or not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_TIMEOUT)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True
