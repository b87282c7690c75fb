"""Beat rings only while somebody listens."""

from datetime import timedelta

import pytest
from celery import Celery
from flask import Flask
from redis import Redis

from earlywatch.worker import MOST_UNHEARD, QUEUE, Bells, create_celery
from tests.waiting import wait_until


@pytest.fixture
def celery(app: Flask, redis_url: str) -> Celery:
    """Our Celery on a real Valkey."""
    return create_celery(app, redis_url)


def queued(redis_url: str) -> int:
    """Return how many bells wait."""
    client = Redis(unix_socket_path=redis_url.removeprefix("redis+socket://"))
    try:
        return int(client.llen(QUEUE))
    finally:
        client.close()


def test_bells_that_nobody_hears_do_not_pile_up(celery: Celery, redis_url: str) -> None:
    beat = Bells(app=celery, lazy=True)
    beat.setup_schedule()

    for _ in range(3 * MOST_UNHEARD):
        for entry in beat.schedule.values():
            beat.apply_entry(entry, producer=beat.producer)

    assert queued(redis_url) == MOST_UNHEARD
    with celery.connection_for_write() as connection:
        connection.default_channel.client.delete(QUEUE)


def test_bells_ring_on_after_the_clock_was_set_back(celery: Celery, redis_url: str) -> None:
    beat = Bells(app=celery, lazy=True)
    beat.setup_schedule()
    beat.tick()
    for entry in beat.schedule.values():  # as if it had rung before
        entry.last_run_at += timedelta(minutes=10)

    beat.tick()

    assert all(entry.last_run_at <= entry.default_now() for entry in beat.schedule.values())
    wait_until(lambda: beat.tick() == 0, 5, "a bell")
    with celery.connection_for_write() as connection:
        connection.default_channel.client.delete(QUEUE)
