"""From what an administrator entered to a provider that can be read."""

import re
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from sisportal.providers.base import Provider, ProviderError, WireSession
from sisportal.providers.clever import CleverProvider
from sisportal.providers.clever_api import CleverApi
from sisportal.providers.http import Authorization, Wire
from sisportal.providers.paging import MOST_PAGES
from sisportal.providers.tokens import DistrictToken, bearer

CLEVER_API_URL = "https://api.clever.com"
CLEVER_LOGIN_URL = "https://clever.com"
CLEVER_VERSIONS = ("3.0", "3.1")
PAGE_SIZE = 2_500
"""Rows a page: Clever allows 10,000, of which a page of sections would be 12 MB."""

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
) -> Provider:
    """A Clever district, by its token or by the application's client id and secret. Nothing is requested yet.

    ``district_id``, where known, is checked against the token's. Raises ``ProviderError`` for what cannot be an address
    or a version, and where there are no credentials.
    """
    if version not in CLEVER_VERSIONS:
        known = ", ".join(CLEVER_VERSIONS)
        raise ProviderError(f"Clever API version {version} is not spoken here; {known} are.", code="unknown-version")
    wire = Wire(session, clock=clock, sleep=sleep)
    authorization: Authorization
    if token.strip():
        authorization = bearer(token)
    elif client_id.strip() and client_secret.strip():
        authorization = DistrictToken(
            wire,
            login_url=plain_address(login_url),
            client_id=client_id,
            client_secret=client_secret,
            district_id=district_id,
        )
    else:
        raise ProviderError("Enter the district's token, or the client ID and the client secret.", code="unauthorized")
    api = CleverApi(
        wire,
        authorization,
        base_url=plain_address(base_url),
        version=f"v{version}",
        page_size=page_size,
        most_pages=most_pages,
    )
    return CleverProvider(api, district_id=district_id)


def plain_address(entered: str) -> str:
    """The address without trailing slashes and version, with ``https`` where no scheme was entered."""
    address = entered.strip()
    try:
        parts = urlsplit(address if "://" in address else f"https://{address}")
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
        _ = parts.port  # raises where it is no number
    except ValueError:
        raise _no_address() from None
    if not usable:
        raise _no_address()
    return _VERSION.sub("", f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")).rstrip("/")


def _no_address() -> ProviderError:
    return ProviderError(
        "The address entered is not one that can be read. It should look like https://api.clever.com.", code="wrong-url"
    )
