"""Ten thousand monitors late in one second: each alert arrives once, and holds up nobody else."""

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.e2e.mail_sink import mail_sink
from tests.e2e.stack import running
from tests.waiting import wait_until

MANY = 10_000
CROWD, SINGLE = "crowd@example.org", "single@example.org"
FIRST = 500  # mails among which the other workspace's must be
PENDING = "SELECT count(*) FROM delivery WHERE state = 'pending'"

MAKE = text("""
    WITH made AS (
        INSERT INTO monitor (workspace_id, ping_key, name, schedule_kind, period, time_zone, grace,
            created_at, status, last_ping_at, last_success_at, expected_at, deadline_at, look_at)
        SELECT member.workspace_id, gen_random_uuid(), :name || '-' || n, 'interval',
            CAST('1 minute' AS interval), 'UTC', CAST('0' AS interval), now(), 'up',
            moment.at - CAST('1 minute' AS interval), moment.at - CAST('1 minute' AS interval),
            moment.at, moment.at, moment.at
        FROM member JOIN account ON account.id = member.account_id,
            generate_series(1, CAST(:count AS int)) AS n,
            (SELECT now() + CAST(:ahead AS interval) AS at) AS moment
        WHERE account.email = :owner
        RETURNING id, workspace_id
    )
    INSERT INTO monitor_channel (monitor_id, channel_id)
    SELECT made.id, channel.id FROM made JOIN channel USING (workspace_id)
""")

# How many others were sent between noticing that the single one is late and telling so.
BETWEEN = """
    SELECT count(*) FROM delivery AS single
    JOIN incident ON incident.id = single.incident_id
    JOIN monitor ON monitor.id = incident.monitor_id AND monitor.name = 'single-1'
    JOIN delivery AS other ON other.sent_at BETWEEN incident.noticed_at AND single.sent_at
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ten_thousand_alerts_at_once_arrive_once_and_another_one_in_between(tmp_path: Path) -> None:
    with mail_sink() as sink, running(tmp_path, {"SMTP_URL": sink.url}) as stack:
        for owner in (CROWD, SINGLE):
            stack.add_account(owner)
        stack.tell_each_alone()
        with stack.database() as engine, engine.begin() as connection:
            for owner, name, count in ((CROWD, "crowd", MANY), (SINGLE, "single", 1)):
                values = {"owner": owner, "name": name, "count": count, "ahead": "4 seconds"}
                connection.execute(MAKE, values)
        wait_until(lambda: len(sink.mails) > MANY, 120, "all mails", 0.2)
        wait_until(lambda: stack.count(PENDING) == 0, 60, "all to be recorded", 0.2)
        between = stack.count(BETWEEN)

    times = Counter(mail.id for mail in sink.mails)
    names = [mail.subject.split()[0] for mail in sink.mails]
    assert set(names) == {"single-1"} | {f"crowd-{n}" for n in range(1, MANY + 1)}
    assert set(times.values()) == {1}
    assert between < FIRST
