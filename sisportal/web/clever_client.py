"""Clever as the portal asks it during a sign-in: an Authlib client, the state of each try, and who the person is."""

import secrets
from collections.abc import Sequence
from typing import Any, TypeVar, cast

import msgspec
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.flask_client import FlaskIntegration
from authlib.integrations.flask_client.apps import FlaskOAuth2App
from flask import Response, current_app, make_response, session, url_for
from joserfc.errors import JoseError

from sisportal.config import Settings
from sisportal.extensions import db
from sisportal.syncing.clever_sso import Application, Standing, standing

T = TypeVar("T")

SECONDS = 10
"""How long Clever may take for an answer while somebody waits for their page."""
VERSION = "v3.1"
"""People sign in under their newest ids, whatever version the syncs read; the older ones are asked for where needed."""
TRIES_KEPT = 4
"""Sign-ins begun and not finished that one browser may have: in several tabs, or left at Clever's page."""
AGAIN = "again-"
"""Begins the state of a second try. It stands in the address, so that it counts where a browser keeps no cookies, too."""
SPENT = frozenset({"invalid_grant", "invalid_request"})


class NotSignedIn(Exception):
    """Nobody can be signed in by what came back; ``reason`` names the page that says so, the text is for the log.

    ``spent``: the code was used already, is more than a minute old, or never was one. ``away``: Clever could not be asked,
    or what it said could not be used. ``not-genuine``: it is not signed by Clever, or was not meant for this try.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Identity(msgspec.Struct, frozen=True):
    """Who signed in, as Clever says."""

    id: str
    district: str = ""
    """Blank for teachers who use the application without a district (Clever Library)."""
    type: str = ""


class _Me(msgspec.Struct):
    data: Identity


class _Role(msgspec.Struct):
    legacy_id: str = ""


class _User(msgspec.Struct):
    id: str
    district: str = ""
    roles: dict[str, _Role] = {}


class _UserAnswer(msgspec.Struct):
    data: _User


def sso() -> Standing:
    """Whether people may sign in with Clever now, and by what."""
    settings = cast("Settings", current_app.extensions["settings"])
    configured = Application(
        settings.clever_client_id, settings.clever_client_secret, settings.clever_login_url, settings.clever_api_url
    )
    return standing(db.session.connection(), current_app.extensions["cipher"], configured)


def callback_url() -> str:
    """Where Clever leads back to: exactly what has to be registered there."""
    return str(current_app.extensions["settings"].base_url) + url_for("clever_sign_in.callback")


def instant_login_url(on: Standing) -> str:
    """A link that signs in with Clever from any other site of the school."""
    application = on.application
    return f"{application.login_url}/oauth/instant-login?client_id={application.client_id}&district_id={on.district_id}"


def lead_to_clever(on: Standing, following: str = "", *, again: bool = False) -> Response:
    """Begin a try: its state and nonce are kept in this browser's session. ``following`` is the page wanted after it."""
    client = _client(on.application)
    _forget_old_tries(client)
    made = client.create_authorization_url(
        callback_url(),
        state=f"{AGAIN if again else ''}{secrets.token_urlsafe(24)}",
        district_id=on.district_id,
        return_unshared="true",
    )
    client.save_authorize_data(
        redirect_uri=callback_url(), state=made["state"], nonce=made["nonce"], following=following
    )
    return make_response("", 303, {"Location": made["url"]})


def begun(on: Standing, state: str) -> str | None:
    """The page wanted after a try that this browser has begun; None where it has begun no such try."""
    client = _client(on.application)
    kept = client.framework.get_state_data(session, state)
    return None if kept is None else str(kept.get("following", ""))


def exchange(on: Standing) -> tuple[Identity, dict[str, Any]]:
    """Who comes back with this request's code, and their token. The try is over, however it ends.

    Raises ``NotSignedIn``.
    """
    client = _client(on.application)
    claims = {
        "iss": {"essential": True, "value": on.application.login_url},
        "aud": {"essential": True, "value": on.application.client_id},
    }
    try:
        token = client.authorize_access_token(claims_options=claims)
    except OAuthError as error:
        reason = "spent" if error.error in SPENT else "away"
        raise NotSignedIn(reason, f"the code was refused: {error.error}") from error
    except (JoseError, RuntimeError) as error:
        raise NotSignedIn("not-genuine", type(error).__name__) from error
    except (OSError, ValueError, TypeError) as error:  # no connection, a server error, or no JSON
        raise NotSignedIn("away", type(error).__name__) from error
    identity = _ask(client, token, "me", _Me).data
    if token.get("userinfo") and token["userinfo"]["sub"] != identity.id:
        raise NotSignedIn("not-genuine", "the signed token is another person's")
    return identity, token


def older_ids(on: Standing, identity: Identity, token: dict[str, Any]) -> Sequence[str]:
    """What versions before 3.0 call the person: in the role of this login first. Students have one id in all of them."""
    user = _ask(_client(on.application), token, f"users/{identity.id}", _UserAnswer).data
    if (user.id, user.district) != (identity.id, identity.district):
        raise NotSignedIn("not-genuine", "the record is another person's")
    roles = sorted(user.roles.items(), key=lambda role: role[0] != identity.type)
    return [role.legacy_id for _, role in roles if role.legacy_id]


def _ask(client: Any, token: dict[str, Any], path: str, type_: type[T]) -> T:
    try:
        answer = client.get(f"{VERSION}/{path}", token=token)
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=type_)
    except (OSError, ValueError, OAuthError) as error:  # msgspec's errors are ValueErrors
        raise NotSignedIn("away", f"/{path.partition('/')[0]}: {type(error).__name__}") from error


def _client(application: Application) -> Any:
    """Authlib's client of an application, one for each process: it keeps Clever's certificates."""
    clients = current_app.extensions.setdefault("clever_clients", {})
    if application not in clients:
        clients[application] = FlaskOAuth2App(
            FlaskIntegration("clever"),
            "clever",
            client_id=application.client_id,
            client_secret=application.client_secret,
            authorize_url=f"{application.login_url}/oauth/authorize",
            access_token_url=f"{application.login_url}/oauth/tokens",
            api_base_url=f"{application.api_url}/",
            # the scope makes a nonce; Clever itself goes by what is set for the application (Clever: OIDC)
            client_kwargs={"scope": "openid", "default_timeout": SECONDS},
            jwks_uri=f"{application.login_url}/oauth/certs",
            id_token_signing_alg_values_supported=["RS256"],
        )
    return clients[application]


def _forget_old_tries(client: Any) -> None:
    """The session is a cookie, which has little room."""
    tries = [key for key in session if key.startswith(f"_state_{client.name}_")]
    for key in tries[: -(TRIES_KEPT - 1)]:
        session.pop(key)
