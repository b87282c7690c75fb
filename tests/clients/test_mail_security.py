"""Encryption and sign-in at mail servers."""

import ssl

import pytest

from earlywatch.clients.mail import Mailer, MailError
from tests.clients.mails import MAIL, Make
from tests.clients.servers import Sink, mail_server


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
        login = "alerts%40example.org:p%3Ass%2Fw%40rd%25"
        make_mailer(sink.url.replace("://", f"://{login}@")).send(MAIL)

    assert sink.logins == [("alerts@example.org", "p:ss/w@rd%")]
    assert len(sink.envelopes) == 1


def test_a_wrong_password_is_our_fault_and_not_that_of_the_address(
    make_mailer: Make, tls: ssl.SSLContext
) -> None:
    with mail_server(auth=True, tls_context=tls) as sink:
        mailer = make_mailer(sink.url.replace("://", "://alerts:wrong@"))
        _refuses(mailer, "did not accept our name and password", sink)


def _refuses(mailer: Mailer, words: str, sink: Sink) -> None:
    with pytest.raises(MailError, match=words) as caught:
        mailer.send(MAIL)

    assert not caught.value.permanent
    assert sink.envelopes == []
