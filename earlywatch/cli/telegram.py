"""Commands about the bot that alerts go to Telegram through."""

import click

from earlywatch.channels.telegram import bot
from earlywatch.cli.parts import Sentences, ready_app
from earlywatch.config import load_settings
from earlywatch.services.wiring import wiring

# What else happens in its chats is none of our business.
WANTED = ["message", "channel_post", "callback_query"]


@click.group(cls=Sentences)
def telegram() -> None:
    """Look after the bot of TELEGRAM_BOT_TOKEN."""


@telegram.command("set-webhook")
def set_webhook() -> None:
    """Let Telegram tell this site which buttons are pressed, and who asks for a chat's id."""
    load_settings().require("telegram_bot_token")
    with ready_app() as flask_app, flask_app.app_context():
        wired = wiring()
        base = wired.settings.callbacks
        if base is None:
            raise click.ClickException(
                "Telegram calls only what starts with https://. Set BASE_URL to such an address."
            )
        url = f"{base}/webhooks/telegram"
        bot(wired.doors).call(
            "setWebhook",
            url=url,
            secret_token=wired.links.telegram_secret(),
            allowed_updates=WANTED,
        )
    click.echo(f"Telegram calls {url} from now on.")
