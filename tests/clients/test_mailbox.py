"""Mail kept in a directory, for a first run without a mail server."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from earlywatch.clients.letter import Mail, MailError
from earlywatch.clients.mail import Mailer
from earlywatch.clients.mailbox import list_mailbox, read_mail
from earlywatch.errors import NotFound

MAIL = Mail("1", "alice@example.org", "Grüße", "Hallo\n", "<p>Hallo</p>\n")


@pytest.fixture
def mailbox(tmp_path: Path) -> Path:
    return tmp_path / "data" / "mailbox"


def test_without_a_mail_server_mail_is_kept(mailbox: Path) -> None:
    answer = Mailer(None, "Earlywatch <alerts@localhost>", mailbox).send(MAIL)

    [kept] = list_mailbox(mailbox)
    assert answer == "Kept in the local mailbox."
    assert (kept.to, kept.subject) == ("alice@example.org", "Grüße")
    assert kept.sender == "Earlywatch <alerts@localhost>"
    assert (kept.text.strip(), kept.html.strip()) == ("Hallo", "<p>Hallo</p>")
    assert read_mail(mailbox, kept.name) == kept


def test_the_newest_mail_comes_first_and_old_ones_are_left_out(mailbox: Path) -> None:
    mailer = Mailer(None, "alerts@localhost", mailbox)
    for number in range(4):
        mailer.send(replace(MAIL, id=str(number), subject=f"number {number}"))

    kept = list_mailbox(mailbox, limit=3)

    assert [mail.subject for mail in kept] == ["number 3", "number 2", "number 1"]


def test_a_mailbox_that_is_not_there_yet_is_empty(mailbox: Path) -> None:
    assert list_mailbox(mailbox) == []


def test_files_of_others_are_not_mails(mailbox: Path) -> None:
    Mailer(None, "alerts@localhost", mailbox).send(MAIL)
    (mailbox / "notes.eml").write_text("not ours")

    assert len(list_mailbox(mailbox)) == 1


@pytest.mark.parametrize(
    "name", ["", "../mailbox", "../../etc/passwd", "20261120T051703000000-0123456789ab"]
)
def test_a_name_that_is_none_of_ours_is_not_found(name: str, mailbox: Path) -> None:
    with pytest.raises(NotFound):
        read_mail(mailbox, name)


@pytest.mark.parametrize("made_before", [False, True])
def test_nobody_else_on_the_machine_can_read_it(mailbox: Path, made_before: bool) -> None:
    if made_before:
        mailbox.mkdir(parents=True, mode=0o755)

    Mailer(None, "alerts@localhost", mailbox).send(MAIL)

    [mail] = mailbox.iterdir()
    assert stat.S_IMODE(mailbox.stat().st_mode) == 0o700
    assert stat.S_IMODE(mail.stat().st_mode) == 0o600


def test_a_directory_that_cannot_be_written_to_is_temporary(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(MailError, match="could not be written") as caught:
        Mailer(None, "alerts@localhost", tmp_path / "file" / "mailbox").send(MAIL)

    assert not caught.value.permanent
