"""What authorizes a request: a district's token, given or read with the application's client id and secret."""

import base64
from urllib.parse import urlencode

import msgspec

from sisportal.providers import faults
from sisportal.providers.base import ProviderError
from sisportal.providers.http import Wire

TOKENS_PATH = "/oauth/tokens"


class FixedHeader:
    """A header that never changes: a token that an administrator entered, or the application's own credentials."""

    def __init__(self, header: str) -> None:
        self._header = header

    def header(self) -> str:
        return self._header

    def renewed(self) -> str:
        return self._header


def bearer(token: str) -> FixedHeader:
    """A district's token (or a fixed bearer token of another SIS)."""
    return FixedHeader(f"Bearer {token.strip()}")


def basic(client_id: str, client_secret: str) -> FixedHeader:
    """HTTP Basic, which the token endpoint asks for."""
    pair = f"{client_id.strip()}:{client_secret.strip()}".encode()
    return FixedHeader(f"Basic {base64.b64encode(pair).decode('ascii')}")


class _Owner(msgspec.Struct):
    id: str = ""


class _Grant(msgspec.Struct):
    access_token: str = ""
    owner: _Owner = msgspec.field(default_factory=_Owner)


class _Grants(msgspec.Struct):
    data: list[_Grant]


_decode_grants = msgspec.json.Decoder(_Grants).decode


class DistrictToken:
    """The token of one district, read from Clever's token endpoint at first use and again after it was refused.

    Clever: a district's token can be rotated; its id stays. ``district_id`` may be blank where the application has one
    district only.
    """

    def __init__(
        self, wire: Wire, *, login_url: str, client_id: str, client_secret: str, district_id: str = ""
    ) -> None:
        self._wire = wire
        self._login_url = login_url
        self._credentials = basic(client_id, client_secret)
        self._district_id = district_id.strip()
        self._header = ""

    def header(self) -> str:
        return self._header or self.renewed()

    def renewed(self) -> str:
        self._header = f"Bearer {self._read()}"
        return self._header

    def _read(self) -> str:
        query = {"owner_type": "district"} | ({"district": self._district_id} if self._district_id else {})
        url = f"{self._login_url}{TOKENS_PATH}?{urlencode(query)}"
        grants = self._wire.get(url, TOKENS_PATH, self._credentials, _read_grants)
        mine = [grant for grant in grants if grant.access_token and self._district_id in ("", grant.owner.id)]
        if len(mine) != 1:
            raise self._no_single_district(len(mine))
        return mine[0].access_token

    def _no_single_district(self, found: int) -> ProviderError:
        if found:
            return ProviderError(
                f"The client ID belongs to {found} districts. Enter the district ID of the one to connect.",
                code="which-district",
                path=TOKENS_PATH,
            )
        return ProviderError(
            "No district shares its data with this client ID (or not the district whose ID was entered). "
            "Check the district ID, and that the district has authorized the application.",
            code="no-district",
            path=TOKENS_PATH,
        )


def _read_grants(content: bytes) -> list[_Grant]:
    try:
        return _decode_grants(content).data
    except msgspec.ValidationError:
        raise faults.no_envelope(TOKENS_PATH) from None
