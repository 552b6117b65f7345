"""Who administers schools and the district, by the versions of Clever's API that list them apart from teachers."""

from collections.abc import Callable, Iterable

import msgspec

from sisportal.providers import faults
from sisportal.providers.base import ProviderError
from sisportal.providers.clever_api import CleverApi
from sisportal.providers.paging import Link, Rows
from sisportal.roster.records import Person, Role

LISTS = {Role.STAFF: "/school_admins", Role.DISTRICT_ADMIN: "/district_admins"}


class WireAdministrator(msgspec.Struct, gc=False):
    id: str = ""
    email: str | None = None


class _Row(WireAdministrator, gc=False):
    """1.1 lists administrators of districts without the usual wrapping."""

    data: WireAdministrator | None = None


class _Page(msgspec.Struct):
    data: list[_Row]
    links: list[Link] = []


def _reader(path: str) -> Callable[[bytes], Rows[WireAdministrator]]:
    decode = msgspec.json.Decoder(_Page).decode

    def read(content: bytes) -> Rows[WireAdministrator]:
        try:
            page = decode(content)
        except msgspec.ValidationError:
            raise faults.no_envelope(path) from None
        return Rows([row.data or row for row in page.data], page.links)

    return read


class Administrators:
    """Their e-mail addresses, by which a teacher is known to be one of them.

    From 3.0 on Clever merges employees with one address into one user; before, the same rule has to be applied here, so
    that a person has the same roles in every version.
    """

    def __init__(self, api: CleverApi) -> None:
        self._addresses: dict[Role, set[str]] = {}
        self._nameless: dict[Role, int] = {}
        self._teaching: set[str] = set()
        for role, path in LISTS.items():
            try:
                self._read(api, role, path)
            except ProviderError as refusal:
                if refusal.status not in (403, 404):
                    raise
                # not shared: then nobody is known to be one, and none are counted

    def _read(self, api: CleverApi, role: Role, path: str) -> None:
        addresses: set[str] = set()
        nameless = 0
        for haul in api.walk(_reader(path), path, {}):
            for record in haul.records:
                address = _folded(record.email or "")
                nameless += not address
                addresses.add(address)
        self._addresses[role] = addresses - {""}
        self._nameless[role] = nameless

    def recognized(self, people: Iterable[Person]) -> list[Person]:
        """The people, of whom the teachers have the roles too that they hold as administrators."""
        return [self._with_roles(person) if person.role is Role.TEACHER else person for person in people]

    def _with_roles(self, teacher: Person) -> Person:
        address = _folded(teacher.email)
        more = tuple(role for role, addresses in self._addresses.items() if address in addresses)
        if not more:
            return teacher
        self._teaching.add(address)
        return msgspec.structs.replace(teacher, roles=(*teacher.roles, *more))

    def others(self) -> dict[str, int]:
        """How many of them are no teachers (of those recognized so far), each counted once."""
        counted, met = {}, self._teaching
        for role, addresses in self._addresses.items():
            counted[role.value] = len(addresses - met) + self._nameless[role]
            met = met | addresses
        return counted


def _folded(address: str) -> str:
    return address.strip().casefold()
