"""What comes back to a mail of ours: reports of mail servers (RFC 3464), and answers of people.

Never raises: who sends what it cannot read has said nothing.
"""

import re
from email.message import Message

from earlywatch.clients.refusal import GONE, NOT_THE_RECIPIENT, is_for_ever
from earlywatch.domain.snooze import LENGTHS, Act
from earlywatch.ingest.mail import leaves, parsed, read_head, read_mail
from earlywatch.services.reports import Report

REPORT = "message/delivery-status"
FAILED, DELAYED = "failed", "delayed"
# "smtp; 550-5.1.1 No such user" of Diagnostic-Code: the code, and what follows it.
SAID = re.compile(r"smtp; ?(\d{3})[ -](.*)", re.IGNORECASE | re.DOTALL)
LONGEST_COMMAND = 40  # characters of the line that decides
QUOTED = ">"
SNOOZE = "snooze "
COMMANDS = {
    "ack": Act.ACKNOWLEDGE,
    "acknowledge": Act.ACKNOWLEDGE,
    **{SNOOZE + act.value: act for act in (*LENGTHS, Act.TOMORROW)},
}
# Of programs that answer by themselves, old ones that do not say so properly too.
BY_ITSELF = {"bulk", "junk", "list", "auto_reply"}
AUTOMATIC = ("x-autoreply", "x-autorespond", "list-id")


def read_report(content: bytes) -> Report | None:
    """Return what a mail server says of a mail that it took, None if this is no such report."""
    try:
        found = [_of_recipient(fields) for fields in _recipients(parsed(content))]
    except Exception:  # noqa: BLE001 - anybody may send anything here
        return None
    told = [report for report in found if report is not None]
    return min(told, key=lambda report: not report.failed, default=None)


def read_command(content: bytes) -> Act | None:
    """Return what a person answers, None if it is nothing we know, or no person."""
    try:
        if _is_automatic(read_head(content)):
            return None
    except Exception:  # noqa: BLE001 - anybody may send anything here
        return None
    body = (read_mail(content).body or b"").decode("utf-8", "replace")
    lines = (line.strip() for line in body.splitlines())
    first = next((line for line in lines if line and not line.startswith(QUOTED)), "")
    words = first[: LONGEST_COMMAND + 1].rstrip(".!").lower()
    return COMMANDS.get(" ".join(words.split()))


def _recipients(mail: Message) -> list[Message]:
    """Return the groups of fields about recipients, that about the mail left out."""
    for part in leaves(mail):
        groups = part.get_payload()
        if part.get_content_type() == REPORT and isinstance(groups, list):
            return [group for group in groups if isinstance(group, Message)][1:]
    return []


def _of_recipient(fields: Message) -> Report | None:
    action = _field(fields, "Action").lower()
    if action not in {FAILED, DELAYED}:
        return None
    status, said = _field(fields, "Status").partition(" ")[0], _field(fields, "Diagnostic-Code")
    words = said.partition(";")[2].strip() or status or "no reason given"
    if action == DELAYED:
        return Report(f"The mail is delayed: {words}")
    gone = _is_gone(status, said)
    return Report(f"The mail came back: {words}", failed=True, permanent=gone)


def _is_gone(status: str, said: str) -> bool:
    if status in GONE and not NOT_THE_RECIPIENT.search(said):
        return True
    found = SAID.fullmatch(said)
    return found is not None and is_for_ever(int(found[1]), found[2])


def _field(fields: Message, name: str) -> str:
    return " ".join(str(fields.get(name, "")).split())


def _is_automatic(head: Message) -> bool:
    submitted = _field(head, "Auto-Submitted").lower().partition(";")[0].strip()
    return (
        submitted not in {"", "no"}
        or _field(head, "Precedence").lower() in BY_ITSELF
        or any(name in head for name in AUTOMATIC)
    )
