"""Pings by email: what mails to running monitors, and to others, become. Word for word."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from earlywatch.clock import utcnow
from earlywatch.domain.keywords import Keywords
from earlywatch.models import Workspace
from tests.builders import make_monitor, make_workspace
from tests.ingest.mailing import DOMAIN, MAIL, MailServer, address, pings
from tests.serving import add_monitors, monitor_of

UNKNOWN = "8c9d1f9e-41a5-4a9d-9e3d-0a4d6d1f7c55"
OK = (250, b"2.0.0 OK")
NOBODY = b"550 5.1.1 No monitor has this address."
MALFORMED = (
    b"550 5.1.1 Before the @ stands the key of a monitor,"
    b" or the ping key of a workspace, a + and a name."
)
FOREIGN = b"550 5.1.1 Only addresses at ping.test are served here."


@pytest.fixture
def workspace(engine: Engine) -> Iterator[tuple[Session, Workspace]]:
    """A workspace, with a session whose commits stay."""
    with Session(engine, expire_on_commit=False) as session:
        workspace = make_workspace(session)
        session.commit()
        yield session, workspace


def test_a_mail_is_a_ping(smtpd: MailServer, engine: Engine, key: UUID) -> None:
    assert smtpd.send(address(key)) == OK

    [kept] = pings(engine, key)
    assert (kept.kind, kept.method, kept.scheme) == ("success", "MAIL", "email")
    assert (kept.message, kept.body, kept.body_cut) == ("done", b"All 4 files.", False)
    assert (str(kept.remote_address), kept.user_agent) == ("127.0.0.1", "From cron@job.test")
    assert monitor_of(engine, key).status == "up"


def test_no_key_is_kept_with_a_ping(smtpd: MailServer, engine: Engine, key: UUID) -> None:
    head = f"To: {address(key)}\r\nSubject: dump\r\n\r\n".encode()
    with smtpd.connect() as session:
        session.ehlo()
        session.mail(address(key))
        session.rcpt(address(key))
        assert session.data(head + b"\r\n" * 310_000) == OK

    [kept] = pings(engine, key)
    assert (kept.message, kept.user_agent) == ("dump", f"From …@{DOMAIN}")
    assert str(key).encode() not in (kept.body or b"")


def test_an_address_is_known_in_upper_case_too(
    smtpd: MailServer, engine: Engine, key: UUID
) -> None:
    assert smtpd.send(f"{str(key).upper()}@Ping.TEST") == OK
    assert len(pings(engine, key)) == 1


def test_a_monitor_is_pinged_by_its_name(
    smtpd: MailServer, engine: Engine, workspace: tuple[Session, Workspace]
) -> None:
    session, owner = workspace
    monitor = make_monitor(session, owner, slug="nightly-backup")
    session.commit()

    assert smtpd.send(f"{owner.ping_key}+nightly-backup@{DOMAIN}") == OK
    assert len(pings(engine, monitor.ping_key)) == 1


def test_a_name_that_several_monitors_have_is_refused(
    smtpd: MailServer, workspace: tuple[Session, Workspace]
) -> None:
    session, owner = workspace
    make_monitor(session, owner, slug="backup")
    make_monitor(session, owner, slug="backup")
    session.commit()

    assert smtpd.answer_to(f"{owner.ping_key}+backup@{DOMAIN}") == (
        b"550 5.1.1 Several monitors have this name."
        b" Use the address with the key of the one you mean."
    )


def test_old_keys_work_until_their_time_is_over(
    smtpd: MailServer, engine: Engine, workspace: tuple[Session, Workspace]
) -> None:
    session, owner = workspace
    soon, before = utcnow() + timedelta(hours=1), utcnow() - timedelta(seconds=1)
    old, ended = uuid4(), uuid4()
    monitor = make_monitor(session, owner, slug="x", old_ping_key=old, old_key_until=soon)
    make_monitor(session, owner, old_ping_key=ended, old_key_until=before)
    owner.old_ping_key, owner.old_key_until = owner.ping_key[::-1], soon
    session.commit()

    assert smtpd.send(address(old), f"{owner.old_ping_key}+x@{DOMAIN}") == OK

    assert [kept.old_key for kept in pings(engine, monitor.ping_key)] == [True, True]
    assert smtpd.answer_to(address(ended)) == NOBODY


@pytest.mark.parametrize(
    ("recipient", "words"),
    [
        (f"{UNKNOWN}@{DOMAIN}", NOBODY),
        (f"{'a' * 22}+backup@{DOMAIN}", NOBODY),
        (f"postmaster@{DOMAIN}", MALFORMED),
        (f"{UNKNOWN}+fail@{DOMAIN}", MALFORMED),
        (f"{UNKNOWN}@example.org", FOREIGN),
        (f"{UNKNOWN}@sub.{DOMAIN}", FOREIGN),
        (f"{UNKNOWN}%{DOMAIN}@example.org", FOREIGN),
        (f"{UNKNOWN}", FOREIGN),
    ],
)
def test_an_address_that_is_not_ours_is_refused(
    smtpd: MailServer, recipient: str, words: bytes
) -> None:
    assert smtpd.answer_to(recipient) == words


@pytest.mark.parametrize("status", ["paused", "frozen"])
def test_a_monitor_that_is_not_watched_says_so(
    smtpd: MailServer, engine: Engine, status: str
) -> None:
    [key] = add_monitors(engine, status=status)

    assert smtpd.send(address(key)) == (250, b"2.0.0 OK (paused - not monitored)")
    assert len(pings(engine, key)) == 1


def test_the_owners_words_decide_what_a_mail_is(smtpd: MailServer, engine: Engine) -> None:
    rules = Keywords(failure=("FAILED",)).to_json()
    [key] = add_monitors(engine, keywords_json=rules, post_only=True)

    smtpd.send(address(key), mail=b"Subject: backup\r\n\r\nIt failed.\r\n")
    smtpd.send(address(key), mail=b"Subject: backup\r\n\r\nIt went well.\r\n")

    assert [kept.kind for kept in pings(engine, key)] == ["fail", "success"]


def test_a_network_that_is_not_allowed_is_told(smtpd: MailServer, engine: Engine) -> None:
    [key] = add_monitors(engine, allowed_networks=["192.0.2.0/24"])

    assert smtpd.send(address(key)) == (
        550,
        b"5.7.1 This monitor takes no pings from your address, see its allowed networks.",
    )
    assert pings(engine, key) == []


def test_a_mail_to_many_is_a_ping_for_each(smtpd: MailServer, engine: Engine) -> None:
    keys = add_monitors(engine, 51)
    with smtpd.connect() as session:
        session.ehlo()
        session.mail("cron@job.test")
        taken = [session.rcpt(address(key)) for key in keys[:50]]
        again = session.rcpt(address(keys[0]))
        refused = session.rcpt(address(keys[50]))
        assert session.data(MAIL) == OK

    assert {*taken, again} == {OK}
    assert refused == (452, b"4.5.3 A mail may have 50 recipients.")
    assert [len(pings(engine, key)) for key in keys] == [*[1] * 50, 0]


def test_two_mails_may_come_in_one_session(smtpd: MailServer, engine: Engine, key: UUID) -> None:
    with smtpd.connect() as session:
        for subject in ("one", "two"):
            session.sendmail("a@job.test", address(key), f"Subject: {subject}\r\n\r\n")

    assert [kept.message for kept in pings(engine, key)] == ["one", "two"]


def test_a_mail_that_nobody_could_read_is_kept_as_it_came(
    smtpd: MailServer, engine: Engine, key: UUID
) -> None:
    junk = b"\xff\x00\x80\r\n" + b"--\r\n" * 310_000

    assert smtpd.send(address(key), mail=junk) == OK

    [kept] = pings(engine, key)
    assert (kept.body, kept.body_cut) == (junk[:100_000], True)
