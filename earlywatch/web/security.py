"""What the browser is told to refuse, and tokens that prove that a form is ours."""

from urllib.parse import urlsplit

from flask import Flask, Response
from flask_wtf import CSRFProtect

from earlywatch.config import Settings

MAX_FORM_BYTES = 256 * 1024
SESSION_DAYS = 30

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
# Where forms lead that end in paying, through a redirect of ours.
STRIPE_PAGES = (
    "https://checkout.stripe.com",
    "https://billing.stripe.com",
    "https://invoice.stripe.com",
)
HEADERS = {
    "Referrer-Policy": "same-origin",  # addresses of pages may hold secrets
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
ONE_YEAR = 365 * 24 * 3600  # seconds

csrf = CSRFProtect()


def register(app: Flask, settings: Settings) -> None:
    """Set cookies, limits of size and response headers as `settings.base_url` allows."""
    over_tls = settings.base_url.startswith("https://")
    app.config.update(
        SESSION_COOKIE_NAME="__Host-earlywatch" if over_tls else "earlywatch",
        SESSION_COOKIE_SECURE=over_tls,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=SESSION_DAYS * 24 * 3600,
        MAX_CONTENT_LENGTH=MAX_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES,
        SESSION_REFRESH_EACH_REQUEST=False,  # a cache must not keep a file with a cookie
        WTF_CSRF_TIME_LIMIT=None,  # a form may stay open over night
        WTF_CSRF_SSL_STRICT=False,  # some browsers send no referrer; __Host- does its work
    )
    csrf.init_app(app)
    headers = {"Content-Security-Policy": _policy(settings), **HEADERS}

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        if over_tls:
            response.headers["Strict-Transport-Security"] = f"max-age={ONE_YEAR}"
        if response.mimetype == "text/html":
            response.headers.setdefault("Cache-Control", "private, no-cache")
        return response


def _policy(settings: Settings) -> str:
    if not settings.sells:
        return POLICY
    targets: tuple[str, ...] = STRIPE_PAGES
    if settings.stripe_api_base != Settings.model_fields["stripe_api_base"].default:
        other = urlsplit(settings.stripe_api_base)  # serves its pages itself
        targets = (*targets, f"{other.scheme}://{other.netloc}")
    return POLICY.replace("form-action 'self'", f"form-action 'self' {' '.join(targets)}")
