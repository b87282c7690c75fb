"""Making words safe for where they go: nobody's monitor name may ping a channel or be a link."""

import re
import unicodedata

NO_BREAK = "\u200b"  # takes no room, and ends what a chat program would have recognised

# What chat programs turn into something else: a mention, an address, a link in brackets.
LIVELY = re.compile(r"(?i)@(?=\w)|:(?=//)|\](?=\()|www(?=\.)|mailto(?=:)|(?<=\w)\.(?=[a-z]{2})")

# The alphabet that every phone and network knows. One character outside of it makes each
# character take twice the room. https://en.wikipedia.org/wiki/GSM_03.38
GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
PLAIN = str.maketrans(
    {
        "\N{HORIZONTAL ELLIPSIS}": "...",
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{DOUBLE LOW-9 QUOTATION MARK}": '"',
        "`": "'",
    }
)


def defused(text: str) -> str:
    """Return `text` with its mentions, addresses and links kept from coming alive."""
    return LIVELY.sub(lambda found: found[0] + NO_BREAK, text)


def slack_escaped(text: str) -> str:
    """Return `text` as Slack wants it inside its own markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def in_gsm(text: str) -> bool:
    """Tell whether a phone network carries `text` in its small alphabet."""
    return GSM.issuperset(text)


def gsm_friendly(text: str) -> str:
    """Return `text` with accents and typographic marks made plain where GSM lacks them."""
    return "".join(_plain(character) for character in text.translate(PLAIN))


def _plain(character: str) -> str:
    if character in GSM:
        return character
    base = unicodedata.normalize("NFKD", character)[0]
    return base if base in GSM else character
