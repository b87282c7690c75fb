"""Finds secrets in what jobs send and masks them. Pure, and linear in time on any input.

What helps a person stays: the name before a password, the user in an address. To stay linear,
a search goes from mark to mark with `find`, and a pattern is only ever matched at a mark. It
must not look far ahead and then fail at one mark after the other over the same bytes: open ends
are possessive and stand where a match can no longer fail, what may fail is bounded or cannot
hold a second mark. Around groups that is an atomic group: Python before 3.11.5 goes on at the wrong
place after a possessive one (its issue 106052).
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain

MASKED = b"[masked]"

# Words about a secret that are not the secret.
HARMLESS = frozenset(
    b"none null nil true false yes no on off ok set unset not is was to for and or empty missing "
    b"invalid valid expired required optional changed unchanged updated wrong incorrect rejected "
    b"accepted redacted hidden masked filtered undefined string bearer basic present absent "
    b"correct provided configured".split()
)
DOTS = b"*.-_#x"  # others have masked it with these
BRACKETS = b"()[]{}|.,:!?"
FEW_DIGITS = 6  # a shorter number after "token" or "pass" counts something
LONGEST_FLAG = 24  # bytes of `--some-name-` before the word that tells of a secret
FLAG_LETTERS = b"-_abcdefghijklmnopqrstuvwxyz"

Span = tuple[int, int]


def _kind(
    marks: str, pattern: bytes, after: bytes = rb"(?<![A-Za-z0-9])"
) -> list[tuple[bytes, re.Pattern[bytes]]]:
    """The pattern is matched where a mark stands; its group `secret`, or all of it, is masked."""
    if b"<secret>" not in pattern:
        pattern = rb"(?P<secret>" + pattern + rb")"
    compiled = re.compile(after + pattern)
    return [(mark.encode(), compiled) for mark in marks.split()]


KINDS = (
    *_kind("AKIA ASIA", rb"A[KS]IA[0-9A-Z]{16}(?![A-Za-z0-9])"),
    *_kind("ghp_ gho_ ghu_ ghs_ ghr_", rb"gh[pousr]_[A-Za-z0-9]{20}\w*+"),
    *_kind("github_pat_", rb"github_pat_\w{20}\w*+"),
    *_kind("glpat-", rb"glpat-[\w-]{16}[\w.-]*+"),
    *_kind("xox", rb"xox[a-z]-[\w-]{10}[\w-]*+"),
    *_kind("xapp-", rb"xapp-[\w-]{20}[\w-]*+"),
    *_kind("hooks.slack.com/", rb"hooks\.slack\.com/[a-z]{1,20}/(?P<secret>[\w/-]{8}[\w/-]*+)"),
    *_kind("sk_live_ sk_test_ rk_live_ rk_test_", rb"[sr]k_(?:live|test)_[A-Za-z0-9]{10}\w*+"),
    *_kind("whsec_", rb"whsec_[A-Za-z0-9+/]{16}[A-Za-z0-9+/=]*+"),
    *_kind("eyJ", rb"eyJ[\w-]{8}[\w-]*+\.[\w-]{4}[\w-]*+(?:\.[\w-]*+){0,3}", after=rb"(?<![\w-])"),
    *_kind("AIza", rb"AIza[\w-]{35}[\w-]*+"),
    *_kind("npm_", rb"npm_[A-Za-z0-9]{30}\w*+"),
    *_kind("pypi-", rb"pypi-[\w-]{32}[\w-]*+"),
    *_kind("SG.", rb"SG\.[\w-]{16,64}+\.[\w-]{16}[\w-]*+"),
    *_kind("sk-", rb"sk-(?=[A-Za-z_-]{0,60}+[0-9])[\w-]{20}[\w-]*+", after=rb"(?<![\w-])"),
    # What may fail holds three "/" at most, and so two further marks. A port is no password.
    *_kind(
        "://",
        rb"""://[^\s/?#@:"'<>`]*+:(?P<secret>[^\s/?#"'<>`]+(?=@)"""
        rb"""|(?!\d{0,5}/|[\da-fA-F:.]{1,45}\])[^\s/?#"'<>`]*+(?:/[^\s/?#@"'<>`]*+){1,3}(?=@))""",
        after=rb"",
    ),
)

BEGIN = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----\s{0,8}")
END = b"-----END "

# These are matched against text in lower case. Where one of the names stands, `find` and the
# search for what may be one cost little; the whole pattern is dear.
BEFORE_VALUE = rb"""(?=\d{0,2}[\s"'\\\])=:>,])"""
NAMES = tuple(
    (name, re.compile(name + rest + BEFORE_VALUE))
    for name, rest in (
        (b"pass", rb"""(?:w(?:or)?d|phrase|(?<=[_\-"']pass))"""),
        (b"pwd", rb""),
        (b"secret", rb"(?:[_-]?(?:access[_-]?)?key(?:_base)?)?"),
        (b"token", rb""),
        (b"key", rb"(?<=[ _\-isteh]key)"),
        (b"authorization", rb""),
    )
)
NAME = rb"""
    (?: passw(?:or)?d | passphrase
      | (?P<count> (?<=[_-])pass (?=\d?["'\])]{0,2} [ \t]? [=:]) | (?<=["'])pass (?=["']) | token )
      | (?<=[_-])pwd | pwd (?! ["']? \s? [=:] \s? ["']? [/~] )
      | secret (?: [_-]?(?:access[_-]?)?key(?:_base)? )? | authorization
      | (?: (?<=api)|(?<=api[ _-])|(?<=access)|(?<=access[_-])|(?<=account)|(?<=private)
          | (?<=private[_-])|(?<=auth)|(?<=auth[_-])|(?<=master[_-])|(?<=encryption[_-]) ) key
    ) \d{0,2}
"""
# A value on the next line stands in quotes, or alone there; else it is what people wrote.
NEXT_LINE = rb"""
    (?> (?: (?: [|>][+-]? )? [ \t]{0,8}+ \r?\n [ \t]{1,40}+
        (?= ["'] | [^\s"'`<>&;,\\\[]++ (?<!:) [ \t]{0,8}+ (?: [\r\n] | \Z ) ) )? )
"""
ASSIGNED = rb"""[\\"'\])]{0,4} [ \t]{0,8}+ (?: :=|={1,3}+>?+|:(?![:=]) ) [ \t]{0,8}+""" + NEXT_LINE
FOLLOWING = rb"""["']? ,? [ \t]{1,8}+ (?![=:-])"""
SCHEME = rb"""(?> (?: (?:bearer|basic|token|digest|apikey|negotiate) [ \t]{1,8} )? )"""
# What is masked already, or a variable, is passed over at once: names may follow in it.
START = SCHEME + rb"""(?! \[masked | \$[{(] )"""
# A comma ends a bare value only before another name. JSON within JSON has escaped quotes.
VALUE = rb"""
    (?: "          @ (?P<double> (?> (?: [^"\\\n]++ | \\[^\n] )* ) )
      | '          @ (?P<single> (?> (?: [^'\\\n]++ | \\[^\n] )* ) )
      | \\{1,3}["'] @ (?P<escaped> [^"'\\\n]*+ )
      | @ (?P<bare> (?![\\,])
            (?> (?: [^\s"'`<>&;,\\]++ | ,(?![\s"'<>]|[\w.-]{1,40}[=:]) | \\(?![nrt"'\[])\S )+ ) )
    )
""".replace(b"@", START)
ELEMENT = rb"""> (?P<element> [^\s<>]++ ) (?=</)"""


def _spaced(*parts: bytes) -> re.Pattern[bytes]:
    return re.compile(b"".join(parts), re.VERBOSE)


NAMED = _spaced(NAME, rb"(?:", ASSIGNED, VALUE, rb"|", ELEMENT, rb")")
VARIABLE = re.compile(rb"\$[a-z_]\w*+$")
FLAGGED = _spaced(NAME, FOLLOWING, VALUE)


def mask(data: bytes) -> tuple[bytes, int]:
    """Return `data` with its secrets masked, and how many there were.

    What was masked before stays as it is and does not count.
    """
    spans = _joined(chain(_known(data), _key_blocks(data), _named(data.lower())))
    if not spans:
        return data, 0
    parts: list[bytes] = []
    kept_from = 0
    for start, end in spans:
        parts += (data[kept_from:start], MASKED)
        kept_from = end
    return b"".join((*parts, data[kept_from:])), len(spans)


def mask_text(text: str) -> tuple[str, int]:
    """Return `text` with its secrets masked, and how many there were."""
    masked, count = mask(text.encode("utf-8", "surrogatepass"))
    return (masked.decode("utf-8", "surrogatepass"), count) if count else (text, 0)


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _known(data: bytes) -> Iterator[Span]:
    for mark, pattern in KINDS:
        if mark not in data:  # much the commonest, and much cheaper than a generator
            continue
        for found in _matches(data, mark, pattern):
            if not found["secret"].startswith(MASKED):
                yield found.span("secret")


def _key_blocks(data: bytes) -> Iterator[Span]:
    """A block that does not end, because it was cut, is a secret to the end of the data."""
    end = stop = -1  # of the block that was met last; before `end` there may be white space
    for found in _matches(data, b"-----BEGIN ", BEGIN):
        start = found.end()
        if start > end:
            end = data.find(END, start)
            end = len(data) if end < 0 else end
            stop = start + len(data[start:end].rstrip())
        if start < stop and not data.startswith(MASKED, start):
            yield start, stop
            stop = start  # what begins within a block is masked with it


def _named(text: bytes) -> Iterator[Span]:
    """Yield the values after names such as `password`. `text` is in lower case."""
    for name, likely in NAMES:
        at = text.find(name)
        while at >= 0 and (candidate := likely.search(text, at)):
            at = candidate.start()
            found = NAMED.match(text, at)
            if found is None and _is_flag(text, at):
                found = FLAGGED.match(text, at)
            if found and (span := _secret_of(found)):
                yield span
            at = found.end() if found else at + len(name)


def _matches(data: bytes, mark: bytes, pattern: re.Pattern[bytes]) -> Iterator[re.Match[bytes]]:
    at = data.find(mark)
    while at >= 0:
        found = pattern.match(data, at)
        if found:
            yield found
        at = data.find(mark, found.end() if found else at + len(mark))


def _is_flag(text: bytes, at: int) -> bool:
    """Return whether `--` or `--some-name-` of a command line stands before `at`."""
    dashes = text.rfind(b"--", max(0, at - LONGEST_FLAG), at)
    return dashes >= 0 and not text[dashes:at].strip(FLAG_LETTERS)


def _secret_of(found: re.Match[bytes]) -> Span | None:
    """Return where the secret stands, None if the value is no secret."""
    assert found.lastgroup is not None
    value = found[found.lastgroup]
    start = found.start(found.lastgroup)
    if found.lastgroup == "bare":
        value = value.rstrip(BRACKETS) or value
    counts = found["count"] is not None
    return None if _is_harmless(value, counts) else (start, start + len(value))


def _is_harmless(value: bytes, may_count: bool) -> bool:
    bare = value.strip(BRACKETS)
    if bare in HARMLESS or not bare.strip(DOTS):
        return True
    if may_count and bare.isdigit() and len(bare) < FEW_DIGITS:
        return True
    return VARIABLE.match(bare) is not None
