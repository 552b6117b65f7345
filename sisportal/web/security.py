"""What every answer tells the browser to refuse, and how the session's cookie is kept."""

from datetime import timedelta

from flask import Flask, Response, abort, request

# Everything comes from this host and nothing is written inline; data: is for the small pictures inside the vendored CSS.
_SOURCES = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
CONTENT_SECURITY_POLICY = "; ".join(f"{directive} {sources}" for directive, sources in _SOURCES.items())

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def add_security_headers(response: Response) -> Response:
    """Adds what the view did not set itself; an answer that says nothing about caching is about people and is not kept."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def refuse_nul() -> None:
    """400 for a NUL in an address or a form: nobody types one, and PostgreSQL fails on it wherever a page looks for it."""
    sent = (text for values in (request.args, request.form) for pair in values.items(multi=True) for text in pair)
    if "\0" in request.path or any("\0" in text for text in sent):
        abort(400)


def init_security(app: Flask) -> None:
    """Every answer of ``app``, errors included, carries the headers; what no database keeps reaches no view."""
    app.before_request(refuse_nul)
    app.after_request(add_security_headers)


def cookie_settings(*, secure: bool) -> dict[str, object]:
    """Flask settings for the session's cookie; ``secure`` where the portal's address is https.

    Lax, not Strict: Clever's portal leads here from its own site. The ``__Host-`` prefix keeps other hosts of the
    same domain from setting the cookie, and browsers accept it over https only.
    """
    return {
        "SESSION_COOKIE_NAME": "__Host-sisportal" if secure else "sisportal",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": secure,
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=12),
    }
