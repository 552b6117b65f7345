"""What authorizes a OneRoster request: an OAuth 2 token, an OAuth 1.0a signature, or a fixed bearer token."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import NamedTuple, Protocol
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import msgspec
import requests
from authlib.oauth1.rfc5849.parameters import prepare_headers
from authlib.oauth1.rfc5849.signature import construct_base_string
from authlib.oauth1.rfc5849.util import escape

from sisportal.providers import faults
from sisportal.providers.base import FormSession, ProviderError, WireResponse
from sisportal.providers.http import CONNECT_SECONDS, READ_SECONDS, Authorization, Wire
from sisportal.providers.tokens import FixedHeader, bearer

TOKEN_PATH = "the token URL"  # noqa: S105  # what errors call it: every vendor has another path
EARLY = 10.0
"""Seconds before its end that a token is replaced."""

_CORE = ("roster-core.readonly", "roster.readonly")
_DEMOGRAPHICS = "roster-demographics.readonly"
_SCOPES = {
    "1.1": "https://purl.imsglobal.org/spec/or/v1p1/scope/",
    "1.2": "https://purl.imsglobal.org/spec/or/v1p2/scope/",
}


class Credentials(Protocol):
    """How requests to one SIS are authorized."""

    def prepare(self, version: str) -> None:
        """From now on requests are of this version."""

    def authorize(self, url: str) -> Authorization:
        """What authorizes a GET of ``url``."""

    def accepted(self) -> None:
        """The SIS has accepted a request."""

    def has_another_way(self, status: int | None) -> bool:
        """Whether a request that was refused with this status should be authorized in another way, and made again."""


class FixedBearer:
    """A bearer token that an administrator entered."""

    def __init__(self, token: str) -> None:
        self._header = bearer(token)

    def prepare(self, version: str) -> None:
        """The same for both versions."""

    def authorize(self, url: str) -> FixedHeader:  # noqa: ARG002  # the same for every request
        return self._header

    def accepted(self) -> None:
        """Nothing follows from it."""

    def has_another_way(self, status: int | None) -> bool:  # noqa: ARG002  # whatever it is
        return False


class SignedRequests:
    """OAuth 1.0a with a consumer key and secret and no token (RFC 5849).

    Some servers accept HMAC-SHA256 only, some HMAC-SHA1 only: until a request was accepted, a refusal makes the next
    signature use the other one.
    """

    def __init__(self, *, client_id: str, client_secret: str, signature: str, clock: Callable[[], float]) -> None:
        self._client_id = client_id.strip()
        self._key = f"{escape(client_secret.strip())}&".encode()
        self._is_sha256 = signature == "sha256"
        self._clock = clock
        self._settled = False
        self._untried = True

    def prepare(self, version: str) -> None:
        """The same for both versions."""

    def authorize(self, url: str) -> "_Signed":
        return _Signed(self, url)

    def accepted(self) -> None:
        self._settled = True

    def has_another_way(self, status: int | None) -> bool:
        """Some servers refuse a method they do not know with another status than 401, which a renewed signature answers."""
        if self._settled or not self._untried or status not in (400, 403):
            return False
        self._untried = False
        self.other_method()
        return True

    def other_method(self) -> None:
        """A signature was refused."""
        if not self._settled:
            self._is_sha256 = not self._is_sha256

    def sign(self, url: str) -> str:
        """The ``Authorization`` header of a GET; every one is another, for each has a nonce."""
        parameters = [
            ("oauth_consumer_key", self._client_id),
            ("oauth_nonce", secrets.token_hex(16)),
            ("oauth_signature_method", "HMAC-SHA256" if self._is_sha256 else "HMAC-SHA1"),
            ("oauth_timestamp", str(int(self._clock()))),
            ("oauth_version", "1.0"),
        ]
        query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
        # the library takes the protocol's parameters escaped, and the query's as they are meant
        base = construct_base_string("GET", url, [*query, *((name, escape(value)) for name, value in parameters)])
        digest = hmac.new(self._key, base.encode(), hashlib.sha256 if self._is_sha256 else hashlib.sha1).digest()
        parameters.append(("oauth_signature", base64.b64encode(digest).decode("ascii")))
        return str(prepare_headers(parameters)["Authorization"])


class _Signed:
    """The signature of one request."""

    def __init__(self, signer: SignedRequests, url: str) -> None:
        self._signer = signer
        self._url = url

    def header(self) -> str:
        return self._signer.sign(self._url)

    def renewed(self) -> str:
        self._signer.other_method()
        return self._signer.sign(self._url)


class _Form(NamedTuple):
    """One way to ask for a token."""

    credentials: str
    """Where client ID and secret go: ``header`` or ``body``."""
    scopes: tuple[str, ...] = ()
    parameters: str = "body"
    """Where everything else goes: ``body`` or ``query``."""


class _Token(msgspec.Struct):
    access_token: str = ""
    expires_in: float | str | None = None
    error: str = ""


class ClientCredentials:
    """OAuth 2 client credentials (RFC 6749, 4.4).

    Vendors want the credentials in different places and know different scopes: the usual form is tried first, and the one
    that worked is kept. A token that was refused or nears its end is read anew.
    """

    def __init__(
        self,
        wire: Wire,
        session: FormSession,
        *,
        token_url: str,
        client_id: str,
        client_secret: str,
        clock: Callable[[], float],
    ) -> None:
        self._wire = wire
        self._session = session
        self._url = token_url
        self._id = client_id.strip()
        self._secret = client_secret.strip()
        self._clock = clock
        self._version = "1.1"
        self._header = ""
        self._ends = float("inf")
        self._form: _Form | None = None

    def prepare(self, version: str) -> None:
        if version != self._version:
            self._version, self._header, self._form = version, "", None

    def authorize(self, url: str) -> "ClientCredentials":  # noqa: ARG002  # one token for every request
        return self

    def accepted(self) -> None:
        """Nothing follows from it."""

    def has_another_way(self, status: int | None) -> bool:  # noqa: ARG002  # whatever it is
        return False

    def header(self) -> str:
        return self._header if self._header and self._clock() < self._ends else self.renewed()

    def renewed(self) -> str:
        token = self._read()
        self._header = f"Bearer {token.access_token}"
        self._ends = self._clock() + _seconds(token.expires_in) - EARLY
        return self._header

    def _read(self) -> _Token:
        if self._form is not None:
            return self._ask(self._url, self._form)
        refusals: list[ProviderError] = []
        for url in (self._url, self._with_or_without_slash()):
            for form in self._forms():
                if form.credentials == "header" and any(one.status == 401 for one in refusals):
                    continue  # the credentials may be wanted in the body; in the header they are not
                try:
                    token = self._ask(url, form)
                except ProviderError as refusal:
                    if not refusal.permanent or refusal.status is None:
                        raise
                    refusals.append(refusal)
                    continue
                self._url, self._form = url, form
                return token
            if not any(one.status in _WRONG_PLACE or one.code == "redirected" for one in refusals):
                break
        raise _no_token(refusals[0])

    def _with_or_without_slash(self) -> str:
        return self._url[:-1] if self._url.endswith("/") else f"{self._url}/"

    def _forms(self) -> list[_Form]:
        prefix = _SCOPES[self._version]
        core = tuple(prefix + scope for scope in _CORE)
        every = (*core, prefix + _DEMOGRAPHICS)
        in_header = [_Form("header", every), _Form("header", core), _Form("header")]
        in_body = [_Form("body", every), _Form("body", core), _Form("body")]
        return [*in_header, *in_body, _Form("header", parameters="query")]

    def _ask(self, url: str, form: _Form) -> _Token:
        fields = {"grant_type": "client_credentials"}
        if form.scopes:
            fields["scope"] = " ".join(form.scopes)
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        if form.credentials == "header":
            pair = f"{quote(self._id, safe='')}:{quote(self._secret, safe='')}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
        else:
            fields |= {"client_id": self._id, "client_secret": self._secret}
        body = urlencode(fields)
        if form.parameters == "query":
            url, body = f"{url}{'&' if '?' in url else '?'}{body}", ""
        return self._wire.patiently(lambda: self._send(url, headers, body), TOKEN_PATH, _read_token, attempts=3)[0]

    def _send(self, url: str, headers: dict[str, str], body: str) -> WireResponse:
        try:
            return self._session.post(
                url, headers=headers, data=body, timeout=(CONNECT_SECONDS, READ_SECONDS), allow_redirects=False
            )
        except requests.RequestException as fault:
            raise faults.unreachable(fault, TOKEN_PATH) from None  # the chained one would show the URL


_WRONG_PLACE = frozenset({400, 404, 405})
"""A token URL with one slash too many or too few is answered like this."""


def _seconds(value: float | str | None) -> float:
    try:
        return float(value or "inf")
    except ValueError:
        return float("inf")


def _read_token(content: bytes) -> _Token:
    try:
        token = msgspec.json.decode(content, type=_Token)
    except msgspec.ValidationError:
        token = _Token()
    if not token.access_token:
        said = f" It said: {token.error[:200]}" if token.error else ""
        raise ProviderError(
            f"The token URL answered without a token.{said}", code="unauthorized", status=400, path=TOKEN_PATH
        )
    return token


def _no_token(refusal: ProviderError) -> ProviderError:
    status = refusal.status or 0
    said = refusal.message.partition(" It said: ")[2]
    if status in (404, 405) or refusal.code in ("redirected", "not-json"):
        sentence = "There is no token to be had at the token URL. Check the token URL; leave it blank where the SIS wants OAuth 1 signatures."
    else:
        sentence = "The token URL refused the client ID and secret. Check both, and that the SIS has enabled them."
    return ProviderError(
        f"{sentence} ({status}){f' It said: {said}' if said else ''}",
        code="unauthorized",
        status=status,
        path=TOKEN_PATH,
    )
