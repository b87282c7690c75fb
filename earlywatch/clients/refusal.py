"""What a mail server's refusal of a recipient means: nobody lives there, or not today."""

import re

# Enhanced status codes that speak of the recipient's address and of nothing else.
GONE = {
    "5.1.1",  # no such mailbox
    "5.1.2",  # no such domain
    "5.1.3",  # not an address
    "5.1.6",  # moved, nobody knows where to
    "5.1.10",  # the domain takes no mail (RFC 7505)
    "5.2.1",  # mailbox disabled
}
NO_MAIL_FOR_DOMAIN = 556  # RFC 7504

ENHANCED = re.compile(r"#?([245]\.\d{1,3}\.\d{1,3})\b")
# "Mailbox unavailable" is not among them: RFC 5321 lets a server say that for reasons of policy.
NOBODY = re.compile(
    r"\b(?:no such|unknown|non-?existent) (?:local )?(?:user|recipient|mailbox)\b"
    r"|\b(?:user|recipient|mailbox)(?: \S+)?"
    r" (?:is unknown|unknown|not found|does not exist|doesn't exist)\b",
    re.IGNORECASE,
)
# Servers that ask back whether the sender exists quote that answer; Gmail has said 5.2.1 of
# mailboxes that get too many mails at once.
NOT_THE_RECIPIENT = re.compile(r"\b(?:sender|rate|quickly)\b", re.IGNORECASE)


def is_for_ever(code: int, text: str) -> bool:
    """Tell whether the answer to RCPT means that no mail will ever be taken there.

    `code` is the basic status code, `text` what follows it on one line. The classes of RFC 3463,
    with the additions of RFC 7504 and RFC 7505; where a server gives no such code, a few plain
    words. All else is about us, about the way there, or about today: limits, full boxes, block
    lists, sign-in. To try again for a day costs little; to give up costs every later alert.
    """
    if not 500 <= code < 600 or NOT_THE_RECIPIENT.search(text):
        return False
    if enhanced := ENHANCED.match(text):
        return enhanced[1] in GONE
    return code == NO_MAIL_FOR_DOMAIN or NOBODY.search(text) is not None
