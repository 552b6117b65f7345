"""The end of a sign-in's first step, whichever way it went: a session, or the question for a code."""

from flask import Response, session, url_for

from sisportal.extensions import db
from sisportal.models.database import writing
from sisportal.syncing import half_sign_in, notices, second_factor
from sisportal.web.access import UNSENT, begin_session, end_session
from sisportal.web.portal import address, now
from sisportal.web.rendering import local_path, redirect_for

HALF = "half"
"""Where the cookie holds what names a sign-in that waits for its code."""


def enter(account_id: int, username: str, way: str, following: str) -> Response:
    """Sign in whoever has shown who they are; or ask for a code, and until then sign nobody in.

    The request must hold no transaction, here and in ``finish``.
    """
    with db.engine.connect() as connection:
        asked = second_factor.is_asked(connection, account_id, way)
    if not asked:
        return finish(account_id, username, way, following)
    unsent = session.get(UNSENT)
    end_session()
    session[HALF] = half_sign_in.begin(db.engine, account_id, way, now())
    if unsent:
        session[UNSENT] = unsent
    return redirect_for(url_for("second_step.ask", next=local_path(following, "") or None))


def finish(account_id: int, username: str, way: str, following: str) -> Response:
    """Begin the session, and lead to the page that was asked for."""
    begin_session(account_id, way)
    details = {} if way == "password" else {"way": way}
    with writing(db.engine).begin() as connection:
        notices.record(
            connection, "signed-in", username, now(), actor=username, actor_id=account_id, address=address(), **details
        )
    return redirect_for(local_path(following, url_for("home.home")))
