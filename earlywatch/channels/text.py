"""Making words safe for where they go: nobody's monitor name may ping a channel or be a link."""

import html
import re
import unicodedata
from collections.abc import Callable, Iterable

from earlywatch.domain.alert_words import Row

NO_BREAK = "\u200b"  # takes no room, and ends what a chat program would have recognised

NOTHING = "\N{EN DASH}"  # where a chat program takes no empty text

# What chat programs turn into something else: a mention, an address, a link in brackets.
LIVELY = re.compile(r"(?i)@(?=\w)|:(?=//)|\](?=\()|www(?=\.)|mailto(?=:)|(?<=\w)\.(?=[a-z]{2})")

HARMLESS = re.compile(r"[A-Za-z ]+")
# What Discord reads as markup inside a line, and what it reads as markup at the start of one.
# https://support.discord.com/hc/en-us/articles/210298617
DISCORD = re.compile(r"[\\*_~`|<>\[\]]")
DISCORD_START = re.compile(r"[-+#>]|\d+[.)]")
# What Adaptive Cards fill in: {{DATE(…)}} and ${name}.
# https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features
CARD_FUNCTION = re.compile(r"\{(?=\{)|\$(?=\{)")
# A word that Telegram makes a command or a topic of.
TELEGRAM_WORD = re.compile(r"(?<!\w)[/#$](?=\w)")

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


def discord_escaped(text: str) -> str:
    """Return `text` as Discord shows it literally, at the start of a line or within."""
    start = NO_BREAK if DISCORD_START.match(text) else ""
    return start + DISCORD.sub(r"\\\g<0>", defused(text))


def card_literal(text: str) -> str:
    """Return `text` with nothing in it that an Adaptive Card would fill in."""
    return CARD_FUNCTION.sub(lambda found: found[0] + NO_BREAK, defused(text))


def html_escaped(text: str) -> str:
    """Return `text` as the HTML of chat programs shows it literally."""
    return html.escape(defused(text), quote=False)


def chat_literal(text: str) -> str:
    """Return `text` with no mention or link in it for programs that write these as <…>."""
    return defused(text).replace("<", f"<{NO_BREAK}")


def telegram_literal(text: str) -> str:
    """Return `text` with nothing in it that Telegram would make something to press of."""
    return TELEGRAM_WORD.sub(lambda found: found[0] + NO_BREAK, defused(text))


def is_harmless(word: str) -> bool:
    """Tell whether no markup needs escaping in `word`: letters and spaces alone."""
    return HARMLESS.fullmatch(word) is not None


def fitting(
    rows: Iterable[Row], room: int, size: Callable[[Row], int], most: int = 50
) -> list[Row]:
    """Return the rows that fit, at most `most`, and if there are others a last one that says so.

    `room` is in what `size` counts.
    """
    every = [(word or NOTHING, said or NOTHING) for word, said in rows]
    kept: list[Row] = []
    for row in every:
        room -= size(row)
        if room < 0 or (len(kept) == most - 1 and len(every) > most):
            return [*kept, ("And", f"{len(every) - len(kept)} more")]
        kept.append(row)
    return kept


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
