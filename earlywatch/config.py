"""Settings: read once from the environment, refused with a sentence when they make no sense."""

import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from earlywatch.errors import EarlywatchError

DRIVER = "postgresql+psycopg://"


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
    private_targets: tuple[IPv4Network | IPv6Network, ...] = ()
    sentry_dsn: str | None = None
    watchdog_url: str | None = None
    earlywatch_data_dir: Path = Path("var")
    port: int = Field(8000, ge=1, le=65535)
    trusted_proxies: int = Field(0, ge=0, le=10)

    @field_validator("database_url")
    @classmethod
    def _name_the_driver(cls, url: str | None) -> str | None:
        if url is None:
            return None
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
            raise ValueError("must start with postgresql://")
        return DRIVER + rest

    @field_validator("private_targets", mode="before")
    @classmethod
    def _split(cls, networks: object) -> object:
        return networks.replace(",", " ").split() if isinstance(networks, str) else networks

    @field_validator("redis_url")
    @classmethod
    def _check_redis_url(cls, url: str | None) -> str | None:
        return _url(url, {"redis", "rediss", "redis+socket", "unix"})

    @field_validator("smtp_url")
    @classmethod
    def _check_smtp_url(cls, url: str | None) -> str | None:
        return _url(url, {"smtp", "smtps", "smtp+starttls"})

    @field_validator("base_url", "ping_base_url", "twilio_api_base", "watchdog_url")
    @classmethod
    def _check_http_url(cls, url: str | None) -> str | None:
        checked = _url(url, {"http", "https"})
        return checked.rstrip("/") if checked else checked

    def model_post_init(self, _context: Any) -> None:
        """Fill in what follows from other settings."""
        base = self.base_url or f"http://127.0.0.1:{self.port}"
        object.__setattr__(self, "base_url", base)  # frozen for everybody else
        object.__setattr__(self, "ping_base_url", self.ping_base_url or f"{base}/ping")
        object.__setattr__(self, "earlywatch_data_dir", self.earlywatch_data_dir.absolute())

    @property
    def mailbox_dir(self) -> Path:
        """Where mail is kept when there is no `SMTP_URL`."""
        return self.earlywatch_data_dir / "mailbox"


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
    if not path:
        return env.get(name, "").strip()
    if env.get(name):
        raise ConfigError(f"{name} and {name}_FILE are both set; give only one of them.")
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise ConfigError(f"{name}_FILE cannot be read: {error.strerror}: {path}.") from None


def _url(url: str | None, schemes: set[str]) -> str | None:
    if not url:
        return url
    parts = urlsplit(url)
    if parts.scheme not in schemes or not (parts.netloc or parts.path):
        wanted = " or ".join(f"{scheme}://" for scheme in sorted(schemes))
        raise ValueError(f"must start with {wanted}")
    return url


def child_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process with some settings changed, for a child process."""
    return {**os.environ, **changes}


def replace_environment(environment: Mapping[str, str]) -> None:
    """Give a process that was forked for another task the environment of that task."""
    os.environ.clear()
    os.environ.update(environment)
