"""Clever's users as people: each once, with the strongest of their roles; those who are not planned only counted."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from sisportal.providers.base import ProviderError
from sisportal.providers.clever_api import CleverApi
from sisportal.providers.clever_lists import settled
from sisportal.providers.clever_v3 import WireUser, person_record, roles_of
from sisportal.providers.completeness import Part, seal
from sisportal.providers.oddities import oddities
from sisportal.providers.paging import Haul, Item, Page, Tally
from sisportal.roster.records import Batch, Collection, Person, Problem, Role, Seal

USERS = "/users"
PLANNED = (Role.STUDENT, Role.TEACHER)
NOUNS = {Role.STUDENT: "students", Role.TEACHER: "teachers"}
COUNTED = {Role.STAFF: "staff", Role.DISTRICT_ADMIN: "district_admin"}
"""Read only to be counted, by Clever's name of the role: few, and many of them are teachers as well."""


class _BareUser(msgspec.Struct, gc=False):
    """Of people who are not planned nothing but the id is read."""

    id: str = ""


class PeopleFetch:
    """One full fetch of the people. Contacts are not walked: there may be more of them than of anyone else."""

    def __init__(self, api: CleverApi) -> None:
        self._api = api
        self._reader = api.reader(Page[WireUser], Item[WireUser], USERS)
        self._met: set[str] = set()

    def __iter__(self) -> Iterator[Batch | Seal]:
        claims = {role: self._api.count(USERS, {"role": role.value}) for role in PLANNED}
        known = [claim for claim in claims.values() if claim is not None]
        total = sum(known) if len(known) == len(claims) else None
        parts: list[Part] = []
        for role in PLANNED:
            yield from self._walk(role, claims[role], total, parts)
        yield Batch(Collection.PEOPLE, [], others=self._others())
        yield seal(Collection.PEOPLE, parts)

    def _walk(self, role: Role, claimed: int | None, total: int | None, parts: list[Part]) -> Iterator[Batch]:
        """The batches of one role's list; adds its part to ``parts`` at the end."""
        query = {"role": role.value}
        walk = self._api.walk(self._reader, USERS, query, claimed)
        for haul in walk:
            yield self._batch(haul, role, total, walk.tally)
        self._met |= walk.seen
        parts.append(Part(walk.tally, settled(self._api, USERS, query, walk.tally, claimed), NOUNS[role]))

    def _batch(self, haul: Haul[WireUser], role: Role, total: int | None, tally: Tally) -> Batch:
        """One page as a batch. Whoever has no role that is known, or no school, is kept out: they would look like a leaver."""
        problems = oddities(haul, role.value)
        people: list[Person] = []
        others: Counter[str] = Counter()
        met = self._met
        for user in haul.records:
            if user.id in met:  # under both roles: it came with the first, all roles listed
                continue
            roles = roles_of(user)
            if not roles or roles[0] in NOUNS:
                person = user_record(user, problems, role.value)
                if person is not None and person.school:
                    people.append(person)
                else:
                    tally.unread += 1
                    if person is not None:
                        problems.append(Problem("missing-school", role.value, user.id, "school"))
            else:
                others[roles[0].value] += 1
        return Batch(Collection.PEOPLE, people, problems, dict(others), total=total)

    def _others(self) -> dict[str, int]:
        """How many people hold only roles that are not planned. What the token may not list is left out."""
        others: dict[str, int] = {}
        reader = self._api.reader(Page[_BareUser], Item[_BareUser], USERS)
        for role, name in COUNTED.items():
            walk = self._api.walk(reader, USERS, {"role": name})
            try:
                fresh = sum(record.id not in self._met for haul in walk for record in haul.records)
            except ProviderError:
                continue  # a number on the Overview: never worth failing a sync for
            self._met |= walk.seen
            others[role.value] = fresh
        contacts = self._api.count(USERS, {"role": Role.CONTACT.value})
        return others if contacts is None else others | {Role.CONTACT.value: contacts}


def user_record(user: WireUser, problems: list[Problem], kind: str = "") -> Person | None:
    """The user as a person; None, with a problem of that ``kind``, for one without a role that is known."""
    roles = roles_of(user)
    if not roles:
        problems.append(Problem("unknown-role", kind, user.id, "roles"))
        return None
    return person_record(user, roles, problems)


def is_planned(user: WireUser) -> bool:
    """Whether they are a student or a teacher, or nobody knows."""
    roles = roles_of(user)
    return not roles or roles[0] in PLANNED
