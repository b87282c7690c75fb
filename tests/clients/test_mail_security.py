"""Encryption and sign-in at mail servers."""

import ssl

import pytest

from earlywatch.clients.mail import Mailer, MailError
from tests.clients.mails import MAIL, Make
from tests.clients.names import Names
from tests.clients.servers import Sink, mail_server

LOGIN = "alerts%40example.org:p%3Ass%2Fw%40rd%25@"


def test_smtp_encrypts_when_the_server_offers_it(make_mailer: Make, tls: ssl.SSLContext) -> None:
    with mail_server(tls_context=tls) as sink:
        make_mailer(sink.url).send(MAIL)

    assert sink.encrypted == [True]


@pytest.mark.usefixtures("trusted")
def test_starttls_sends_to_a_server_with_a_trusted_certificate(
    make_mailer: Make, tls: ssl.SSLContext
) -> None:
    with mail_server("smtp+starttls", tls_context=tls) as sink:
        make_mailer(sink.url).send(MAIL)

    assert sink.encrypted == [True]


@pytest.mark.usefixtures("trusted")
def test_smtps_is_encrypted_from_the_start(make_mailer: Make, tls: ssl.SSLContext) -> None:
    with mail_server("smtps", implicit_tls=tls) as sink:
        make_mailer(sink.url).send(MAIL)

    assert len(sink.envelopes) == 1


def test_starttls_refuses_a_stranger(make_mailer: Make, tls: ssl.SSLContext) -> None:
    with mail_server("smtp+starttls", tls_context=tls) as sink:
        _refuses(make_mailer(sink.url), "no valid certificate", sink)


def test_smtps_refuses_a_stranger(make_mailer: Make, tls: ssl.SSLContext) -> None:
    with mail_server("smtps", implicit_tls=tls) as sink:
        _refuses(make_mailer(sink.url), "no valid certificate", sink)


def test_starttls_refuses_a_server_without_it(make_mailer: Make) -> None:
    with mail_server("smtp+starttls") as sink:
        _refuses(make_mailer(sink.url), "does not offer the encryption", sink)


def test_name_and_password_come_from_the_url(make_mailer: Make, tls: ssl.SSLContext) -> None:
    with mail_server(auth=True, tls_context=tls) as sink:
        make_mailer(sink.url.replace("://", f"://{LOGIN}")).send(MAIL)

    assert sink.logins == [("alerts@example.org", "p:ss/w@rd%")]
    assert len(sink.envelopes) == 1


def test_a_wrong_password_is_our_fault_and_not_that_of_the_address(
    make_mailer: Make, tls: ssl.SSLContext
) -> None:
    with mail_server(auth=True, tls_context=tls) as sink:
        mailer = make_mailer(sink.url.replace("://", "://alerts:wrong@"))
        _refuses(mailer, "did not accept our name and password", sink)


def test_a_password_is_not_sent_unencrypted(make_mailer: Make, names: Names) -> None:
    with mail_server(auth=True, auth_require_tls=False) as sink:
        mailer = make_mailer(_elsewhere(sink, names))
        _refuses(mailer, r"Set SMTP_URL to smtp\+starttls:// or smtps://", sink)

    assert sink.logins == []


def test_a_password_is_not_sent_to_a_stranger(
    make_mailer: Make, names: Names, tls: ssl.SSLContext
) -> None:
    with mail_server(auth=True, tls_context=tls) as sink:
        _refuses(make_mailer(_elsewhere(sink, names)), "no valid certificate", sink)

    assert sink.logins == []


@pytest.mark.usefixtures("trusted")
def test_a_password_is_sent_to_a_server_with_a_trusted_certificate(
    make_mailer: Make, names: Names, tls: ssl.SSLContext
) -> None:
    with mail_server(auth=True, tls_context=tls) as sink:
        make_mailer(_elsewhere(sink, names)).send(MAIL)

    assert sink.logins == [("alerts@example.org", "p:ss/w@rd%")]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_password_may_go_unencrypted_to_this_machine(host: str, make_mailer: Make) -> None:
    with mail_server(auth=True, auth_require_tls=False) as sink:
        make_mailer(f"smtp://{LOGIN}{host}:{sink.port}").send(MAIL)

    assert sink.logins == [("alerts@example.org", "p:ss/w@rd%")]


def _elsewhere(sink: Sink, names: Names) -> str:
    """Return the address of a server with a password, by a name that is not this machine's."""
    names.known["mail.test"] = [("127.0.0.1", None)]
    return f"smtp://{LOGIN}mail.test:{sink.port}"


def _refuses(mailer: Mailer, words: str, sink: Sink) -> None:
    with pytest.raises(MailError, match=words) as caught:
        mailer.send(MAIL)

    assert not caught.value.permanent
    assert sink.envelopes == []
