"""What Twilio tells us: what became of messages and calls, and which digit was pressed."""

from uuid import UUID

from flask import Blueprint, abort, g, request
from flask.typing import ResponseReturnValue

from earlywatch.channels import voice
from earlywatch.clients import sms
from earlywatch.clients.twilio import is_signed
from earlywatch.db import transaction
from earlywatch.services import drills, reports
from earlywatch.services.reports import Report
from earlywatch.services.tokens import InvalidToken
from earlywatch.services.wiring import wiring
from earlywatch.webhooks.calls import answer_in_one_line, refuse
from earlywatch.webhooks.guard import signed_call
from earlywatch.webhooks.presses import Button, press

PROVIDER = "twilio"
# https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
# https://www.twilio.com/docs/voice/api/call-resource#call-status-values
ARRIVED = {"delivered", "read", "completed"}
FAILED = {
    "undelivered": "did not arrive",
    "failed": "failed",
    "busy": "met a busy line",
    "no-answer": "was not answered",
    "canceled": "was canceled",
}
GONE = {str(code) for code in sms.GONE}
ACKNOWLEDGE = GOT_IT = "1"
XML = {"Content-Type": "text/xml; charset=utf-8"}

bp = Blueprint("twilio_webhook", __name__, url_prefix="/webhooks")
answer_in_one_line(bp)


@bp.post("/twilio/status")
@signed_call
def status() -> ResponseReturnValue:
    """Note what became of a message or a call."""
    if not _is_genuine():
        return refuse(PROVIDER, "wrong signature")
    report = _report()
    if report is None:
        return "", 204  # on its way: nothing to tell
    sid = request.form.get("MessageSid") or request.form.get("CallSid") or ""
    with transaction() as session:
        delivery_id = reports.find(session, sid, _public_id())
        if delivery_id is None:
            abort(404, "No message of ours has this SID.")
        reports.take(session, delivery_id, report, g.now)
    return "", 204


@bp.post("/twilio/digit/<token>")
@signed_call
def digit(token: str) -> ResponseReturnValue:
    """Acknowledge the incident that a call was about, if that digit was pressed."""
    if not _is_genuine():
        return refuse(PROVIDER, "wrong signature")
    if request.form.get("Digits") != ACKNOWLEDGE:
        return voice.answer("Nothing was changed. Goodbye."), 200, XML
    number = f"…{request.form.get('To', '')[-4:]}"  # enough to know whose it is
    pressed = press(Button.ACKNOWLEDGE, token, "Phone", number, g.now)
    words = "Acknowledged." if pressed.done else pressed.words
    return voice.answer(f"{words} Goodbye."), 200, XML


@bp.post("/twilio/drill/<token>")
@signed_call
def drill(token: str) -> ResponseReturnValue:
    """Remember that whoever was called in a drill got it, if that digit was pressed."""
    if not _is_genuine():
        return refuse(PROVIDER, "wrong signature")
    if request.form.get("Digits") != GOT_IT:
        return voice.answer("Nothing was changed. Goodbye."), 200, XML
    try:
        with transaction() as session:
            drills.answer(session, wiring().links, token, g.now)
    except InvalidToken as error:
        return voice.answer(f"{error} Goodbye."), 200, XML
    return voice.answer("Thank you. Goodbye."), 200, XML


def _is_genuine() -> bool:
    """Tell whether Twilio signed the call, for the address that it knows us under."""
    settings = wiring().settings
    if settings.twilio_auth_token is None:
        abort(404)
    query = request.query_string.decode("latin-1")
    url = f"{settings.base_url}{request.path}{'?' * bool(query)}{query}"
    form = list(request.form.items(multi=True))
    given = request.headers.get("X-Twilio-Signature", "")
    return is_signed(settings.twilio_auth_token, url, form, given)


def _report() -> Report | None:
    """Return what is said, None if it is neither good nor bad."""
    called = "CallStatus" in request.form
    state = request.form.get("CallStatus") or request.form.get("MessageStatus") or ""
    if state in ARRIVED:
        words = "the call was answered" if called else f"the message was {state}"
        return Report(f"Twilio reports: {words}.")
    if state not in FAILED:
        return None
    code = request.form.get("ErrorCode") or request.form.get("SipResponseCode") or ""
    words = f"Twilio reports: the {'call' if called else 'message'} {FAILED[state]}"
    words += f" (error {code})." if code else "."
    return Report(words, failed=True, permanent=not called and code in GONE)


def _public_id() -> UUID | None:
    try:
        return UUID(request.args.get("delivery", ""))
    except ValueError:
        return None
