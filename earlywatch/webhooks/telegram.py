"""What Telegram hands on from our bot: buttons pressed, and who asks for the id of a chat.

https://core.telegram.org/bots/api#getting-updates
"""

import hmac
import json
import logging
from typing import Any

from flask import Blueprint, Response, abort, g, jsonify, request
from flask.typing import ResponseReturnValue

from earlywatch.channels import telegram
from earlywatch.channels.registry import Doors
from earlywatch.channels.text import telegram_literal
from earlywatch.clients.telegram import LONGEST_NOTE, TelegramError
from earlywatch.services.wiring import wiring
from earlywatch.webhooks.calls import answer_in_one_line, refuse
from earlywatch.webhooks.guard import signed_call
from earlywatch.webhooks.presses import Button, Pressed, press

PROVIDER = "telegram"
HEADER = "X-Telegram-Bot-Api-Secret-Token"
BUTTONS = {telegram.ACKNOWLEDGE: Button.ACKNOWLEDGE, telegram.SNOOZE: Button.SNOOZE}
COMMANDS = {"/start", "/id"}

logger = logging.getLogger(__name__)

bp = Blueprint("telegram_webhook", __name__, url_prefix="/webhooks")
answer_in_one_line(bp)


@bp.post("/telegram")
@signed_call
def receive() -> ResponseReturnValue:
    """Do what the button says, or tell the id of the chat.

    The answer may hold one call of the Bot API. Whatever has no 2xx comes again, for hours.
    """
    if wiring().doors.telegram_token is None:
        abort(404)
    given, secret = request.headers.get(HEADER, ""), wiring().links.telegram_secret()
    if not hmac.compare_digest(given.encode(), secret.encode()):
        return refuse(PROVIDER, "wrong signature")
    match _update(request.get_data(cache=False)):
        case {"callback_query": {"id": str(query_id), "data": str(data), **rest}}:
            return _pressed(query_id, data, rest)
        case {"message": {"text": str(text), "chat": {"id": int(chat_id)}, **rest}}:
            return _asked(text, chat_id, rest)
        case {"channel_post": {"text": str(text), "chat": {"id": int(chat_id)}, **rest}}:
            return _asked(text, chat_id, rest)
    return Response(status=200)


def _update(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _pressed(query_id: str, data: str, query: dict[Any, Any]) -> ResponseReturnValue:
    name, _, token = data.partition(":")
    if name in BUTTONS:
        pressed = press(BUTTONS[name], token, "Telegram", _name_of(query.get("from")), g.now)
    else:
        pressed = Pressed("This button is not one of ours.", done=False)
    answer = jsonify(
        method="answerCallbackQuery",
        callback_query_id=query_id,
        text=pressed.words[:LONGEST_NOTE],
        show_alert=not pressed.done,
    )
    if pressed.done:
        doors, message = wiring().doors, query.get("message")
        answer.call_on_close(lambda: _tell(doors, message, pressed))
    return answer


def _tell(doors: Doors, message: object, pressed: Pressed) -> None:
    """Say in a group who takes care; whoever pressed has read it already."""
    match message:
        case {"message_id": int(number), "chat": {"id": int(chat_id), "type": str(kind)}}:
            if kind == "private":
                return
        case _:
            return
    answered = {"message_id": number, "allow_sending_without_reply": True}
    try:
        telegram.bot(doors).call(
            "sendMessage",
            chat_id=chat_id,
            text=telegram_literal(pressed.words),
            reply_parameters=answered,
        )
    except TelegramError:
        logger.warning("telegram was not told what became of a button")


def _asked(text: str, chat_id: int, message: dict[Any, Any]) -> ResponseReturnValue:
    command = text.split(maxsplit=1)[0].partition("@")[0] if text.strip() else ""
    if command not in COMMANDS:
        return Response(status=200)
    topic = message.get("message_thread_id") if message.get("is_topic_message") else None
    lines = [f"The chat id is <code>{chat_id}</code>."]
    place = {"chat_id": chat_id}
    if isinstance(topic, int):
        lines.append(f"The topic is <code>{topic}</code>.")
        place["message_thread_id"] = topic
    lines.append("Add a Telegram channel with it, and alerts come here.")
    return jsonify(method="sendMessage", **place, text="\n".join(lines), parse_mode="HTML")


def _name_of(person: object) -> str:
    if not isinstance(person, dict):
        return ""
    names = [str(person.get(each) or "") for each in ("first_name", "last_name")]
    return " ".join(names).strip() or str(person.get("username") or "")
