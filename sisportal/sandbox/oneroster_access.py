"""Who may read OneRoster: OAuth 2 client credentials, OAuth 1.0a signatures, fixed bearers (RFC 6749, RFC 5849)."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote

from sisportal.sandbox.clever_access import Access
from sisportal.sandbox.clever_wire import Call, Rendered, Reply, json_reply, no_such_route
from sisportal.sandbox.oneroster_profiles import Profile
from sisportal.sandbox.oneroster_refusals import RefusedError
from sisportal.sandbox.oneroster_routes import CORE, PRIVATE, ROSTER

LIFETIME = 3600.0
"""Seconds that a token lasts."""
PAST, FUTURE = 600.0, 300.0
"""How many seconds the timestamp of a signature may be behind or ahead."""
SCOPES = (CORE, ROSTER, PRIVATE)
PREFIXES = {
    "1.1": "https://purl.imsglobal.org/spec/or/v1p1/scope/",
    "1.2": "https://purl.imsglobal.org/spec/or/v1p2/scope/",
}
DIGESTS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}


def _stranger(word: str) -> RefusedError:
    """Nobody whom we know."""
    return RefusedError("unauthorisedrequest", word, 401)


@dataclass
class Grant:
    """What a token is good for."""

    scopes: frozenset[str]
    """As they are asked for, with the version's address before them."""
    ends: float
    uses: int = 0


@dataclass
class OneRosterAccess:
    """The application's tokens and what it has signed. Earlier tokens stay good: each thread may have its own."""

    application: Access
    clock: Callable[[], float]
    grants: dict[str, Grant] = field(default_factory=dict)
    _nonces: dict[tuple[str, str], float] = field(default_factory=dict)

    @property
    def bearer(self) -> str:
        """The fixed bearer, good for everything."""
        return f"or-{self.application.client_id}-{self.application.client_secret}"

    # --- tokens

    def token(self, call: Call, profile: Profile) -> Reply | None:
        """The token endpoint; None for other addresses."""
        if profile.only_bearer or call.path.rstrip("/") != profile.grants_at.rstrip("/"):
            return None
        if call.path != profile.grants_at:
            return Reply(400, b"", "text/html")
        if call.method != "POST" or profile.grants_query not in call.query_string:
            return (
                no_such_route(call) if call.method != "POST" else _refusal("invalid_request", "No application selected")
            )
        form = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
        if "query" in profile.credentials:
            form = dict(call.query) | form
        if not self._is_application(call, form, profile):
            return _refusal("invalid_client", "", 401)
        if form.get("grant_type") != "client_credentials":
            return _refusal("unsupported_grant_type")
        return self._granted(form.get("scope", "").split(), profile)

    def _is_application(self, call: Call, form: dict[str, str], profile: Profile) -> bool:
        given = None
        if "header" in profile.credentials:
            given = _basic(call.authorization)
        if given is None and {"body", "query"} & set(profile.credentials):
            given = form.get("client_id", ""), form.get("client_secret", "")
        return given == (self.application.client_id, self.application.client_secret)

    def _granted(self, asked: list[str], profile: Profile) -> Reply:
        known = {profile.scope_prefix + prefix + scope for prefix in PREFIXES.values() for scope in SCOPES}
        if not asked and profile.scopes == "required":
            return _refusal("invalid_request", "scope is missing")
        granted = known if profile.scopes == "unknown" or not asked else known & set(asked)
        if not granted:
            return _refusal("invalid_scope")
        token = f"ort-{len(self.grants) + 1:04d}-{hashlib.sha256(f'{self.bearer}/{len(self.grants)}'.encode()).hexdigest()[:24]}"
        scopes = frozenset(scope.removeprefix(profile.scope_prefix) for scope in granted)
        self.grants[token] = Grant(scopes, self.clock() + LIFETIME)
        said: Rendered = {"access_token": token, "token_type": "bearer"}
        if profile.expires:
            said |= {"expires_in": int(LIFETIME), "scope": " ".join(asked)}
        return json_reply(said)

    # --- requests

    def scopes(self, call: Call, version: str, profile: Profile) -> frozenset[str]:
        """What the request may read, as ``roster.readonly``; raises RefusedError for a stranger."""
        scheme, _, rest = call.authorization.partition(" ")
        if scheme.lower() == "oauth" and version == "1.1":
            self._require_signature(call, rest, profile)
            return frozenset(SCOPES)
        if scheme.lower() != "bearer":
            raise _stranger("invalid_token" if version == "1.2" else "unauthorized")
        if hmac.compare_digest(rest.strip().encode(), self.bearer.encode()):
            return frozenset(SCOPES)
        grant = self.grants.get(rest.strip())
        if grant is None or self.clock() >= grant.ends or (profile.token_uses and grant.uses >= profile.token_uses):
            raise _stranger("invalid_token")
        grant.uses += 1
        prefix = PREFIXES[version]
        return frozenset(scope.removeprefix(prefix) for scope in grant.scopes if scope.startswith(prefix))

    def _require_signature(self, call: Call, header: str, profile: Profile) -> None:
        """The signature is worked out here anew, by the standard and not by the library that our own client uses."""
        given = dict(_parameters(header))
        if given.get("oauth_consumer_key") != self.application.client_id:
            raise _stranger("invalid_consumer_key")
        method = given.get("oauth_signature_method", "")
        if method not in profile.signatures:
            raise _stranger("invalid_signature_method")
        pairs = [
            *call.query,
            *((name, value) for name, value in given.items() if name not in ("oauth_signature", "realm")),
        ]
        key = f"{_escaped(self.application.client_secret)}&".encode()
        digest = hmac.new(key, base_string(call, pairs).encode(), DIGESTS[method]).digest()
        if not hmac.compare_digest(base64.b64encode(digest), given.get("oauth_signature", "").encode()):
            raise _stranger("invalid_signature")
        self._require_fresh(given.get("oauth_timestamp", ""), given.get("oauth_nonce", ""))

    def _require_fresh(self, timestamp: str, nonce: str) -> None:
        now = self.clock()
        if not nonce or not timestamp.isdecimal() or not now - PAST <= int(timestamp) <= now + FUTURE:
            raise _stranger("invalid_timestamp")
        if (timestamp, nonce) in self._nonces:
            raise _stranger("nonce_used")
        if len(self._nonces) > 50_000:
            self._nonces = {key: when for key, when in self._nonces.items() if when > now - PAST - FUTURE}
        self._nonces[timestamp, nonce] = now


def base_string(call: Call, pairs: list[tuple[str, str]]) -> str:
    """What a request's signature is of (RFC 5849, 3.4.1), the protocol's parameters among the ``pairs``."""
    encoded = sorted((_escaped(name), _escaped(value)) for name, value in pairs)
    joined = "&".join(f"{name}={value}" for name, value in encoded)
    host = call.host.lower().removesuffix(":80")
    return f"{call.method}&{_escaped(f'http://{host}{call.raw_path}')}&{_escaped(joined)}"


def _escaped(text: str) -> str:
    return quote(text, safe="~")


def _parameters(header: str) -> list[tuple[str, str]]:
    pairs = (part.strip().partition("=") for part in header.split(","))
    return [(name, unquote(value.strip('"'))) for name, _, value in pairs]


def _basic(authorization: str) -> tuple[str, str] | None:
    """Id and secret, each of which is percent-encoded (RFC 6749, 2.3.1); None without such a header."""
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        id_, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote(id_), unquote(secret)


def _refusal(word: str, said: str = "", status: int = 400) -> Reply:
    return json_reply({"error": word} | ({"error_description": said} if said else {}), status)
