"""The site, put together from settings."""

from typing import Any

import sentry_sdk
from flask import Flask, g
from sentry_sdk.transport import Transport
from sentry_sdk.types import Event, Hint
from werkzeug.middleware.proxy_fix import ProxyFix

from earlywatch import __version__, assets
from earlywatch.channels.registry import Doors
from earlywatch.clients.http import Http
from earlywatch.clients.mail import Mailer
from earlywatch.clients.object_store import ObjectStore
from earlywatch.clients.return_path import ReturnPath
from earlywatch.clients.sms import Sms
from earlywatch.clients.stripe import Stripe
from earlywatch.clients.voice import Voice
from earlywatch.clock import utcnow
from earlywatch.config import ConfigError, Settings
from earlywatch.db import ENGINE_OPTIONS, STATEMENT_OPTIONS, STATEMENTS, db
from earlywatch.logs import without_secrets
from earlywatch.services.links import Links
from earlywatch.services.wiring import EXTENSION, Wiring
from earlywatch.web import errors, filters, guards, limits, register_pages, security, static
from earlywatch.webhooks import BLUEPRINTS


def create_app(settings: Settings) -> Flask:
    """Return the site. Raises ConfigError if a setting it cannot do without is missing."""
    if not settings.database_url:
        raise ConfigError("DATABASE_URL is missing: the address of a PostgreSQL database.")
    if not settings.secret_key:
        raise ConfigError("SECRET_KEY is missing: any text of at least 16 characters, kept secret.")
    app = static.Site(
        "earlywatch", template_folder=str(assets.TEMPLATES), static_folder=str(assets.STATIC)
    )
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=ENGINE_OPTIONS,
        SQLALCHEMY_BINDS={STATEMENTS: {"url": settings.database_url, **STATEMENT_OPTIONS}},
    )
    app.extensions[EXTENSION] = Wiring(
        settings,
        Links(settings.base_url, settings.secret_key),
        make_doors(settings),
        make_stripe(settings),
        make_object_store(settings),
    )
    db.init_app(app)
    app.before_request(_read_clock)
    security.register(app, settings)
    guards.register(app)
    limits.register(app, settings.redis_url)
    errors.register(app)
    filters.register(app)
    static.register(app)
    register_pages(app)
    for blueprint in BLUEPRINTS:
        security.csrf.exempt(blueprint)  # no browser sends these
        app.register_blueprint(blueprint)
    _trust_proxies(app, settings.trusted_proxies)
    if settings.sentry_dsn:
        report_errors(settings.sentry_dsn)
    return app


def report_errors(dsn: str, transport: type[Transport] | None = None) -> None:
    """Send errors, and what is logged as one, to Sentry: where and what, never with which values.

    Variables would show webhooks, ping keys and bodies, and so would breadcrumbs and requests.
    """
    sentry_sdk.init(
        dsn=dsn,
        release=f"earlywatch@{__version__}",
        include_local_variables=False,
        max_breadcrumbs=0,
        max_request_body_size="never",
        before_send=_without_secrets,
        transport=transport,
    )


def make_doors(settings: Settings) -> Doors:
    """Return the clients that alerts go out through."""
    http = Http(settings.private_targets)
    mail = Mailer(
        settings.smtp_url, settings.mail_from, settings.mailbox_dir, _return_path(settings)
    )
    return Doors(
        http=http,
        mail=mail,
        sms=_make_sms(settings, http),
        bases=settings.api_bases,
        telegram_token=settings.telegram_bot_token,
        pushover_token=settings.pushover_app_token,
        slack_buttons=settings.slack_signing_secret is not None,
        voice=_make_voice(settings, http),
    )


def make_stripe(settings: Settings) -> Stripe | None:
    """Return the door to Stripe, if plans are sold here."""
    if settings.stripe_secret_key is None:
        return None
    return Stripe(
        settings.stripe_secret_key,
        settings.stripe_api_base,
        tax=settings.stripe_tax,
        promotions=settings.stripe_promotion_codes,
    )


def make_object_store(settings: Settings) -> ObjectStore | None:
    """Return the door to the object store, if there is one."""
    return ObjectStore(settings.object_store_url) if settings.object_store_url else None


def _return_path(settings: Settings) -> ReturnPath | None:
    domain, secret_key = settings.ping_mail_domain, settings.secret_key
    return ReturnPath(domain, secret_key) if domain and secret_key else None


def _make_sms(settings: Settings, http: Http) -> Sms | None:
    sid, token = settings.twilio_account_sid, settings.twilio_auth_token
    if not (sid and token and settings.twilio_from):
        return None
    return Sms(http, sid, token, settings.twilio_from, settings.twilio_api_base, settings.callbacks)


def _make_voice(settings: Settings, http: Http) -> Voice | None:
    sid, token, sender = (
        settings.twilio_account_sid,
        settings.twilio_auth_token,
        settings.twilio_from,
    )
    if not (sid and token and sender) or sender.startswith("MG"):  # no messaging service calls
        return None
    return Voice(http, sid, token, sender, settings.twilio_api_base, settings.callbacks)


def _read_clock() -> None:
    g.now = utcnow()


def _trust_proxies(app: Flask, count: int) -> None:
    if count:
        fixed: Any = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)
        app.wsgi_app = fixed  # type: ignore[method-assign]


def _without_secrets(event: Event, _hint: Hint) -> Event:
    # Addresses hold ping keys and links from mails, cookies hold sessions.
    event.pop("request", None)
    masked: Any = without_secrets(event)
    masked["release"] = event["release"]  # looks like an address
    found: Event = masked
    return found
