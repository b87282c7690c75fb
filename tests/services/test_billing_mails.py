"""Mails about money: once per person, links at the last moment, every monitor named."""

from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from html5lib import HTMLParser
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from earlywatch.channels.registry import Doors
from earlywatch.clients.letter import compose as on_the_wire
from earlywatch.domain import billing_letters
from earlywatch.domain.billing_letters import Letter
from earlywatch.domain.money import Money
from earlywatch.models import BillingMail
from earlywatch.models.workspace import Role
from earlywatch.services import billing_mails
from earlywatch.services.billing_mails import OutgoingMail, Whom, compose, tell
from earlywatch.services.links import Links
from earlywatch.services.outbox import LEASE, Claim
from tests.billing_builders import days, mails
from tests.builders import NOW, make_account, make_member, make_workspace
from tests.channels.test_hostile_names import PIECES

RECEIPT = billing_letters.receipt(
    plan="Team",
    paid=Money(2_000),
    number="EW-0001",
    next_at=NOW + days(30),
    next_amount=Money(2_000),
    zone="UTC",
    now=NOW,
)
FROZEN = billing_letters.frozen(names=["nightly backup", "weekly report"], limit=20, plan="Free")
LARGEST = 50_000  # bytes of a mail


def outgoing(letter: Letter, workspace: str = "Night shift") -> OutgoingMail:
    """A mail as it would be claimed."""
    buttons = tuple((f"https://watch.test/{'x' * 150}", words) for _, words in letter.buttons)
    return OutgoingMail(Claim(1, 1), "alice@example.org", letter, workspace, buttons)


def wire(mail: OutgoingMail) -> bytes:
    return on_the_wire(compose(mail), "alerts@watch.test", "watch.test", NOW)


def hrefs(html: str) -> list[str | None]:
    root = HTMLParser(strict=True, namespaceHTMLElements=False).parse(html)
    assert not list(root.iter("script")) + list(root.iter("img"))
    return [link.get("href") for link in root.iter("a")]


def test_each_owner_is_told_once(session: Session, now: datetime) -> None:
    owner, admin, member = (make_account(session) for _ in range(3))
    workspace = make_workspace(session, owner, member)
    make_member(session, workspace, admin, Role.ADMIN)

    told = [
        tell(session, workspace.id, "receipt", "in_1", RECEIPT, now, Whom.OWNERS) for _ in range(2)
    ]
    tell(session, workspace.id, "receipt", "in_2", RECEIPT, now, Whom.OWNERS)

    assert told == [2, 0]
    assert [mail.about for mail in mails(session)] == ["in_1", "in_1", "in_2", "in_2"]
    assert {mail.address for mail in mails(session)} == {owner.email, admin.email}


def test_the_whole_team_is_told_what_is_not_watched(session: Session, now: datetime) -> None:
    people = [make_account(session) for _ in range(3)]
    workspace = make_workspace(session, *people)

    assert tell(session, workspace.id, "frozen", "now", FROZEN, now, Whom.TEAM) == 3


def test_a_person_of_two_workspaces_is_told_of_both(session: Session, now: datetime) -> None:
    owner = make_account(session)
    workspaces = [make_workspace(session, owner) for _ in range(2)]

    told = [tell(session, each.id, "receipt", "x", RECEIPT, now, Whom.TEAM) for each in workspaces]

    assert told == [1, 1]


def test_operators_are_told_where_nobody_else_is(session: Session, now: datetime) -> None:
    workspace = make_workspace(session)
    letter = billing_letters.fraud(workspace=workspace.name, amount=Money(700))
    to = ["ops@example.org"]

    billing_mails.tell_operators(session, to, workspace.id, "fraud", "ch_1", letter, now)

    assert [mail.address for mail in mails(session)] == to
    assert billing_mails.tell_operators(session, [], workspace.id, "x", "y", letter, now) == 0


def test_links_are_signed_for_who_gets_them(session: Session, links: Links, now: datetime) -> None:
    owner = make_account(session)
    workspace = make_workspace(session, owner)
    tell(session, workspace.id, "receipt", "in_1", RECEIPT, now, Whom.OWNERS)

    mail = billing_mails.claim(session, links, now)

    assert mail is not None
    [(invoice, _), (cancel, words)] = mail.buttons
    assert (invoice, words) == ("https://watch.test/billing/invoices", "Cancel the plan")
    head, _, token = cancel.rpartition("/")
    assert head == "https://watch.test/billing/mail/cancel"
    assert links.read_billing("cancel", token, now + days(59)) == (workspace.id, owner.email)
    assert "watch.test" not in str(mails(session)[0].letter)


def test_who_may_not_act_on_the_bill_gets_no_link_that_does(
    session: Session, links: Links, now: datetime
) -> None:
    owner, member = make_account(session, "a@example.org"), make_account(session, "b@example.org")
    workspace = make_workspace(session, owner, member)
    letter = billing_letters.paused(
        plan="Team", credit=Money(0), until=now, names=["backup"], zone="UTC", now=now
    )
    tell(session, workspace.id, "paused", "p", letter, now, Whom.TEAM)

    both = [billing_mails.claim(session, links, now) for _ in range(2)]

    found = {mail.to: [words for _, words in mail.buttons] for mail in both if mail}
    assert found[owner.email] == [
        *("Resume now", "Extend the pause", "Cancel the plan", "Choose what stays watched")
    ]
    assert found[member.email] == ["Choose what stays watched"]


def test_a_mail_goes_out_with_the_same_id_at_every_attempt(
    session: Session, links: Links, doors: Doors, now: datetime
) -> None:
    workspace = make_workspace(session)
    tell(session, workspace.id, "receipt", "in_1", RECEIPT, now, Whom.OWNERS)

    claimed = [billing_mails.claim(session, links, now + n * LEASE) for n in range(2)]
    assert billing_mails.claim(session, links, now + LEASE) is None
    mail = claimed[1]
    assert mail is not None
    assert claimed[0] is not None
    assert compose(claimed[0]).id == compose(mail).id
    billing_mails.record(session, mail, billing_mails.attempt(mail, doors.mail), now + LEASE)

    row = session.query(BillingMail).one()
    session.refresh(row)
    assert row.state == "sent"


def test_both_parts_say_the_same() -> None:
    mail = compose(outgoing(FROZEN))
    root = HTMLParser(strict=True, namespaceHTMLElements=False).parse(mail.html)
    in_html = " ".join(" ".join(root.itertext()).split())

    assert mail.text.splitlines()[0] == FROZEN.subject
    for said in (FROZEN.subject, FROZEN.first, *FROZEN.paragraphs, *FROZEN.names, "Night shift"):
        assert said in mail.text
        assert said in in_html
    for word, value in FROZEN.rows:
        assert f"{word}: {value}" in mail.text
        assert word in in_html
        assert value in in_html
    assert all(url in mail.text and url in mail.html for url, _ in outgoing(FROZEN).buttons)


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=100)), max_size=60))
@example(PIECES)
@example(["".join(PIECES)])
def test_no_name_breaks_a_mail(monitors: list[str]) -> None:
    letter = billing_letters.frozen(names=monitors, limit=20, plan="Free")
    mail = outgoing(letter, "Night shift")

    composed = compose(mail)
    message = BytesParser(EmailMessage, policy=policy.strict).parsebytes(wire(mail))

    assert message.get_all("Bcc") is None
    assert message.get_all("To") == ["alice@example.org"]
    assert hrefs(composed.html) == [url for url, _ in mail.buttons]
    assert composed.text.count("\n- ") == len(monitors)


def test_five_thousand_names_go_out_in_mails_that_arrive_whole(
    session: Session, now: datetime
) -> None:
    workspace = make_workspace(session)
    named = [f"a monitor with a usual name {number}" for number in range(5_000)]
    letter = billing_letters.frozen(names=named, limit=20, plan="Free")

    count = tell(session, workspace.id, "frozen", "now", letter, now, Whom.TEAM)
    again = tell(session, workspace.id, "frozen", "now", letter, now, Whom.TEAM)

    parts = [Letter.from_json(mail.letter) for mail in mails(session)]
    assert (count, again) == (len(parts), 0)
    assert [name for part in parts for name in part.names] == named
    assert parts[0].subject == f"5,000 monitors are no longer watched (part 1 of {len(parts)})"
    assert max(len(wire(outgoing(part, "N" * 80))) for part in parts) < LARGEST


def test_names_that_take_much_room_go_out_in_smaller_portions() -> None:
    for name in ("\U0001f600" * 80, '"' * 80, "<" * 80, "é" * 80):
        letter = billing_letters.frozen(names=[name] * 300, limit=20, plan="Free")

        parts = letter.in_parts()

        assert sum(len(part.names) for part in parts) == 300
        assert max(len(wire(outgoing(part, "N" * 80))) for part in parts) < LARGEST
