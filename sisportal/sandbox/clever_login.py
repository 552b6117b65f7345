"""Clever's login side: signing in, codes and tokens, OpenID Connect (Clever: OAuth implementation, OIDC implementation)."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from sisportal.sandbox import clever_login_pages as pages
from sisportal.sandbox.clever_access import Access
from sisportal.sandbox.clever_tokens import Signing, claims, discovery
from sisportal.sandbox.clever_visitors import Visitor, find
from sisportal.sandbox.clever_wire import HTML, Call, Reply, json_reply
from sisportal.sandbox.district import District

CODE_LIFETIME = 60
"""Seconds in which a code can be exchanged, once."""
SESSION_LIFETIME = 7200
COOKIE = "sandbox-clever"
UNSHARED = "unauthorized-user"
"""The ``error`` with which somebody who is not shared comes back to an application that asked for it."""


@dataclass
class Session:
    """Somebody signed in to Clever on one browser, in one of their roles."""

    person: str
    role: str
    ends: float


@dataclass
class Grant:
    """What a code stands for."""

    person: str
    role: str
    redirect_uri: str
    nonce: str
    ends: float


@dataclass
class Login:
    """The application's registration, who is signed in where, and the codes that are out."""

    access: Access
    clock: Callable[[], float]
    redirect_uris: list[str] = field(default_factory=list)
    """Registered for the application; the first is the primary one, where the Clever portal leads."""
    oidc: bool = False
    """Whether the application gets id_tokens."""
    signing: Signing = field(default_factory=Signing)
    sessions: dict[str, Session] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)

    def reply(self, district: District, call: Call) -> Reply | None:
        """The answers of the login side; None for every other address."""
        answers: dict[tuple[str, str], Callable[[District, Call], Reply]] = {
            ("GET", "/oauth/authorize"): self._authorize,
            ("GET", "/oauth/instant-login"): self._instant_login,
            ("POST", "/oauth/tokens"): self._exchange,
            ("GET", "/oauth/certs"): lambda _d, _c: json_reply(self.signing.certs()),
            ("GET", "/.well-known/openid-configuration"): lambda _d, c: json_reply(discovery(_issuer(c))),
            ("GET", "/portal"): self._portal,
            ("GET", "/portal/open"): self._open,
            ("GET", "/portal/sign-out"): self._sign_out,
        }
        answer = answers.get((call.method, call.path))
        return None if answer is None else answer(district, call)

    # --- the three ways in ---

    def _authorize(self, district: District, call: Call) -> Reply:
        """The button of the application: back to the redirect URI that it names, with its state."""
        if call.value("client_id") != self.access.client_id:
            return pages.refused("Clever does not know this application: the client_id is wrong.", 400)
        if call.value("redirect_uri") not in self.redirect_uris:
            return pages.refused("The redirect_uri is not registered for this application.", 400)
        if call.value("response_type") != "code":
            return pages.refused("The response_type must be code.", 400)
        return self._signed_in(district, call, lambda session: self._leave(district, call, session))

    def _instant_login(self, district: District, call: Call) -> Reply:
        """A link that the school puts anywhere: to the primary redirect URI, without a state."""
        if call.value("client_id") != self.access.client_id:
            return pages.refused("Clever does not know this application: the client_id is wrong.", 400)
        if call.value("district_id") != district.id:
            return pages.refused("Clever does not know this district.", 400)
        return self._signed_in(district, call, lambda session: self._leave(district, call, session))

    def _portal(self, district: District, call: Call) -> Reply:
        """The school's page at Clever, with the application on it."""

        def page(session: Session) -> Reply:
            visitor = find(district, session.person)
            return pages.portal(visitor.person if visitor else None, session.role)

        return self._signed_in(district, call, page)

    def _open(self, district: District, call: Call) -> Reply:
        """The application's icon on that page."""
        return self._signed_in(district, call, lambda session: self._leave(district, call, session))

    def _sign_out(self, _district: District, call: Call) -> Reply:
        self.sessions.pop(_cookie(call), None)
        following = call.value("next")
        here = following.startswith("/") and not following.startswith("//")
        return Reply(302, b"", HTML, {"Location": following if here else "/portal"})

    def _signed_in(self, district: District, call: Call, then: Callable[[Session], Reply]) -> Reply:
        """What follows once somebody is signed in; until then the page to choose who."""
        if call.value("person"):
            return self._sign_in(district, call)
        session = self.sessions.get(_cookie(call))
        wanted = call.value("district_id")
        visitor = find(district, session.person) if session and session.ends > self.clock() else None
        if session is None or visitor is None or (wanted and wanted != visitor.district):
            return pages.choose(district, call, wanted)
        if call.value("confirmed") == "false":
            return pages.confirm(call, visitor.person, session.role)
        return then(session)

    def _sign_in(self, district: District, call: Call) -> Reply:
        """Somebody was chosen: remember them on this browser, and go on where they were."""
        visitor, role = find(district, call.value("person")), call.value("role")
        if visitor is None or role not in pages.roles_of(visitor.person):
            return pages.refused("There is nobody like this.", 404)
        key = secrets.token_hex(20)
        self.sessions[key] = Session(visitor.person.id, role, self.clock() + SESSION_LIFETIME)
        rest = [(name, value) for name, value in call.query if name not in {"person", "role", "q", "confirmed"}]
        headers = {
            "Location": f"{call.path}?{urlencode(rest)}" if rest else call.path,
            "Set-Cookie": f"{COOKIE}={key}; Path=/; HttpOnly; SameSite=Lax",
        }
        return Reply(302, b"", HTML, headers)

    def _leave(self, district: District, call: Call, session: Session) -> Reply:
        """Back to the application with a code, or with what is wrong."""
        target = call.value("redirect_uri") or next(iter(self.redirect_uris), "")
        if not target:
            return pages.refused("No redirect URI is registered for this application.", 400)
        state = [("state", call.value("state"))] if call.value("state") else []
        visitor = find(district, session.person)
        if visitor is None or not visitor.shared:
            if call.value("return_unshared") != "true":
                return pages.refused("Your school does not share you with this application.", 403)
            return _to(target, [("error", UNSHARED), *state])
        code = secrets.token_hex(20)
        ends = self.clock() + CODE_LIFETIME
        self.grants[code] = Grant(session.person, session.role, target, call.value("nonce"), ends)
        return _to(target, [("code", code), *state])

    # --- the application's own question ---

    def _exchange(self, district: District, call: Call) -> Reply:
        """A code for a token: within a minute, once, by the application and with the redirect URI that it was made for."""
        if not self.access.is_application(call):
            return json_reply({"error": "invalid_client"}, 401)
        sent = _sent(call)
        if sent.get("grant_type") != "authorization_code":
            return _wrong("unsupported_grant_type", "grant_type must be authorization_code")
        grant = self.grants.pop(str(sent.get("code", "")), None)
        if grant is None or grant.ends <= self.clock():
            return _wrong("invalid_grant", "Invalid grant: invalid code")
        if sent.get("redirect_uri") != grant.redirect_uri:
            return _wrong("invalid_grant", "Invalid grant: redirect_uri does not match")
        visitor = find(district, grant.person)
        if visitor is None:
            return _wrong("invalid_grant", "Invalid grant: invalid code")
        return json_reply(self._token(visitor, grant, _issuer(call)))

    def _token(self, visitor: Visitor, grant: Grant, issuer: str) -> dict[str, Any]:
        token = {"access_token": self.access.sign_in(visitor.person, grant.role), "token_type": "bearer"}
        if self.oidc:
            said = claims(visitor, grant.role, issuer, self.access.client_id, grant.nonce, int(self.clock()))
            token["id_token"] = self.signing.sign(said)
        return token


def _sent(call: Call) -> dict[str, Any]:
    """What was posted, as JSON or as a form."""
    if call.content_type.startswith("application/json"):
        try:
            return msgspec.json.decode(call.body, type=dict[str, Any])
        except msgspec.DecodeError:
            return {}
    return dict(parse_qsl(call.body.decode("utf-8", "replace")))


def _wrong(error: str, description: str) -> Reply:
    return json_reply({"error": error, "error_description": description}, 400)


def _to(target: str, parameters: list[tuple[str, str]]) -> Reply:
    return Reply(302, b"", HTML, {"Location": f"{target}{'&' if '?' in target else '?'}{urlencode(parameters)}"})


def _issuer(call: Call) -> str:
    return f"http://{call.host}"


def _cookie(call: Call) -> str:
    try:
        morsel = SimpleCookie(call.cookie).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""
