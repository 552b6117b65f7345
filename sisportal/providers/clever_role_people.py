"""People from the versions of Clever's API that list students and teachers apart (1.1 to 2.1)."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from sisportal.providers.clever_administrators import Administrators
from sisportal.providers.clever_api import CleverApi
from sisportal.providers.clever_lists import Listing, converted, settled
from sisportal.providers.clever_v2 import WireStudentRecord, WireTeacherRecord, student_record, teacher_record
from sisportal.providers.completeness import Part, seal
from sisportal.providers.oddities import oddities
from sisportal.providers.paging import HasId, Item, Page, Tally
from sisportal.roster.records import Batch, Collection, Person, Problem, Role, Seal

R = TypeVar("R", bound=HasId)

CONTACTS = "/contacts"
STUDENTS = Listing(
    Collection.PEOPLE, "/students", "student", Page[WireStudentRecord], Item[WireStudentRecord], student_record
)
TEACHERS = Listing(
    Collection.PEOPLE, "/teachers", "teacher", Page[WireTeacherRecord], Item[WireTeacherRecord], teacher_record
)


class RolePeopleFetch:
    """One full fetch of the people. Contacts are only counted: there may be more of them than of anyone else."""

    def __init__(self, api: CleverApi) -> None:
        self._api = api
        self._parts: list[Part] = []
        self._total: int | None = None

    def __iter__(self) -> Iterator[Batch | Seal]:
        administrators = Administrators(self._api)
        claims = self._api.count(STUDENTS.path, {}), self._api.count(TEACHERS.path, {})
        self._total = None if None in claims else sum(claim or 0 for claim in claims)
        yield from self._walk(STUDENTS, claims[0], list)
        yield from self._walk(TEACHERS, claims[1], administrators.recognized)
        contacts = self._api.count(CONTACTS, {})
        others = administrators.others() | ({} if contacts is None else {Role.CONTACT.value: contacts})
        yield Batch(Collection.PEOPLE, [], others=others)
        yield seal(Collection.PEOPLE, self._parts)

    def _walk(
        self, listing: Listing[R, Person], claimed: int | None, complete: Callable[[list[Person]], list[Person]]
    ) -> Iterator[Batch]:
        """The batches of one list; notes its part at the end."""
        walk = self._api.walk(self._api.reader(listing.page, listing.item, listing.path), listing.path, {}, claimed)
        for haul in walk:
            problems = oddities(haul, listing.kind)
            people = with_school(converted(haul, listing, problems), problems, walk.tally)
            yield Batch(Collection.PEOPLE, complete(people), problems, total=self._total)
        claimed = settled(self._api, listing.path, {}, walk.tally, claimed)
        self._parts.append(Part(walk.tally, claimed, f"{listing.kind}s"))


def with_school(people: list[Person], problems: list[Problem], tally: Tally) -> list[Person]:
    """Those who have a school. The others are kept out, with a problem: they would look like leavers."""
    homeless = [person for person in people if not person.school]
    if not homeless:
        return people
    tally.unread += len(homeless)
    problems += [Problem("missing-school", person.role.value, person.source_id, "school") for person in homeless]
    return [person for person in people if person.school]
