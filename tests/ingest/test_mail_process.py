"""`earlywatch smtpd` is stopped, killed, left without its database, given a new certificate."""

import shutil
import ssl
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine, create_engine

from earlywatch.db import Base
from earlywatch.embedded import EmbeddedPostgres
from tests.clients.servers import make_certificate
from tests.ingest.mailing import MAIL, MailServer, address, ask, hear, pings
from tests.needs import missing
from tests.serving import add_monitors
from tests.waiting import wait_until

OK = (250, b"2.0.0 OK")


def test_a_server_that_stops_waits_for_the_mail_under_way(
    ping_database: str, engine: Engine, key: UUID, tmp_path: Path
) -> None:
    with MailServer(ping_database, tmp_path / "log.txt") as server:
        with server.call() as idle, server.call() as busy:
            ask(idle, b"EHLO x")
            for line in (b"EHLO x", b"MAIL FROM:<>", f"RCPT TO:<{address(key)}>".encode()):
                ask(busy, line)
            ask(busy, b"DATA")
            server.ask_to_stop()
            farewell = b"421 4.3.2 Earlywatch is being restarted. Please try again."
            assert hear(idle) == farewell

            busy.sendall(MAIL + b".\r\n")
            answer = b"".join(iter(lambda: busy.recv(1000), b""))

        assert answer == b"250 2.0.0 OK\r\n" + farewell + b"\r\n"
        assert server.process is not None
        assert server.process.wait(10) == 0
    assert len(pings(engine, key)) == 1


def test_a_ping_that_was_answered_250_survives_a_kill(
    ping_database: str, engine: Engine, key: UUID, tmp_path: Path
) -> None:
    with MailServer(ping_database, tmp_path / "log.txt", PING_BURST="2") as server:
        assert server.send(address(key)) == OK
        assert server.send(address(key)) == OK
        assert server.answer_to(address(key)) == b"450 4.7.1 slow down"
        server.kill()

    assert len(pings(engine, key)) == 2


def test_without_database_senders_are_told_to_come_again(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "postgres") as postgres:
        engine = create_engine(postgres.url, pool_pre_ping=True)
        Base.metadata.create_all(engine)
        [key] = add_monitors(engine)
        with MailServer(postgres.url, tmp_path / "log.txt") as server:
            assert server.send(address(key)) == OK
            with server.call() as waiting:
                for line in (b"EHLO x", b"MAIL FROM:<>", f"RCPT TO:<{address(key)}>".encode()):
                    ask(waiting, line)
                postgres.stop()
                ask(waiting, b"DATA")
                not_stored = ask(waiting, MAIL + b".")
            not_found = server.answer_to(address(key))
            postgres.start()

            assert server.send(address(key)) == OK
        assert len(pings(engine, key)) == 2
        engine.dispose()

    assert not_stored == b"451 4.3.0 The ping could not be stored. Please try again."
    assert not_found == b"451 4.3.0 The address could not be looked up. Please try again."


def certified(server: MailServer, vouching: Path) -> bytes | None:
    """Send a ping over TLS that this certificate vouches for; return what the server shows."""
    context = ssl.create_default_context(cafile=vouching)
    with server.connect() as session:
        session._host = "localhost"  # type: ignore[attr-defined]  # the name that is checked
        session.starttls(context=context)
        assert "auth" not in session.esmtp_features
        session.ehlo()
        assert not {"auth", "starttls"} & session.esmtp_features.keys()
        assert isinstance(session.sock, ssl.SSLSocket)
        return session.sock.getpeercert(binary_form=True)


def test_a_new_certificate_is_shown_without_a_restart(
    ping_database: str, engine: Engine, key: UUID, tmp_path: Path
) -> None:
    if shutil.which("openssl") is None:
        missing("openssl, which makes the certificate, is not installed")
    certificate, secret = make_certificate(tmp_path)
    paths = {"SMTPD_TLS_CERT": str(certificate), "SMTPD_TLS_KEY": str(secret)}
    with MailServer(ping_database, tmp_path / "log.txt", **paths) as server:
        first = certified(server, certificate)
        kept = certificate.read_bytes()
        certificate.write_text("half")
        assert server.send(address(key)) == OK
        wait_until(lambda: "the old one stays" in server.log.read_text(), 5, "a line in the log")
        certificate.write_bytes(kept)
        assert certified(server, certificate) == first

        make_certificate(tmp_path)
        assert certified(server, certificate) != first

        with server.connect() as session:
            session.starttls()
            session.sendmail("cron@job.test", address(key), MAIL)

    assert len(pings(engine, key)) == 2
    assert "Traceback" not in server.log.read_text()


def test_whoever_fails_at_tls_is_let_go_quietly(ping_database: str, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        missing("openssl, which makes the certificate, is not installed")
    certificate, secret = make_certificate(tmp_path)
    paths = {"SMTPD_TLS_CERT": str(certificate), "SMTPD_TLS_KEY": str(secret)}
    with MailServer(ping_database, tmp_path / "log.txt", **paths) as server:
        with server.call() as connection:
            ask(connection, b"EHLO x")
            assert ask(connection, b"STARTTLS") == b"220 Ready to start TLS"
            connection.sendall(b"EHLO x\r\nMAIL FROM:<>\r\n" * 20)
            while connection.recv(1000):
                pass
        server.call().close()
    assert "Traceback" not in server.log.read_text()
