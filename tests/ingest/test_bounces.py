"""What comes back to mails of ours: reports as RFC 3464 has them, and what people answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from earlywatch.clients.return_path import ReturnPath
from earlywatch.clock import utcnow
from earlywatch.domain.snooze import Act
from earlywatch.ingest.bounces import read_command, read_report
from earlywatch.models import Attempt, Channel, Delivery, Incident
from earlywatch.services.links import Links
from earlywatch.services.reports import Report
from tests.builders import make_channel, make_delivery, make_incident, make_monitor, make_workspace
from tests.ingest.mailing import DOMAIN, SECRET_KEY, MailServer

OK = (250, b"2.0.0 OK")
PATH = ReturnPath(DOMAIN, SECRET_KEY)
LINKS = Links("https://earlywatch.test", SECRET_KEY)
NOBODY = "smtp; 550 5.1.1 <ops@example.org>: Recipient address rejected: User unknown"


def report(action: str = "failed", status: str = "5.1.1", said: str = NOBODY) -> bytes:
    """A report in the shape of RFC 3464, section 2."""
    diagnostic = f"Diagnostic-Code: {said}\r\n" if said else ""
    return (
        "From: MAILER-DAEMON@mx.test\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\n"
        "Auto-Submitted: auto-replied\r\n"
        "MIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nI'm sorry to have to inform you\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.test\r\nArrival-Date: Fri, 20 Nov 2026 01:12:00 +0000\r\n\r\n"
        "Final-Recipient: rfc822; ops@example.org\r\n"
        f"Action: {action}\r\nStatus: {status}\r\n{diagnostic}\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: nightly backup is late\r\n\r\n\r\n"
        "--b--\r\n"
    ).encode()


def reply(text: str, **headers: str) -> bytes:
    """A mail of a person, or of a program that says so in its headers."""
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "Alice <alice@example.org>", "Re: nightly backup is late"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


@pytest.mark.parametrize(
    ("mail", "told"),
    [
        (report(), Report(f"The mail came back: {NOBODY[6:]}", failed=True, permanent=True)),
        (
            report(said="smtp; 550 No such user here", status="5.0.0"),
            Report("The mail came back: 550 No such user here", failed=True, permanent=True),
        ),
        (
            report(said="", status="5.1.1 (bad address)"),
            Report("The mail came back: 5.1.1", failed=True, permanent=True),
        ),
        (
            report(said="smtp; 552 5.2.2 Mailbox full", status="5.2.2"),
            Report("The mail came back: 552 5.2.2 Mailbox full", failed=True),
        ),
        (
            report(said="smtp; 550 5.7.1 sender is on a block list", status="5.7.1"),
            Report("The mail came back: 550 5.7.1 sender is on a block list", failed=True),
        ),
        (
            report(said="smtp; 451 4.4.1 timed out", status="4.4.1"),
            Report("The mail came back: 451 4.4.1 timed out", failed=True),
        ),
        (
            report("delayed", "4.4.1", "smtp; 451 4.4.1 no answer from host"),
            Report("The mail is delayed: 451 4.4.1 no answer from host"),
        ),
        (report("delivered", "2.0.0", ""), None),
        (report("relayed", "2.0.0", ""), None),
        (reply("I am on holiday.", Auto_Submitted="auto-replied"), None),
        (b"", None),
        (b"\xff\xfe", None),
        (b"Content-Type: message/delivery-status\r\n\r\nAction: failed\r\n", None),
    ],
)
def test_a_report_says_whether_a_mail_came_back(mail: bytes, told: Report | None) -> None:
    assert read_report(mail) == told


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("ack", Act.ACKNOWLEDGE),
        ("\n\n  Acknowledge.  \n\nOn Fri, Alice wrote:\n> ack", Act.ACKNOWLEDGE),
        ("> nightly backup is late\n\nACK!", Act.ACKNOWLEDGE),
        ("snooze 1h", Act.HOUR),
        ("Snooze   4H\n-- \nAlice", Act.HOURS),
        ("snooze tomorrow", Act.TOMORROW),
        ("snooze", None),
        ("snooze 2h", None),
        ("back", None),
        ("ack the ping please", None),
        ("Thanks\nack", None),
        ("> ack", None),
        ("", None),
        ("ack " * 5000, None),
    ],
)
def test_the_first_line_that_is_not_quoted_decides(text: str, act: Act | None) -> None:
    assert read_command(reply(text)) is act


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; owner=x"},
        {"Precedence": "bulk"},
        {"X_Autoreply": "yes"},
    ],
)
def test_what_answers_by_itself_is_not_obeyed(headers: dict[str, str]) -> None:
    assert read_command(reply("ack", **headers)) is None
    assert read_command(reply("ack", Auto_Submitted="no")) is Act.ACKNOWLEDGE


@given(st.binary(max_size=300), st.sampled_from([report(), reply("ack")]), st.integers(0, 900))
@settings(max_examples=60, deadline=None)
def test_whatever_comes_is_read_or_dropped(noise: bytes, mail: bytes, place: int) -> None:
    for content in (noise, mail[:place] + noise + mail[place:]):
        read_report(content)
        read_command(content)


def test_an_address_is_known_again_and_no_other_is() -> None:
    mail_id = "8f2f5d7e-0000-4000-8000-000000000000"
    local, _, domain = PATH.address(mail_id).partition("@")

    assert domain == DOMAIN
    assert len(local) <= 64
    assert str(PATH.read(local.upper())) == mail_id
    assert PATH.read(local[:-1] + ("a" if local[-1] != "a" else "b")) is None
    assert ReturnPath(DOMAIN, "another secret key").read(local) is None
    assert PATH.read("bounce+x") is None


@dataclass
class Told:
    """A mail that was sent, its incident, and the addresses that it carried."""

    session: Session
    delivery: Delivery
    incident: Incident
    bounces: str
    answers: str

    def channel(self) -> Channel:
        """Return the channel as it is by now."""
        self.session.expire_all()
        return self.session.get_one(Channel, self.delivery.channel_id)

    def noted(self) -> list[tuple[int, bool, str]]:
        """Return what was noted of the mail."""
        query = select(Attempt).where(Attempt.delivery_id == self.delivery.id)
        return [(row.number, row.sent, row.answer) for row in self.session.scalars(query)]


@pytest.fixture
def told(engine: Engine) -> Iterator[Told]:
    """A mail about an incident, in the database of the server."""
    with Session(engine, expire_on_commit=False) as session:
        now = utcnow()
        workspace = make_workspace(session, now=now)
        channel = make_channel(session, workspace, name="Team mail", now=now)
        incident = make_incident(session, make_monitor(session, workspace, now=now), opened_at=now)
        delivery = make_delivery(session, channel, incident, state="sent", now=now)
        session.commit()
        bounces = PATH.address(str(delivery.public_id))
        answers = f"ack+{LINKS.act_token(incident.id, channel)}@{DOMAIN}"
        yield Told(session, delivery, incident, bounces, answers)


def test_a_mail_that_came_back_counts_as_failed_and_breaks_the_channel(
    smtpd: MailServer, told: Told
) -> None:
    assert smtpd.send(told.bounces, mail=report()) == OK
    assert smtpd.send(told.bounces, mail=report()) == OK

    words = f"The mail came back: {NOBODY[6:]}"
    channel = told.channel()
    assert (channel.broken_reason, told.delivery.state) == (words, "failed")
    assert told.noted() == [(0, False, words)]


def test_a_mail_that_is_delayed_is_noted(smtpd: MailServer, told: Told) -> None:
    mail = report("delayed", "4.4.1", "smtp; 451 no answer")

    assert smtpd.send(told.bounces, mail=mail) == OK

    assert told.channel().broken_at is None
    assert told.delivery.state == "sent"
    assert told.noted() == [(0, True, "The mail is delayed: 451 no answer")]


def test_an_answer_acknowledges(smtpd: MailServer, told: Told) -> None:
    assert smtpd.send(told.answers.upper(), mail=reply("ack")) == OK

    told.session.refresh(told.incident)
    assert told.incident.acknowledged_by == "through Team mail"


def test_an_answer_snoozes(smtpd: MailServer, told: Told) -> None:
    assert smtpd.send(told.answers, mail=reply("snooze 4h")) == OK

    told.session.refresh(told.incident)
    assert told.incident.snoozed_until is not None
    left = told.incident.snoozed_until - utcnow()  # to the next whole minute
    assert timedelta(hours=3, minutes=59) < left <= timedelta(hours=4, minutes=1)
    assert told.incident.snoozed_by == "through Team mail"


@pytest.mark.parametrize(
    "mail", [reply("Thanks."), reply("ack", Auto_Submitted="auto-replied"), report()]
)
def test_anything_else_is_dropped(mail: bytes, smtpd: MailServer, told: Told) -> None:
    assert smtpd.send(told.answers, mail=mail) == OK
    assert smtpd.send(told.bounces, mail=reply("I am on holiday.")) == OK

    told.session.refresh(told.incident)
    assert told.incident.acknowledged_at is None
    assert told.delivery.state == "sent"


def test_an_answer_that_comes_too_late_changes_nothing(smtpd: MailServer, told: Told) -> None:
    told.incident.resolved_at = utcnow()
    told.session.commit()

    assert smtpd.send(told.answers, mail=reply("ack")) == OK

    told.session.refresh(told.incident)
    assert told.incident.acknowledged_at is None


def test_an_answer_to_what_went_somewhere_else_changes_nothing(
    smtpd: MailServer, told: Told
) -> None:
    told.channel().config = {"address": "somebody@example.org"}
    told.session.commit()

    assert smtpd.send(told.answers, mail=reply("ack")) == OK

    told.session.refresh(told.incident)
    assert told.incident.acknowledged_at is None


def test_an_address_that_we_did_not_make_is_refused(smtpd: MailServer, told: Told) -> None:
    about = told.bounces.partition(".")[0]

    for address in (f"{about}.{'a' * 16}@{DOMAIN}", f"ack+1.2.abcdef.{'a' * 16}@{DOMAIN}"):
        assert smtpd.answer_to(address).startswith(b"550 5.1.1 ")


def test_a_mail_may_be_an_answer_and_a_ping(smtpd: MailServer, told: Told) -> None:
    ping_address = f"{told.incident.monitor.ping_key}@{DOMAIN}"

    assert smtpd.send(told.answers, ping_address, mail=reply("ack")) == OK

    told.session.expire_all()
    assert told.incident.acknowledged_at is not None
    assert told.incident.monitor.last_ping_at is not None
