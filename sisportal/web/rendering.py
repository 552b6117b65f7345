"""How a view answers: a tab as page or panel, a partial, a redirect that htmx follows, and the shell around every page."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from itertools import groupby
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Flask, Response, current_app, make_response, redirect, render_template, url_for
from htmx_flask import request
from jinja2 import StrictUndefined

from sisportal.web.formats import init_formats

PAGE_LAYOUT = "base.html"
PANEL_LAYOUT = "_panel.html"
BARE_LAYOUT = "_bare.html"
THEMES = ("auto", "light", "dark")
THEME_COOKIE = "theme"


@dataclass(frozen=True, slots=True)
class NavEntry:
    """A line of the navigation; ``group`` is the heading that it stands under, blank for none."""

    label: str
    url: str
    icon: str
    current: bool = False
    group: str = ""


@dataclass(frozen=True, slots=True)
class Bell:
    """What ``notifications/_bell.html`` needs: the number of unread notifications, their page, and the partial's own URL."""

    unread: int
    page_url: str
    poll_url: str


@dataclass(frozen=True, slots=True)
class Shell:
    """What stands around every page of somebody who is signed in."""

    portal_name: str
    home_url: str
    navigation: Sequence[NavEntry]
    person_name: str
    person_role: str
    sign_out_url: str
    theme_url: str
    bell: Bell | None = None
    person_url: str = ""
    """The person's own page."""

    @property
    def groups(self) -> list[tuple[str, list[NavEntry]]]:
        """The navigation by its headings, in the order given."""
        return [(group, list(entries)) for group, entries in groupby(self.navigation, key=lambda entry: entry.group)]


def from_htmx() -> bool:
    """Whether htmx asks for a part; a history restore asks for a whole page and is none."""
    return bool(request.htmx) and not request.htmx.history_restore_request


def render_tab(template: str, *, status: int = 200, **context: object) -> Response:
    """A page that begins ``{% extends layout %}``: whole, or for htmx its panel with title, tabs and bell out of band."""
    layout = PANEL_LAYOUT if from_htmx() else PAGE_LAYOUT
    return _answer(render_template(template, layout=layout, focus_heading=status == 200, **context), status)


def render_bare(template: str, *, status: int = 200, **context: object) -> Response:
    """A page without navigation, for those who are not signed in: set-up, sign-in, errors."""
    return _answer(render_template(template, layout=BARE_LAYOUT, **context), status)


def render_partial(template: str, *, status: int = 200, **context: object) -> Response:
    """A region alone, for the element of the same id on the page."""
    return _answer(render_template(template, **context), status)


def render_invalid(template: str, *, partial: str = "", **context: object) -> Response:
    """422, the form with its messages: ``partial`` where htmx asked and the form swaps only that, else the tab."""
    if partial and from_htmx():
        return render_partial(partial, status=422, **context)
    return render_tab(template, status=422, **context)


def _answer(body: str, status: int) -> Response:
    response = make_response(body, status)
    response.headers["Cache-Control"] = "no-store"
    response.vary.update(("HX-Request", "HX-History-Restore-Request"))
    return response


def redirect_for(url: str) -> Response:
    """303 for a browser; for htmx, which would swap the target into the element, a header that makes it go there."""
    if not request.htmx:
        return make_response(redirect(url, code=303))
    response = make_response("", 200)
    response.headers["HX-Redirect"] = url
    response.headers["Cache-Control"] = "no-store"
    return response


def local_path(target: str | None, fallback: str) -> str:
    """``target`` where it is a path of this site, else ``fallback``: a ``next`` parameter must not lead to another site."""
    if not target or not target.startswith("/") or target.startswith("//"):
        return fallback
    # Browsers read a backslash as a slash and skip control characters, so neither may hide a second slash.
    return fallback if "\\" in target or any(ord(sign) < 0x21 for sign in target) else target


def came_from(fallback: str) -> str:
    """The page of this site that a form was on, for going back to it."""
    parts = urlsplit(request.referrer or "")
    if parts.netloc != request.host:
        return fallback
    return local_path(f"{parts.path}?{parts.query}" if parts.query else parts.path, fallback)


def url_with(base: str | None = None, /, **changes: object) -> str:
    """``base`` (the URL of this request where not given) with some parameters changed; ``None`` and blank take one away.

    A list of values repeats the parameter. Any change but a change of page leads back to the first page.
    """
    parts = urlsplit(base if base is not None else request.full_path)
    dropped = {*changes, "page"}
    pairs = [(name, value) for name, value in parse_qsl(parts.query) if name not in dropped]
    for name, value in changes.items():
        several = value if isinstance(value, list | tuple) else [value]
        pairs.extend((name, str(one)) for one in several if one not in (None, ""))
    return f"{parts.path}?{urlencode(pairs)}" if pairs else parts.path


def theme() -> str:
    """The colour scheme that this browser chose; ``auto`` follows the system's."""
    chosen = request.cookies.get(THEME_COOKIE, "auto")
    return chosen if chosen in THEMES else "auto"


@cache
def _fingerprint(folder: str, name: str) -> str:
    return hashlib.sha256(Path(folder, name).read_bytes()).hexdigest()[:12]


def asset(name: str) -> str:
    """The URL of a static file, with a fingerprint of its content so that browsers may keep it for a year."""
    return url_for("static", filename=name, v=_fingerprint(current_app.static_folder or "", name))


def _utc_now() -> datetime:
    return datetime.now(UTC)


def init_rendering(
    app: Flask,
    *,
    shell: Callable[[], Shell],
    zone: Callable[[], tzinfo],
    clock: Callable[[], datetime] = _utc_now,
) -> None:
    """Sets up the templates' environment.

    ``shell`` is called by ``base.html`` and ``_panel.html`` only, so bare and error pages need neither account nor database.
    """
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(shell=shell, theme=theme, asset=asset, url_with=url_with)
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 365 * 24 * 3600
    init_formats(app, zone=zone, clock=clock)
