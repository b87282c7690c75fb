"""The words of an HTML mail.

Not with the standard library's HTMLParser: 100 kB of `<a <a <a` keep it busy for a minute. This
goes through the text once; it need not understand what browsers do, only show what people read.
"""

from html import unescape

SILENT = frozenset({"script", "style", "template", "title"})
INLINE = frozenset(
    {"a", "abbr", "b", "bdi", "big", "cite", "code", "del", "em", "font", "i", "ins", "kbd"}
    | {"mark", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "tt", "u", "var", "wbr"}
)
CELLS = frozenset({"td", "th"})
LONGEST_NAME = 30  # characters of a tag
COMMENT, COMMENT_END = "!--", "-->"


def text_of_html(html: str) -> str:
    """Return the words, a line for each block. Takes time in proportion to the size."""
    first, *pieces = html.split("<")
    words = [first]
    unheard = ""  # what ends a part that nobody reads
    for piece in pieces:
        if not unheard:
            said, unheard = _said(piece)
            words.append(said)
        elif unheard == COMMENT_END:
            _, ended, said = piece.partition(COMMENT_END)
            if ended:
                unheard = ""
                words.append(said)
        elif _name(piece) == unheard:
            unheard = ""
            words.append(piece.partition(">")[2])
    return _tidy("".join(words))


def _said(piece: str) -> tuple[str, str]:
    """Return what people read of a piece after `<`, and what would end their not reading on."""
    if piece.startswith(COMMENT):
        _, ended, after = piece[len(COMMENT) :].partition(COMMENT_END)
        return after, "" if ended else COMMENT_END
    name = _name(piece)
    tag, closed, after = piece.partition(">")
    if not name or not closed:
        return f"<{piece}", ""
    if name in SILENT and not tag.endswith("/"):
        return "", f"/{name}"
    return _space(name.removeprefix("/")) + after, ""


def _name(piece: str) -> str:
    """Return `p`, `/p` or `!doctype`; nothing for what is no tag."""
    beginning = piece[:LONGEST_NAME].partition(">")[0]
    if not beginning or beginning[0].isspace():
        return ""
    name = beginning.split(maxsplit=1)[0].lower()
    name = name if name.startswith("/") else name.rstrip("/")
    return name if name.lstrip("/!?")[:1].isalpha() else ""


def _space(name: str) -> str:
    """Return what stands between the words before and after a tag."""
    if name in INLINE:
        return ""
    return "\t" if name in CELLS else "\n"


def _tidy(text: str) -> str:
    """Put one space where there are many, and at most one empty line between two others."""
    kept: list[str] = []
    for raw in text.split("\n"):
        line = " ".join(_characters(raw).split())
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).strip()


def _characters(line: str) -> str:
    try:
        return unescape(line)
    except ValueError:  # a number of thousands of digits
        return line
