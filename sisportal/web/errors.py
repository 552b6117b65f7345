"""Error pages: one sentence that says what happened and one that says what to do; they need no account, and no database where that may be away."""

import errno
from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, Response, current_app
from htmx_flask import request
from sqlalchemy.exc import DatabaseError, OperationalError
from werkzeug.exceptions import BadRequest, HTTPException, NotFound

from sisportal.web.rendering import render_bare, render_partial


@dataclass(frozen=True, slots=True)
class ErrorText:
    """What an error page says; ``again`` offers to load the page once more."""

    title: str
    sentence: str
    advice: str
    again: bool = False
    leads_to: tuple[str, str] | None = None
    """(label, path) of the page where it can be mended."""


TEXTS = {
    400: ErrorText(
        "That request could not be read",
        "The form had expired or part of it was missing, so nothing was changed.",
        "Go back, load the page again and send the form once more.",
    ),
    403: ErrorText(
        "This needs other permissions",
        "Your account may look at the portal but not do this. Nothing was changed.",
        "Ask an administrator of the portal if you need it.",
    ),
    404: ErrorText(
        "There is no page here",
        "The address is mistyped, or it leads to something that your account cannot see.",
        "Start from the home page: its menu leads everywhere that your account can see.",
    ),
    405: ErrorText(
        "This address only takes forms",
        "It was opened as a page, and there is nothing to show. Nothing was changed.",
        "Start from the home page: its menu leads everywhere that your account can see.",
    ),
    413: ErrorText(
        "That is too large",
        "The file or form is larger than the portal takes, so nothing of it was kept.",
        "Split the file, or ask whoever hosts the portal to put it into the watched folder.",
    ),
    422: ErrorText(
        "That form cannot be used as it is",
        "A value in it is missing or of the wrong kind. Nothing was changed.",
        "Go back, correct it and send it again.",
    ),
    429: ErrorText(
        "Too many tries",
        "There were too many requests from here in a short time, so the portal waits before it answers the next.",
        "Wait a few minutes and try again.",
        again=True,
    ),
    500: ErrorText(
        "Something went wrong on our side",
        "The portal met an error that it did not expect. What was already saved is safe, and the error is in the log.",
        "Try again. If it stays, tell whoever hosts the portal what you did and when.",
        again=True,
    ),
    503: ErrorText(
        "The portal is not ready just now",
        "Its database or its queue does not answer. What was saved is safe, and running syncs go on when it is back.",
        "Try again in a minute. If it stays, tell whoever hosts the portal.",
        again=True,
    ),
    507: ErrorText(
        "The disk is full",
        "Nothing more can be stored, so nothing of this was kept. What was saved before is safe, and syncs go on when there is room.",
        "Tell whoever hosts the portal: it needs room where DATA_DIR or the database is. Then try again.",
        again=True,
    ),
}


FULL = 507
"""Insufficient Storage (RFC 4918): the machine's disk, or the database's, has no room."""
BUSY = ErrorText(
    "The database is busy",
    "Something else is writing to it for longer than the portal waits, so nothing of this was kept. What was saved before is safe.",
    "Try again in a minute. If it stays, tell whoever hosts the portal.",
    again=True,
)
DAMAGED = ErrorText(
    "The database is damaged",
    "Its file cannot be read as it should be, so nothing of this was kept.",
    "Tell whoever hosts the portal: end it, see what flask check says, and bring the last backup back with flask restore.",
)
NO_ROOM = ("is full", "no space left")
LOCKED = ("is locked", "lock timeout")
BROKEN = ("malformed", "not a database", "invalid page", "disk i/o error")
"""Words by which SQLite and PostgreSQL say what keeps them; whatever else they say is the usual page of 503."""

_AT_ONCE = 1 << 20
_NAME = "name-for-error"


class Explained(NotFound):
    """A page that is not there for a reason that may be told."""

    def __init__(self, text: ErrorText) -> None:
        super().__init__()
        self.text = text


def error_page(code: int, text: ErrorText | None = None) -> Response:
    """The page of an error; under htmx only its region, which is not swapped in unless the page asks for it."""
    text = text or TEXTS.get(code, TEXTS[500] if code >= 500 else TEXTS[400])
    if request.htmx:
        return render_partial("errors/_error.html", status=code, code=code, text=text)
    name = current_app.extensions[_NAME](code)
    return render_bare("errors/error.html", status=code, code=code, text=text, portal_name=name)


def _answer_http_error(error: HTTPException) -> Response | HTTPException:
    code = error.code or 500
    if code < 400:
        return error
    page = error_page(code, error.text if isinstance(error, Explained) else None)
    # Retry-After, Allow and the like belong to the error, not to its page.
    for name, value in error.get_headers():
        if name not in {"Content-Type", "Content-Length"}:
            page.headers.setdefault(name, value)
    return page


def _answer_database_away(error: DatabaseError) -> Response:
    """Locked for too long, full, damaged or not there: nothing of the request was kept."""
    current_app.logger.error("the database cannot be used: %s", error.orig)
    said = str(error.orig).lower()
    if any(words in said for words in NO_ROOM):
        return error_page(FULL)
    if any(words in said for words in BROKEN):
        return error_page(503, DAMAGED)
    return error_page(503, BUSY if any(words in said for words in LOCKED) else None)


def _answer_database_error(error: DatabaseError) -> Response:
    """A damaged file; whatever else a database says of a statement is not expected."""
    if not any(words in str(error.orig).lower() for words in BROKEN):
        raise error
    return _answer_database_away(error)


def _answer_no_room(error: OSError) -> Response:
    """A file that was sent does not fit on the disk; whatever else the machine refuses is not expected."""
    if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        raise error
    current_app.logger.error("the disk is full")
    _hear_out()
    return error_page(FULL)


def _hear_out() -> None:
    """Take the rest of what is being sent: a browser that is cut off in between shows no answer at all."""
    try:
        while request.stream.read(_AT_ONCE):
            pass
    except (OSError, BadRequest):
        current_app.logger.info("the browser went away while it sent a file")


def init_errors(app: Flask, name: Callable[[int], str]) -> None:
    """Every error of ``app`` is answered by its page; an unexpected one is logged by Flask and answered as 500.

    ``name`` tells what the portal is called, on the page of an error of that code.
    """
    app.extensions[_NAME] = name
    app.register_error_handler(HTTPException, _answer_http_error)
    app.register_error_handler(OperationalError, _answer_database_away)
    app.register_error_handler(DatabaseError, _answer_database_error)
    app.register_error_handler(OSError, _answer_no_room)
