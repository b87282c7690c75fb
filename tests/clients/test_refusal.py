"""Which refusals of a recipient mean that the address is gone, as real servers word them."""

import pytest

from earlywatch.clients.mail import MailError
from tests.clients.mails import MAIL, Make
from tests.clients.servers import mail_server

GONE = [
    "550 5.1.1 <alice@example.org>: Recipient address rejected: User unknown in local table",
    "550 5.1.1 <alice@example.org>: Recipient address rejected: User unknown in relay table",
    "550 #5.1.1 unknown",
    "550 5.1.2 Host unknown",
    "553 5.1.3 bad address",
    "551 5.1.6 moved",
    "556 5.1.10 Domain does not accept mail (nullMX)",
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound",
    "550 5.2.1 The email account that you tried to reach is disabled",
    "550-5.1.1 The account that you tried to reach does not exist.\r\n550 5.1.1 Please check",
    "556 domain does not accept mail",
    "550 no such user here",
    "550 Unknown user",
    "550 <alice@example.org>: user unknown",
    "550 User alice@example.org does not exist",
    "550 Mailbox not found",
    "553 No such local user",
]
NOT_TODAY = [
    "550 5.4.5 Daily user sending limit exceeded",
    "550 relay not permitted",
    "554 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
    "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
    "550 5.1.8 Sender address rejected: Domain not found",
    "501 5.1.7 Bad sender address syntax",
    "554 5.5.1 too many connections",
    "550 5.2.2 mailbox full",
    "552 5.2.2 mailbox full",
    "552 over quota",
    "550 5.7.1 relaying denied",
    "550 5.7.1 User unknown or not allowed",
    "530 5.7.0 sign in first",
    "503 need MAIL before RCPT",
    "550 5.0.0 rejected",
    "550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents",
    "550-Verification failed for <a@earlywatch.test>\r\n550-No such user\r\n550 Sender rejected",
    "550 Requested action not taken: mailbox unavailable",
    "551 not local",
    "550 4.2.1 no such user",
    "550",
    "450 4.2.0 greylisted",
    "450 4.1.1 User unknown",
    "450 no such user",
    "421 4.3.2 shutting down",
]


@pytest.mark.parametrize(
    ("reply", "permanent"),
    [(reply, True) for reply in GONE] + [(reply, False) for reply in NOT_TODAY],
)
def test_only_an_address_that_is_gone_is_given_up(
    reply: str, permanent: bool, make_mailer: Make
) -> None:
    with mail_server() as sink:
        sink.to_rcpt = reply
        with pytest.raises(MailError, match="refused the address") as caught:
            make_mailer(sink.url).send(MAIL)

    assert caught.value.permanent is permanent


def test_a_refusal_is_shown_as_the_server_worded_it(make_mailer: Make) -> None:
    with mail_server() as sink:
        sink.to_rcpt = "550-5.1.1 No such\r\n550 5.1.1 user"
        with pytest.raises(MailError) as caught:
            make_mailer(sink.url).send(MAIL)

    assert str(caught.value) == (
        "The mail server refused the address: 550 5.1.1 No such 5.1.1 user"
    )
