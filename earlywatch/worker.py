"""Celery: the worker and the beat. Redis is only the doorbell; nothing is lost with it."""

import warnings
from typing import Any

from celery import Celery, Task
from celery.beat import Scheduler
from celery.exceptions import SecurityWarning
from celery.signals import worker_shutting_down
from flask import Flask

from earlywatch.tasks import beat_schedule
from earlywatch.tasks.deliveries import drains

THREADS = 4  # tasks only look and start things; sending has threads of its own
MOST_UNHEARD = 20  # bells in the queue: more would only ring for what is being done
STOP_GRACE = 5.0  # seconds for what is under way when the worker stops
QUEUE = "earlywatch"

# Without these a TCP connection that dies silently stops beat and workers for minutes.
BROKER_OPTIONS = {
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "health_check_interval": 10,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
}


def create_celery(flask_app: Flask, redis_url: str) -> Celery:
    """Return the Celery app whose tasks run inside the site's application context."""

    class ContextTask(Task):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            with flask_app.app_context():
                return self.run(*args, **kwargs)

    options: dict[str, Any] = dict(BROKER_OPTIONS)
    if not redis_url.startswith("redis+socket"):
        options["socket_keepalive"] = True  # a unix socket knows no such option
    celery = Celery("earlywatch", task_cls=ContextTask)
    celery.conf.update(
        broker_url=redis_url,
        broker_transport_options=options,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        task_ignore_result=True,
        task_default_queue=QUEUE,
        worker_hijack_root_logger=False,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        timezone="UTC",
        beat_schedule=beat_schedule(),
        beat_max_loop_interval=1,
    )
    celery.set_default()
    return celery


class Bells(Scheduler):
    """Rings only while somebody listens: Redis must not fill with bells when no worker runs.

    A limit instead of an expiry date, which would be written by one host's clock and read by
    another's: a second between the two would silence every bell.
    """

    def tick(self, *args: Any, **options: Any) -> float:
        """Ring what is due; return after how many seconds to come again.

        Once the clock was set back, the last bells lie ahead, and none would be due for as long.
        """
        entries = self.schedule.values()
        if any(entry.last_run_at > entry.default_now() for entry in entries):
            for entry in entries:
                entry.last_run_at = entry.default_now()
            self._heap = None  # is made anew
        return float(super().tick(*args, **options))

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send the message of an entry that is due, unless enough of them wait."""
        if self._unheard() < MOST_UNHEARD:
            super().apply_entry(entry, producer)

    def _unheard(self) -> int:
        try:
            with self.app.connection_or_acquire() as connection:
                return int(connection.default_channel.client.llen(QUEUE))
        except Exception:  # noqa: BLE001 - Redis is away: sending will fail, be logged and tried again
            return 0


def run_worker(celery: Celery) -> None:
    """Work until told to stop. A message lost with a killed worker costs nothing: beat rings."""
    worker_shutting_down.connect(lambda **_: drains.stopping.set(), weak=False)
    # Root may run everything on one machine; our messages are JSON and carry no code.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    celery.worker_main(
        [
            "--quiet",
            "worker",
            "--pool=threads",
            f"--concurrency={THREADS}",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "--loglevel=INFO",
        ]
    )
    drains.stop(STOP_GRACE)


def run_beat(celery: Celery) -> None:
    """Ring the bells until told to stop.

    The schedule is kept in memory: every task catches up by itself, and a schedule file can be
    left broken by a kill.
    """
    celery.Beat(scheduler=Bells, pidfile=None, loglevel="INFO", quiet=True).run()
