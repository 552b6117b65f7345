"""The sandbox's OneRoster, asked without a network between: as fast as a test wants it, and the same in every byte."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from requests.structures import CaseInsensitiveDict
from werkzeug.test import Client

from sisportal.providers.oneroster import OneRosterProvider
from sisportal.providers.opening import open_oneroster
from sisportal.roster.records import Batch, Collection, Person, Record, Seal
from sisportal.sandbox.service import DroppedConnectionError, Sandbox
from tests.providers.canned import Answer

YEAR: dict[str, Any] = {
    "year_start": "2026-08-01",
    "year_end": "2027-07-31",
    "semester_start": "2026-08-17",
    "semester_end": "2027-01-15",
}
PAGE = 60
"""Small enough that every list of people has several pages."""
Records = dict[Collection, dict[str, Any]]


class Direct:
    """A session that hands requests to the sandbox itself."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._client = Client(sandbox)

    def get(self, url: str, *, headers: Mapping[str, str], timeout: object, allow_redirects: bool) -> Answer:
        return self._ask("GET", url, headers, "")

    def post(
        self, url: str, *, headers: Mapping[str, str], data: str, timeout: object, allow_redirects: bool
    ) -> Answer:
        return self._ask("POST", url, headers, data)

    def _ask(self, method: str, url: str, headers: Mapping[str, str], data: str) -> Answer:
        parts = urlsplit(url)
        base = f"{parts.scheme}://{parts.netloc}"
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            answer = self._client.open(target, base, method=method, headers=dict(headers), data=data or None)
            return Answer(answer.get_data(), answer.status_code, CaseInsensitiveDict(answer.headers))
        except DroppedConnectionError:
            raise requests.ConnectionError from None


def opened(sandbox: Sandbox, clock: float, version: str = "1.1", way: str = "", **given: Any) -> OneRosterProvider:
    """A provider over the sandbox as its profile has it: by ``tokens``, by ``signatures``, or by ``bearer``."""
    profile, application = sandbox.oneroster.profile, sandbox.access
    key: dict[str, Any] = {"client_id": application.client_id, "client_secret": application.client_secret}
    if way == "bearer" or profile.only_bearer:
        key = {"bearer": sandbox.oneroster.access.bearer}
    elif way != "signatures":
        key["token_url"] = f"http://sis.test{profile.token_address}"
    settings: dict[str, Any] = {
        "base_url": f"http://sis.test{profile.root(version)}", "version": version, "session": Direct(sandbox),
        "clock": lambda: clock, "sleep": lambda _: None, "page_size": PAGE, **YEAR,
    }  # fmt: skip
    return open_oneroster(**(settings | key | given))


def by_id(steps: Iterable[Batch | Seal]) -> tuple[Records, dict[Collection, Seal]]:
    """The records of a whole fetch, and its seals."""
    records: Records = {kind: {} for kind in Collection}
    seals: dict[Collection, Seal] = {}
    for step in steps:
        if isinstance(step, Seal):
            seals[step.collection] = step
        else:
            records[step.collection] |= {one.source_id: one for one in step.records}
    return records, seals


def as_in_1_1(records: Records) -> Records:
    """What 1.1 can say of them: one role, two sexes, no preferred name."""
    return {kind: {id_: _older(one) for id_, one in of_kind.items()} for kind, of_kind in records.items()}


def _older(one: Record) -> Record:
    if not isinstance(one, Person):
        return one
    gender = "" if one.gender == "X" else one.gender
    return msgspec.structs.replace(one, preferred_name="", roles=(one.role,), gender=gender)
