"""From an answer that cannot be used to a sentence that says what happened and what to check."""

import msgspec
import requests

from sisportal.providers.base import ProviderError, WireResponse
from sisportal.providers.rates import seconds_to_wait

CHECK_URL = "Check the API base URL of the connection."


class _Status(msgspec.Struct):
    imsx_description: str = ""


class _ErrorBody(msgspec.Struct):
    """Clever's error bodies say ``error`` or ``message`` (its specification and its wire disagree).

    OneRoster's say ``imsx_description``, at the top or in a ``statusInfoSet``; OAuth's ``error_description`` or ``error``.
    """

    error: str = ""
    message: str = ""
    error_description: str = ""
    imsx_description: str = ""
    status_info_set: list[_Status] = msgspec.field(default_factory=list, name="statusInfoSet")

    def said(self) -> str:
        """The first of them that says anything."""
        told = [one.imsx_description for one in self.status_info_set]
        return next(filter(None, (self.error_description, self.error, self.message, self.imsx_description, *told)), "")


def refused(response: WireResponse, path: str, now: float) -> ProviderError:
    """The error for an answer whose status is not a success."""
    status = response.status_code
    if status == 429:
        return ProviderError(
            f"The SIS asked us to slow down and kept asking (429 on {path}). Prepare again in a few minutes.",
            code="rate-limited",
            permanent=False,
            status=status,
            path=path,
            wait=seconds_to_wait(response.headers, now),
        )
    if status >= 500 and status != 501:
        return ProviderError(
            f"The SIS has a fault of its own ({status} on {path}), after several attempts. "
            "Prepare again later; if it stays, ask the SIS vendor's support.",
            code="server-error",
            permanent=False,
            status=status,
            path=path,
            wait=seconds_to_wait(response.headers, now),
        )
    if 300 <= status < 400:
        return _redirected(response, path)
    code, sentence = _REFUSALS.get(
        status, ("rejected", f"The SIS refused the request ({status} on {{path}}). {CHECK_URL}")
    )
    return ProviderError(sentence.format(path=path) + _said(response), code=code, status=status, path=path)


_REFUSALS = {
    401: (
        "unauthorized",
        "The SIS did not accept the token (401 on {path}). Check the token, or the client ID and secret, and that the district still shares its data with this application.",
    ),
    403: (
        "forbidden",
        "The token may not read {path} (403). Check what the district shares with this application.",
    ),
    404: (
        "not-found",
        "The SIS has nothing at {path} (404). Check the API base URL and version, and that the token is a district token whose district shares this data.",
    ),
    413: ("rejected", "The SIS says that the page asked for is too large (413 on {path}). Please report this."),
}


def _said(response: WireResponse) -> str:
    """What a JSON error body says, shortened; nothing for HTML and empty bodies."""
    try:
        body = msgspec.json.decode(response.content, type=_ErrorBody)
    except (msgspec.DecodeError, RecursionError):
        return ""
    text = " ".join(body.said().split())
    return f" It said: {text[:200]}" if text else ""


def _redirected(response: WireResponse, path: str) -> ProviderError:
    target = response.headers.get("Location", "")[:200].split("?")[0]
    return ProviderError(
        f"The SIS answered {path} with a redirect to {target or 'nowhere'}; redirects are not followed, so that the token "
        f"goes nowhere else. {CHECK_URL}",
        code="redirected",
        status=response.status_code,
        path=path,
    )


def unreachable(fault: requests.RequestException, path: str) -> ProviderError:
    """The error for a request that brought no whole answer."""
    if isinstance(fault, requests.exceptions.SSLError):
        return ProviderError(
            f"The certificate of the SIS's server was not accepted ({path}). {CHECK_URL}", code="unreachable", path=path
        )
    if isinstance(fault, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return ProviderError(
            f"The API base URL is not an address that can be read. {CHECK_URL}", code="wrong-url", path=path
        )
    if isinstance(fault, requests.exceptions.Timeout):
        what = "did not answer in time"
    elif isinstance(fault, requests.exceptions.ChunkedEncodingError):
        what = "broke off in the middle of an answer"
    else:
        what = "could not be reached or dropped the connection"
    return ProviderError(
        f"The SIS {what} ({path}), after several attempts. Check the API base URL and this machine's network; "
        "otherwise prepare again later.",
        code="unreachable",
        permanent=False,
        path=path,
    )


def unreadable(content: bytes, path: str) -> ProviderError:
    """The error for a success whose body is not whole JSON: cut bodies may come whole next time, a web page will not."""
    start = content[:64].lstrip()
    if not start:
        return ProviderError(
            f"The SIS answered {path} with an empty body. Prepare again later; nothing was read as missing.",
            code="truncated",
            permanent=False,
            status=200,
            path=path,
        )
    if start[:1] in (b"{", b"["):
        return ProviderError(
            f"The SIS's answer to {path} was cut off or damaged, after several attempts. Prepare again later.",
            code="truncated",
            permanent=False,
            status=200,
            path=path,
        )
    return ProviderError(
        f"The SIS answered {path} with something other than data, perhaps a web page. {CHECK_URL}",
        code="not-json",
        status=200,
        path=path,
    )


def no_envelope(path: str) -> ProviderError:
    """The error for JSON without the list that was asked for: never to be read as an empty list."""
    return ProviderError(
        f"The SIS's answer to {path} holds no list of records. It was not taken as empty: nothing is archived because of it. "
        f"{CHECK_URL} If it is right, prepare again later.",
        code="no-envelope",
        status=200,
        path=path,
    )


def too_large(path: str) -> ProviderError:
    """The error for a body beyond what is read into memory."""
    return ProviderError(
        f"The SIS's answer to {path} is larger than any page should be and was not read. {CHECK_URL}",
        code="too-large",
        status=200,
        path=path,
    )
