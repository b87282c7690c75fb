"""Two beats and three workers at once: no alert twice, none missing."""

from collections import Counter
from contextlib import ExitStack

import pytest
import requests

from tests.e2e.sinks import MAIL, Inbox
from tests.e2e.stack import Stack
from tests.waiting import wait_until

OWNER = "owner@example.org"
JOBS = 15
PENDING = "SELECT count(*) FROM delivery WHERE state = 'pending'"
MORE = ("worker", "worker", "beat")  # beside those that `earlywatch up` runs


@pytest.mark.slow
def test_two_beats_and_three_workers_tell_each_alert_once(stack: Stack, inbox: Inbox) -> None:
    stack.add_account(OWNER)
    stack.tell_each_alone()
    urls = stack.make_monitors(JOBS)
    with ExitStack() as crowd:
        for words in MORE:
            crowd.enter_context(stack.another(words))
        for _ in range(2):
            for url in urls:
                assert requests.get(url, timeout=10).text == "OK"
            wait_until(
                lambda: stack.count("SELECT count(*) FROM monitor WHERE status = 'late'") == JOBS,
                60,
                "all jobs to be late",
            )
            # What is over before it is told is told in one message.
            wait_until(lambda: stack.count(PENDING) == 0, 60, "all alerts to be sent")

    subjects = Counter(one.text.splitlines()[0].split(" by ")[0] for one in inbox.received)
    # Late, back, late again: each job tells three times, and each mail has an id of its own.
    for number in range(JOBS):
        assert subjects[f"job-{number:02} is late"] == 2
    ids = Counter(one.id for one in inbox.received if one.path == MAIL)
    assert len(ids) == 3 * JOBS
    assert set(ids.values()) == {1}
