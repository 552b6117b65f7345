"""From what an administrator entered to a provider that can be read."""

import re
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from sisportal.providers.addresses import refuse_inner
from sisportal.providers.base import FormSession, ProviderError, WireSession
from sisportal.providers.clever import CleverProvider
from sisportal.providers.clever_api import CleverApi
from sisportal.providers.clever_families import V1, V2, V3, Family
from sisportal.providers.http import Authorization, BoundedSession, Wire
from sisportal.providers.oneroster import OneRosterProvider
from sisportal.providers.oneroster_access import ClientCredentials, Credentials, FixedBearer, SignedRequests
from sisportal.providers.oneroster_api import ONEROSTER_VERSIONS, OneRosterApi, places
from sisportal.providers.oneroster_calendar import SchoolYear
from sisportal.providers.oneroster_paging import MOST_PAGES as MOST_ONEROSTER_PAGES
from sisportal.providers.paging import MOST_PAGES
from sisportal.providers.tokens import DistrictToken
from sisportal.providers.tokens import bearer as bearer_header

CLEVER_API_URL = "https://api.clever.com"
CLEVER_LOGIN_URL = "https://clever.com"
CLEVER_VERSIONS: dict[str, Family] = {"1.1": V1, "2.0": V2, "2.1": V2, "3.0": V3, "3.1": V3}
"""Oldest first, and how each is read."""
PAGE_SIZE = 2_500
"""Rows a page: Clever allows 10,000, of which a page of sections would be 12 MB."""
ONEROSTER_PAGE_SIZE = 2_000
"""Rows a page: vendors clamp it to between 500 and 50,000; a page of users is then about 1 MB."""

_VERSION = re.compile(r"/v\d+(\.\d+)?$")


def open_clever(
    *,
    base_url: str = CLEVER_API_URL,
    token: str = "",
    client_id: str = "",
    client_secret: str = "",
    login_url: str = CLEVER_LOGIN_URL,
    district_id: str = "",
    version: str = "3.1",
    session: WireSession | None = None,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    page_size: int = PAGE_SIZE,
    most_pages: int = MOST_PAGES,
) -> CleverProvider:
    """A Clever district, by its token or by the application's client id and secret. Nothing is requested yet.

    ``district_id``, where known, is checked against the token's. Raises ``ProviderError`` for what cannot be an address
    or a version, and where there are no credentials.
    """
    if version not in CLEVER_VERSIONS:
        known = ", ".join(CLEVER_VERSIONS)
        raise ProviderError(f"Clever API version {version} is not spoken here; {known} are.", code="unknown-version")
    wire = Wire(session, clock=clock, sleep=sleep)
    api = CleverApi(
        wire,
        _authorization(wire, token, client_id, client_secret, login_url, district_id),
        base_url=plain_address(base_url),
        version=f"v{version}",
        page_size=page_size,
        most_pages=most_pages,
    )
    return CleverProvider(api, CLEVER_VERSIONS[version], district_id=district_id, clock=clock)


def _authorization(
    wire: Wire, token: str, client_id: str, client_secret: str, login_url: str, district_id: str
) -> Authorization:
    if token.strip():
        return bearer_header(token)
    if not (client_id.strip() and client_secret.strip()):
        raise ProviderError("Enter the district's token, or the client ID and the client secret.", code="unauthorized")
    return DistrictToken(
        wire,
        login_url=plain_address(login_url),
        client_id=client_id,
        client_secret=client_secret,
        district_id=district_id,
    )


def open_oneroster(
    *,
    base_url: str,
    client_id: str = "",
    client_secret: str = "",
    token_url: str = "",
    signature: str = "sha256",
    bearer: str = "",
    version: str = "",
    year_start: str = "",
    year_end: str = "",
    semester_start: str = "",
    semester_end: str = "",
    session: FormSession | None = None,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
    page_size: int = ONEROSTER_PAGE_SIZE,
    most_pages: int = MOST_ONEROSTER_PAGES,
) -> OneRosterProvider:
    """A OneRoster source: by a fixed bearer token, by OAuth 2 where a token URL is given, else by OAuth 1.0a signatures.

    Nothing is requested yet. ``base_url`` may be given with or without ``/ims/oneroster/…``; with a blank ``version`` it is
    found out. The dates are ISO. ``signature`` (``sha256`` or ``sha1``) is what is tried first. Raises ``ProviderError`` for
    what cannot be an address or a version, and where there are no credentials.
    """
    if version not in ("", *ONEROSTER_VERSIONS):
        known = ", ".join(ONEROSTER_VERSIONS)
        raise ProviderError(f"OneRoster version {version} is not spoken here; {known} are.", code="unknown-version")
    shared = session or BoundedSession()
    wire = Wire(shared, clock=clock, sleep=sleep)
    credentials: Credentials
    if bearer.strip():
        credentials = FixedBearer(bearer)
    elif not (client_id.strip() and client_secret.strip()):
        raise ProviderError("Enter the client ID and the client secret, or a bearer token.", code="unauthorized")
    else:
        client = {"client_id": client_id, "client_secret": client_secret}
        if token_url.strip():
            address = address_with_query(token_url)
            credentials = ClientCredentials(wire, shared, token_url=address, clock=clock, **client)
        else:
            credentials = SignedRequests(signature=signature, clock=clock, **client)
    candidates = places(clean_address(base_url), version)
    api = OneRosterApi(wire, credentials, candidates=candidates, page_size=page_size, most_pages=most_pages)
    year = SchoolYear(year_start, year_end, semester_start, semester_end)
    return OneRosterProvider(api, year, clock=clock)


def plain_address(entered: str) -> str:
    """The address without trailing slashes and version, with ``https`` where no scheme was entered."""
    return _VERSION.sub("", clean_address(entered)).rstrip("/")


def address_with_query(entered: str) -> str:
    """The address as it was entered, query and trailing slash included, where it can be one at all."""
    clean_address(entered)
    address = entered.strip()
    return address if "://" in address else f"https://{address}"


def clean_address(entered: str) -> str:
    """The address without query and trailing slashes, with ``https`` where no scheme was entered."""
    address = entered.strip()
    try:
        parts = urlsplit(address if "://" in address else f"https://{address}")
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
        _ = parts.port  # raises where it is no number
    except ValueError:
        raise _no_address() from None
    if not usable:
        raise _no_address()
    refuse_inner(parts.hostname or "", lambda _name: ())
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def _no_address() -> ProviderError:
    return ProviderError(
        "The address entered is not one that can be read. It should look like https://api.clever.com.", code="wrong-url"
    )
