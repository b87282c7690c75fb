"""How the fake's pages look: one frame, no script, fit for a phone and a screen reader."""

from html import escape

STYLE = """
:root { color-scheme: light dark; --ink: #1a1f36; --soft: #4f566b; --line: #c1c9d2;
  --paper: #fff; --press: #4f46c8; --bad: #b3123f; }
@media (prefers-color-scheme: dark) { :root { --ink: #f5f6f8; --soft: #b9bfcc;
  --line: #4a5068; --paper: #15171f; --press: #635cdf; --bad: #ff8fa8; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 26rem; margin: 0 auto; padding: 2rem 1rem; }
.note { color: var(--soft); font-size: .875rem; }
h1 { font-size: 1.25rem; margin: 1rem 0 0; }
.total { font-size: 2rem; font-weight: 600; margin: 0; font-variant-numeric: tabular-nums; }
table { width: 100%; border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .5rem 0; border-bottom: 1px solid var(--line); text-align: left;
  font-weight: 400; }
td { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
input { width: 100%; min-height: 44px; padding: .5rem .75rem; font: inherit; color: inherit;
  background: transparent; border: 1px solid var(--line); border-radius: 6px; }
button { width: 100%; min-height: 44px; margin: 1.25rem 0 .75rem; border: 0; border-radius: 6px;
  background: var(--press); color: #fff; font: inherit; font-weight: 600; cursor: pointer; }
button.second { background: transparent; color: inherit; border: 1px solid var(--line);
  margin: .5rem 0 0; }
a { color: inherit; display: inline-block; min-height: 44px; padding: .6rem 0; }
:focus-visible { outline: 3px solid var(--press); outline-offset: 2px; }
.error { color: var(--bad); font-weight: 600; }
"""


def frame(title: str, content: str) -> str:
    """Return a whole page; `content` is HTML."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="/style.css">'
        "</head><body><main>"
        '<p class="note">Test mode. This is the Stripe of the tests: no money moves.</p>'
        f"{content}</main></body></html>\n"
    )


def heading(words: str, total: str = "") -> str:
    """Return the heading, with the amount that matters beneath it."""
    amount = f'<p class="total">{escape(total)}</p>' if total else ""
    return f"<h1>{escape(words)}</h1>{amount}"


def error(words: str | None) -> str:
    """Return what went wrong, read aloud at once; nothing if nothing did."""
    return f'<p class="error" role="alert">{escape(words)}</p>' if words else ""


def rows(pairs: list[tuple[str, str]]) -> str:
    """Return a table of things and their amounts."""
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in pairs
    )
    return f"<table><tbody>{lines}</tbody></table>"


def field(name: str, label: str, value: str, **attributes: str) -> str:
    """Return a labelled input; `attributes` are its own, with _ for -."""
    more = "".join(f' {key.replace("_", "-")}="{escape(v)}"' for key, v in attributes.items())
    return (
        f'<label for="{name}">{escape(label)}</label>'
        f'<input id="{name}" name="{name}" value="{escape(value)}"{more}>'
    )


def form(content: str) -> str:
    """Return a form that posts to its own page."""
    return f'<form method="post">{content}</form>'


def button(words: str, do: str, second: bool = False) -> str:
    """Return a button that says `do` to the page."""
    style = ' class="second"' if second else ""
    return f'<button name="do" value="{do}"{style}>{escape(words)}</button>'


def link(words: str, url: str) -> str:
    """Return a link on a line of its own."""
    return f'<a href="{escape(url)}">{escape(words)}</a>'


def money(cents: int, currency: str) -> str:
    """Return an amount as the pages write it: "$7.00"."""
    sign, amount = "-" if cents < 0 else "", f"{abs(cents) / 100:,.2f}"
    return f"{sign}${amount}" if currency == "usd" else f"{sign}{amount} {currency.upper()}"
