"""What values of settings must look like: each function returns the value, or says what is wrong.

They raise ValueError with the rest of a sentence that begins with the name of the setting.
"""

import re
from email.utils import parseaddr
from urllib.parse import urlsplit

import psycopg
from email_validator import EmailNotValidError, validate_email
from psycopg.conninfo import make_conninfo
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

DRIVER = "postgresql+psycopg://"
LAST_PORT = 65535
PROVIDERS = ("opsgenie", "pagerduty", "pushover", "telegram")  # whose address can be another one
# As S3 takes it: 3 to 63 characters, no IP address, no dots or hyphens side by side or at an end.
BUCKET = re.compile(r"/(?=.{3,63}$)(?![\d.]+$)[a-z0-9]+(?:(?:\.|-+)[a-z0-9]+)*")
REGION = re.compile(r"(?:region=[a-z0-9-]+)?")


def database_address(url: str) -> str:
    """Return the address of a database with the driver that we use."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise ValueError("must start with postgresql://")
    try:
        parsed = make_url(DRIVER + rest)
        make_conninfo(**{name: str(value) for name, value in parsed.query.items()})
        valid = parsed.port is None or 0 < parsed.port <= LAST_PORT
    except (ValueError, ArgumentError, psycopg.Error):
        valid = False
    if not valid:
        raise ValueError("must look like postgresql://user:password@host:5432/name")
    if "@" in (parsed.host or ""):  # or a part of the password would be taken for a host
        raise ValueError("an @ in the password must be written as %40")
    return DRIVER + rest


def redis_address(url: str) -> str:
    """Return the address of a Redis or Valkey."""
    checked = urlsplit(address(url, {"redis", "rediss", "redis+socket", "unix"}, needs_host=False))
    number = checked.path.strip("/")
    if checked.scheme in {"redis", "rediss"} and number and not number.isdecimal():
        raise ValueError("after the host comes the number of a database, such as /0")
    return url


def object_store_address(url: str) -> str:
    """Return the address of a bucket."""
    parts = urlsplit(address(url, {"http", "https"}))
    if not (parts.username and parts.password):
        raise ValueError("must have access-key:secret-key@ before the host; in them, / is %2F")
    if not BUCKET.fullmatch(parts.path):
        raise ValueError("after the host comes the name of a bucket alone, such as /pings")
    if not REGION.fullmatch(parts.query) or parts.fragment:
        raise ValueError("after the bucket may come ?region= and its name, nothing else")
    return url


def address(url: str, schemes: set[str], *, needs_host: bool = True) -> str:
    """Return an address that has one of `schemes` and, usually, a host."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # read here, since others would stumble over it later
    except ValueError:  # its text may hold a part of a password
        raise ValueError("must have a host and a port; in a password, / is %2F") from None
    if parts.scheme not in schemes or not (parts.hostname or (parts.path and not needs_host)):
        wanted = " or ".join(f"{scheme}://" for scheme in sorted(schemes))
        raise ValueError(f"must start with {wanted}")
    return url


def is_sender(text: str) -> bool:
    """Whether this is one address, with or without a name, that any mail server takes."""
    _name, address = parseaddr(text)
    if text != address and not text.endswith(f"<{address}>"):
        return False
    try:
        # With a suffix: localhost and .local may send mail, but the library refuses them.
        validate_email(f"{address}.net", check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return False
    return address.isascii()


def provider_addresses(listed: str) -> dict[str, str]:
    """Return addresses by provider out of `name=address`, split at spaces and commas."""
    found: dict[str, str] = {}
    for each in listed.replace(",", " ").split():
        name, separator, url = each.partition("=")
        if not separator or name not in PROVIDERS:
            raise ValueError(
                f"must be name=address, where the name is one of {', '.join(PROVIDERS)}"
            )
        found[name] = address(url, {"http", "https"}).rstrip("/")
    return found
