"""Celery: the worker and the beat. Redis is only the doorbell; nothing is lost with it."""

import warnings
from typing import Any

from celery import Celery, Task
from celery.exceptions import SecurityWarning
from flask import Flask

from earlywatch.tasks import beat_schedule

THREADS = 12  # more than tasks.deliveries.DRAINS, so that the detector always finds one
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


def run_worker(celery: Celery) -> None:
    """Work until told to stop. A message lost with a killed worker costs nothing: beat rings."""
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


def run_beat(celery: Celery) -> None:
    """Ring the bells until told to stop.

    The schedule is kept in memory: every task catches up by itself, and a schedule file can be
    left broken by a kill.
    """
    celery.Beat(scheduler="celery.beat:Scheduler", pidfile=None, loglevel="INFO", quiet=True).run()
