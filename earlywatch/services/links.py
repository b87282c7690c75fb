"""Addresses that go into mails and messages, made where there is no request."""

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any, Protocol

from earlywatch.channels.registry import kind
from earlywatch.models import Account
from earlywatch.services.tokens import InvalidToken, Tokens

CONFIRM_EMAIL_AGE = timedelta(days=3)
RESET_PASSWORD_AGE = timedelta(hours=2)
CONFIRM_CHANNEL_AGE = timedelta(days=3)
LIVE_AGE = timedelta(hours=12)
UNSUBSCRIBE_AGE = timedelta(days=3650)  # the mail may be read years later
SHORT_SIGNATURE = 10  # bytes: nobody can try out 80 bits over the network
SHORT_TARGET = 6  # letters: enough to tell two places apart, since all of it is signed
BILLING_AGE = timedelta(days=60)  # longer than any reminder is ahead of what it speaks of

# What a link in a mail about money may do, after one more button and without signing in.
SIGNED_BILLING = ("extend", "resume", "cancel", "keep")
BILLING_PAGES = {
    "billing": "/billing",
    "card": "/billing/card",
    "channels": "/channels",
    "history": "/billing/history",
    "invoice": "/billing/invoices",
    "watched": "/billing/watched",
}


class Place(Protocol):
    """What is signed of a channel."""

    @property
    def id(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def config(self) -> dict[str, Any]: ...
    @property
    def confirm_epoch(self) -> int: ...


class Links:
    """Makes every link that leaves the house, and reads back the signed ones.

    `base_url` has no slash at its end. A test compares the paths with the site's routes.
    """

    def __init__(self, base_url: str, secret_key: str) -> None:
        self.base_url = base_url
        self._secret_key = secret_key
        self._tokens = Tokens(secret_key)

    def incident(self, incident_id: int) -> str:
        """Return the page of an incident."""
        return f"{self.base_url}/incidents/{incident_id}"

    def sign_in(self) -> str:
        """Return the page to sign in."""
        return f"{self.base_url}/sign-in"

    def confirm_email(self, account: Account, now: datetime) -> str:
        """Return the link that proves that somebody reads the account's mail."""
        return self._account_link("confirm-email", account, now)

    def reset_password(self, account: Account, now: datetime) -> str:
        """Return the link that lets its reader choose a new password."""
        return self._account_link("reset-password", account, now)

    def read_account(self, purpose: str, token: str, now: datetime) -> tuple[int, int]:
        """Return account id and session epoch of a link. Raises InvalidToken."""
        ages = {"confirm-email": CONFIRM_EMAIL_AGE, "reset-password": RESET_PASSWORD_AGE}
        account_id, epoch = self._tokens.read(purpose, token, now, ages[purpose])
        return account_id, epoch

    def confirm_channel(self, channel: Place, now: datetime) -> str:
        """Return the link that proves that messages to the channel are read."""
        token = self._tokens.sign("confirm-channel", [channel.id, channel.confirm_epoch], now)
        return f"{self.base_url}/channels/confirm/{token}"

    def read_confirm_channel(self, token: str, now: datetime) -> tuple[int, int]:
        """Return channel id and confirm epoch of a link. Raises InvalidToken."""
        channel_id, epoch = self._tokens.read("confirm-channel", token, now, CONFIRM_CHANNEL_AGE)
        return channel_id, epoch

    def confirm_code(self, channel: Place) -> str:
        """Return the six digits that prove that a text message was read. Never stored."""
        secret = f"earlywatch.confirm-code:{self._secret_key}".encode()
        digest = hmac.new(secret, f"{channel.id}:{channel.confirm_epoch}".encode(), hashlib.sha256)
        return f"{int.from_bytes(digest.digest()[:8]) % 1_000_000:06d}"

    def unsubscribe(self, channel: Place, now: datetime) -> str:
        """Return the link that stops all mail to the channel."""
        values: list[int | str] = [channel.id, target_of(channel)]
        token = self._tokens.sign("unsubscribe", values, now)
        return f"{self.base_url}/channels/unsubscribe/{token}"

    def read_unsubscribe(self, token: str, now: datetime) -> tuple[int, str]:
        """Return the channel id and the target of a link. Raises InvalidToken."""
        channel_id, target = self._tokens.read("unsubscribe", token, now, UNSUBSCRIBE_AGE)
        return channel_id, target

    def act(self, incident_id: int, channel: Place) -> str:
        """Return the page where whoever got an alert can acknowledge or snooze its incident."""
        return f"{self.base_url}/incidents/act/{self.act_token(incident_id, channel)}"

    def act_token(self, incident_id: int, channel: Place) -> str:
        """Return what a button of an alert carries: some 40 letters, digits and dots.

        It holds as long as the incident, and for the place that the channel leads to now.
        Programs for chats take no more than 64 bytes.
        """
        about = f"{incident_id}.{channel.id}.{_short_target(channel)}"
        return f"{about}.{self._short_signature('act', about)}"

    def read_act(self, token: str) -> tuple[int, int]:
        """Return incident id and channel id of what `act_token` made. Raises InvalidToken.

        Whether the channel still leads to who holds it, `act_links` knows.
        """
        incident_id, channel_id, _target = self._read_short("act", token)
        return int(incident_id), int(channel_id)

    def may_act(self, token: str, channel: Place) -> bool:
        """Tell whether a token was made for the place that its channel leads to now."""
        _incident_id, channel_id, target = self._read_short("act", token)
        return int(channel_id) == channel.id and target == _short_target(channel)

    def drill(self, delivery_id: int, channel: Place) -> str:
        """Return the page where whoever got the alert of a drill can say so."""
        return f"{self.base_url}/drills/answer/{self.drill_token(delivery_id, channel)}"

    def drill_token(self, delivery_id: int, channel: Place) -> str:
        """Return what a call for a drill carries, so that a digit can say the same."""
        about = f"{delivery_id}.{_short_target(channel)}"
        return f"{about}.{self._short_signature('drill', about)}"

    def read_drill(self, token: str) -> int:
        """Return the delivery id of a link of a drill. Raises InvalidToken."""
        delivery_id, _target = self._read_short("drill", token)
        return int(delivery_id)

    def may_answer(self, token: str, channel: Place) -> bool:
        """Tell whether a link of a drill was made for the place that `channel` leads to now."""
        _delivery_id, target = self._read_short("drill", token)
        return target == _short_target(channel)

    def telegram_secret(self) -> str:
        """Return what Telegram sends along, so that we know that a call is its: no link at all."""
        return self._short_signature("telegram", "webhook")

    def billing(self, purpose: str, workspace_id: int, address: str, now: datetime) -> str:
        """Return where a button of a mail about money leads to.

        Links of `SIGNED_BILLING` are signed for who gets the mail, the others are pages.
        """
        if purpose not in SIGNED_BILLING:
            return f"{self.base_url}{BILLING_PAGES[purpose]}"
        token = self._tokens.sign(f"billing-{purpose}", [workspace_id, address], now)
        return f"{self.base_url}/billing/mail/{purpose}/{token}"

    def read_billing(self, purpose: str, token: str, now: datetime) -> tuple[int, str]:
        """Return workspace id and address of a signed link. Raises InvalidToken.

        Whether the address may still act on the bill is for the reader to look up.
        """
        workspace_id, address = self._tokens.read(f"billing-{purpose}", token, now, BILLING_AGE)
        return workspace_id, address

    def live_path(self, workspace_id: int, now: datetime) -> str:
        """Return where an open page of the workspace hears of changes."""
        return f"/live/{self._tokens.sign('live', [workspace_id], now)}"

    def read_live(self, token: str, now: datetime) -> int:
        """Return the workspace id of a live path. Raises InvalidToken."""
        [workspace_id] = self._tokens.read("live", token, now, LIVE_AGE)
        return int(workspace_id)

    def _short_signature(self, purpose: str, about: str) -> str:
        secret = f"earlywatch.{purpose}:{self._secret_key}".encode()
        digest = hmac.new(secret, about.encode(), hashlib.sha256).digest()
        return base64.b32encode(digest[:SHORT_SIGNATURE]).decode().rstrip("=").lower()

    def _read_short(self, purpose: str, token: str) -> list[str]:
        about, _, signature = token.rpartition(".")
        made = self._short_signature(purpose, about)
        if not hmac.compare_digest(signature.encode(), made.encode()):
            raise InvalidToken("This link is not one of ours, or part of it is missing.")
        return about.split(".")

    def _account_link(self, purpose: str, account: Account, now: datetime) -> str:
        token = self._tokens.sign(purpose, [account.id, account.session_epoch], now)
        return f"{self.base_url}/{purpose}/{token}"


def target_of(channel: Place) -> str:
    """Return a short text that changes when the channel leads somewhere else."""
    target = json.dumps(kind(channel.kind).target(channel.config), sort_keys=True).encode()
    return hashlib.sha256(target).hexdigest()[:12]


def _short_target(channel: Place) -> str:
    return target_of(channel)[:SHORT_TARGET]
