"""Settings: read once from the environment, refused with a sentence when they make no sense."""

import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Any
from unicodedata import category
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from sentry_sdk.utils import Dsn

from earlywatch.errors import EarlywatchError
from earlywatch.setting_values import (
    LAST_PORT,
    address,
    database_address,
    is_sender,
    object_store_address,
    provider_addresses,
    redis_address,
)

UNREADABLE = {"Cc", "Cs"}  # control characters; bytes that are no UTF-8
MEANING = {
    "database_url": "the address of a PostgreSQL database",
    "redis_url": "the address of a Redis or Valkey",
    "secret_key": "any text of at least 16 characters, kept secret",
    "ping_mail_domain": "the domain whose mails are pings, such as ping.example.org",
    "stripe_secret_key": "the secret key of a Stripe account, from Stripe's dashboard",
    "telegram_bot_token": "the token of your bot, from @BotFather",
}


class ConfigError(EarlywatchError):
    """A setting is missing or makes no sense; the process must not start."""


class Settings(BaseModel):
    """Everything the environment decides. Each field is documented in `.env.example`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database_url: str | None = None
    redis_url: str | None = None
    secret_key: str | None = Field(None, min_length=16)
    base_url: str = ""
    ping_base_url: str = ""
    smtp_url: str | None = None
    mail_from: str = "Earlywatch <alerts@localhost>"
    twilio_account_sid: str | None = None
    twilio_auth_token: str | None = None
    twilio_from: str | None = None
    twilio_api_base: str = "https://api.twilio.com"
    stripe_secret_key: str | None = None
    stripe_webhook_secret: str | None = None
    stripe_api_base: str = "https://api.stripe.com"
    stripe_tax: bool = False
    stripe_promotion_codes: bool = False
    operator_emails: tuple[str, ...] = ()
    private_targets: tuple[IPv4Network | IPv6Network, ...] = ()
    sentry_dsn: str | None = None
    watchdog_url: str | None = None
    earlywatch_data_dir: Path = Path("var")
    port: int = Field(8000, ge=1, le=LAST_PORT)
    trusted_proxies: int = Field(0, ge=0, le=10)
    ping_rate: float = Field(1, gt=0)
    ping_burst: int = Field(20, ge=1)
    address_rate: float = Field(200, gt=0)
    address_burst: int = Field(2_000, ge=1)
    ping_mail_domain: str | None = None
    smtpd_host: str = "127.0.0.1"
    smtpd_port: int = Field(2525, ge=1, le=LAST_PORT)
    smtpd_tls_cert: Path | None = None
    smtpd_tls_key: Path | None = None
    object_store_url: str | None = None
    pings_kept: int | None = Field(None, ge=10)
    ping_days: int = Field(400, ge=1)
    canary: bool = True
    telegram_bot_token: str | None = None
    slack_signing_secret: str | None = None
    pushover_app_token: str | None = None
    api_bases: Mapping[str, str] = {}

    @field_validator("database_url")
    @classmethod
    def _name_the_driver(cls, url: str | None) -> str | None:
        return database_address(url) if url else None

    @field_validator("private_targets", "operator_emails", mode="before")
    @classmethod
    def _split(cls, listed: object) -> object:
        return listed.replace(",", " ").split() if isinstance(listed, str) else listed

    @field_validator("operator_emails")
    @classmethod
    def _check_operators(cls, emails: tuple[str, ...]) -> tuple[str, ...]:
        for email in emails:
            if not is_sender(email):
                raise ValueError("must be addresses, such as ops@example.org")
        return tuple(email.lower() for email in emails)

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, url: str | None) -> str | None:
        return redis_address(url) if url else None

    @field_validator("smtp_url")
    @classmethod
    def _check_smtp_url(cls, url: str | None) -> str | None:
        return address(url, {"smtp", "smtps", "smtp+starttls"}) if url else None

    @field_validator(
        "base_url", "ping_base_url", "twilio_api_base", "stripe_api_base", "watchdog_url"
    )
    @classmethod
    def _check_http_url(cls, url: str | None) -> str | None:
        return address(url, {"http", "https"}).rstrip("/") if url else url

    @field_validator("object_store_url")
    @classmethod
    def _check_object_store(cls, url: str | None) -> str | None:
        return object_store_address(url) if url else None

    @field_validator("api_bases", mode="before")
    @classmethod
    def _read_bases(cls, listed: object) -> object:
        return provider_addresses(listed) if isinstance(listed, str) else listed

    @field_validator("ping_mail_domain")
    @classmethod
    def _check_mail_domain(cls, domain: str | None) -> str | None:
        if not domain:
            return None
        try:  # with a suffix, see `_is_sender`
            checked = validate_email(f"x@{domain}.net", check_deliverability=False)
        except EmailNotValidError:
            raise ValueError("must be a domain alone, such as ping.example.org") from None
        return checked.ascii_domain.removesuffix(".net").lower()

    @field_validator("mail_from")
    @classmethod
    def _check_sender(cls, sender: str) -> str:
        if not is_sender(sender):
            raise ValueError("must be an ASCII address such as Earlywatch <alerts@example.org>")
        return sender

    @field_validator("sentry_dsn")
    @classmethod
    def _check_dsn(cls, dsn: str | None) -> str | None:
        try:
            return str(Dsn(dsn)) if dsn else None
        except ValueError:
            raise ValueError("must look like https://key@sentry.example.org/1") from None

    def model_post_init(self, _context: Any) -> None:
        """Fill in what follows from other settings."""
        base = self.base_url or f"http://127.0.0.1:{self.port}"
        object.__setattr__(self, "base_url", base)  # frozen for everybody else
        object.__setattr__(self, "ping_base_url", self.ping_base_url or f"{base}/ping")
        object.__setattr__(self, "earlywatch_data_dir", self.earlywatch_data_dir.absolute())
        if self.stripe_webhook_secret and not self.stripe_secret_key:
            raise ConfigError("STRIPE_WEBHOOK_SECRET is set, but STRIPE_SECRET_KEY is not.")
        if (self.smtpd_tls_cert is None) != (self.smtpd_tls_key is None):
            raise ConfigError("SMTPD_TLS_CERT and SMTPD_TLS_KEY must be set both, or neither.")

    @property
    def mailbox_dir(self) -> Path:
        """Where mail is kept when there is no `SMTP_URL`."""
        return self.earlywatch_data_dir / "mailbox"

    @property
    def callbacks(self) -> str | None:
        """Where providers may reach the site; None where it is not encrypted, as on a laptop."""
        return self.base_url if self.base_url.startswith("https://") else None

    @property
    def sells(self) -> bool:
        """Whether plans are sold here; without Stripe keys it is an installation of one's own."""
        return self.stripe_secret_key is not None

    def require(self, name: str) -> str:
        """Return a setting that the process cannot do without. Raises ConfigError."""
        value: str | None = getattr(self, name)
        if not value:
            raise ConfigError(f"{name.upper()} is missing: {MEANING[name]}.")
        return value


def load_settings(env: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `env` (default: the process environment).

    Each setting NAME may instead be given as NAME_FILE, the path of a file that
    holds the value. Raises ConfigError with a sentence.
    """
    env = os.environ if env is None else env
    given: dict[str, str] = {}
    for field in Settings.model_fields:
        value = _value(env, field.upper())
        if value:
            given[field] = value
    try:
        return Settings(**given)  # type: ignore[arg-type]  # pydantic parses the strings
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        reason = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{name} is not usable: {reason[0].lower()}{reason[1:]}.") from None


def _value(env: Mapping[str, str], name: str) -> str:
    path = env.get(f"{name}_FILE")
    if path and env.get(name):
        raise ConfigError(f"{name} and {name}_FILE are both set; give only one of them.")
    value = (_content(f"{name}_FILE", path) if path else env.get(name, "")).strip()
    if any(category(letter) in UNREADABLE for letter in value):
        raise ConfigError(f"{name} is not usable: it must be one line of readable text.")
    return value


def _content(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{variable} cannot be read: {error.strerror}: {path}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{variable} is not text in UTF-8: {path}.") from None


def is_on_loopback(url: str) -> bool:
    """Whether the host of this URL can only mean the machine itself."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def child_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process with some settings changed, for a child process."""
    changed = {name.removesuffix("_FILE") for name in changes}
    kept = {
        name: os.environ[name] for name in os.environ if name.removesuffix("_FILE") not in changed
    }
    return {**kept, **changes}


def replace_environment(environment: Mapping[str, str]) -> None:
    """Give a process that was forked for another task the environment of that task."""
    os.environ.clear()
    os.environ.update(environment)
