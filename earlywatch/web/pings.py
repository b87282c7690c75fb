"""One ping and what it carried."""

import re

from flask import Blueprint, g, make_response, render_template
from flask.typing import ResponseReturnValue

from earlywatch.db import db
from earlywatch.errors import NotFound
from earlywatch.services import monitor_history, monitors
from earlywatch.web.guards import member_only
from earlywatch.web.paths import ID

HEX_SHOWN = 4096  # bytes; the rest is in the download
PER_LINE = 16  # bytes
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {127: 0x2421}

bp = Blueprint("pings", __name__, url_prefix="/monitors")


@bp.route(f"/<{ID}:monitor_id>/pings/<{ID}:ping_id>")
@member_only
def show(monitor_id: int, ping_id: int) -> ResponseReturnValue:
    """Show one ping with its body, as text if it is text, else in hexadecimal."""
    session = db.session()
    monitor = monitors.find_monitor(session, g.workspace, monitor_id)
    ping = monitor_history.find_ping(session, g.workspace, monitor_id, ping_id)
    body = ping.body or b""
    return render_template(
        "monitors/ping.html",
        monitor=monitor,
        ping=ping,
        text=as_text(body),
        dump=hex_dump(body[:HEX_SHOWN]),
        hidden_bytes=max(0, len(body) - HEX_SHOWN),
    )


@bp.route(f"/<{ID}:monitor_id>/pings/<{ID}:ping_id>/body")
@member_only
def body(monitor_id: int, ping_id: int) -> ResponseReturnValue:
    """Give the body as a file. Never shown by a browser: a job may send any script."""
    ping = monitor_history.find_ping(db.session(), g.workspace, monitor_id, ping_id)
    if ping.body is None:
        raise NotFound("This ping carried nothing.")
    response = make_response(ping.body)
    response.headers["Content-Type"] = "application/octet-stream"
    response.headers["Content-Disposition"] = f'attachment; filename="ping-{ping_id}.bin"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


def as_text(body: bytes) -> str | None:
    """Return `body` as text, or None if it is binary.

    Colours meant for a terminal are left out; other control characters are made visible.
    """
    if b"\0" in body:
        return None
    for cut in range(min(4, len(body) + 1)):  # we may have cut the last character in two
        try:
            text = body[: len(body) - cut].decode()
        except UnicodeDecodeError:
            continue
        return COLOURS.sub("", text).replace("\r\n", "\n").translate(PICTURES)
    return None


def hex_dump(body: bytes) -> str:
    """Return `body` in lines of offset, hexadecimal and ASCII."""
    lines = []
    for start in range(0, len(body), PER_LINE):
        part = body[start : start + PER_LINE]
        ascii_ = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{start:08x}  {part.hex(' '):<{PER_LINE * 3 - 1}}  {ascii_}")
    return "\n".join(lines)
