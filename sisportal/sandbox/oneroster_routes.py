"""OneRoster's rostering endpoints: which list each of them is (1EdTech: OneRoster 1.1, tables 3.1; the same in 1.2)."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol, cast

from sisportal.sandbox.oneroster_ledger import Register
from sisportal.sandbox.oneroster_objects import (
    CLASSES,
    COURSES,
    DEMOGRAPHICS,
    ENROLLMENTS,
    ORGS,
    SESSIONS,
    USERS,
    Listed,
    Org,
    Seat,
    Session,
    User,
)

CORE, ROSTER, PRIVATE = "roster-core.readonly", "roster.readonly", "roster-demographics.readonly"
TERMS = ("term", "semester")
"""Types of the academic sessions that are terms."""
MOST_KEPT = 300
Test = Callable[[Any], bool]


class Endpoint(NamedTuple):
    """A collection: its kind, which of it are listed, and how the specification calls the key of a list and of a single one."""

    kind: str
    envelope: str
    single: str
    test: Test | None = None
    scopes: tuple[str, ...] = (CORE, ROSTER)
    """One of these is needed."""


def _is_school(org: Org) -> bool:
    return org.type == "school"


def _is_term(session: Session) -> bool:
    return session.type in TERMS


def _is_grading_period(session: Session) -> bool:
    return session.type == "gradingPeriod"


def _has_role(role: str, user: User) -> bool:
    return any(office.role == role for office in user.offices)


_STUDENT, _TEACHER = partial(_has_role, "student"), partial(_has_role, "teacher")
ENDPOINTS: dict[str, Endpoint] = {
    "orgs": Endpoint(ORGS, "orgs", "org"),
    "schools": Endpoint(ORGS, "orgs", "org", _is_school),
    "academicSessions": Endpoint(SESSIONS, "academicSessions", "academicSession"),
    "terms": Endpoint(SESSIONS, "academicSessions", "academicSession", _is_term),
    "gradingPeriods": Endpoint(SESSIONS, "academicSessions", "academicSession", _is_grading_period),
    "courses": Endpoint(COURSES, "courses", "course"),
    "classes": Endpoint(CLASSES, "classes", "class"),
    "users": Endpoint(USERS, "users", "user"),
    "students": Endpoint(USERS, "users", "user", _STUDENT),
    "teachers": Endpoint(USERS, "users", "user", _TEACHER),
    "enrollments": Endpoint(ENROLLMENTS, "enrollments", "enrollment"),
    "demographics": Endpoint(DEMOGRAPHICS, "demographics", "demographics", scopes=(PRIVATE,)),
}


class Kept:
    """What took work to make, kept until the ledger has another number."""

    def __init__(self) -> None:
        self._number = -1
        self._made: dict[tuple[str, ...], Any] = {}

    def get(self, number: int, key: tuple[str, ...], make: Callable[[], Any]) -> Any:
        """What ``make`` makes, made once."""
        if self._number != number or len(self._made) > MOST_KEPT:
            self._number, self._made = number, {}
        if key not in self._made:
            made = make()
            self._made[key] = made
        return self._made[key]


class SeatRegister(Register, Protocol):
    """The enrollments."""

    @property
    def ordered(self) -> Sequence[Seat]: ...

    def of_class(self, class_id: str) -> list[Seat]:
        """Those of one class."""


class Books(Protocol):
    """A ledger, or what is made of one."""

    @property
    def number(self) -> int: ...
    @property
    def enrollments(self) -> SeatRegister: ...
    def register(self, kind: str) -> Register: ...


class Lists:
    """The lists of a ledger; those that take work are kept."""

    def __init__(self, ledger: Books, kept: Kept) -> None:
        self.ledger = ledger
        self._kept = kept

    def kept(self, key: tuple[str, ...], make: Callable[[], Any]) -> Any:
        """What ``make`` makes, made once."""
        return self._kept.get(self.ledger.number, key, make)

    def all(self, endpoint: str) -> Sequence[Listed]:
        """Everything at an endpoint."""
        wanted = ENDPOINTS[endpoint]
        listed = self.ledger.register(wanted.kind).ordered
        if wanted.test is None:
            return listed
        test = wanted.test
        return cast("Sequence[Listed]", self.kept((endpoint,), lambda: [one for one in listed if test(one.item)]))

    def one(self, endpoint: str, id_: str) -> Listed | None:
        """One of them."""
        wanted = ENDPOINTS[endpoint]
        found = self.ledger.register(wanted.kind).get(id_)
        return found if found is not None and (wanted.test is None or wanted.test(found.item)) else None

    def below(self, collection: str, id_: str, endpoint: str) -> Sequence[Listed] | None:
        """What belongs to an object that is there; None where there is no such address."""
        make = _BELOW.get((collection, endpoint))
        if make is None:
            return None
        return cast("Sequence[Listed]", self.kept((collection, id_, endpoint), lambda: make(self, id_, endpoint)))

    def of(self, endpoint: str, test: Test) -> list[Listed]:
        """Those at an endpoint that pass."""
        return [one for one in self.all(endpoint) if test(one.item)]

    def taught_or_attended(self, user: str) -> list[Listed]:
        """The classes in which a user has an enrollment."""
        by_user: dict[str, list[str]] = self.kept(("classes by user",), self._classes_by_user)
        classes = self.ledger.register(CLASSES)
        return [found for id_ in by_user.get(user, ()) if (found := classes.get(id_)) is not None]

    def _classes_by_user(self) -> dict[str, list[str]]:
        by_user: dict[str, list[str]] = {}
        for seat in self.ledger.enrollments.ordered:
            if not seat.gone:
                by_user.setdefault(seat.user, []).append(seat.class_id)
        return by_user

    def in_class(self, class_id: str, endpoint: str) -> list[Listed]:
        """The enrollments of a class, or its ``students`` or ``teachers``."""
        seats: list[Seat] = self.ledger.enrollments.of_class(class_id)
        if endpoint == "enrollments":
            return [*seats]
        users, role = self.ledger.register(USERS), endpoint.removesuffix("s")
        ids = sorted(seat.user for seat in seats if not seat.gone and seat.role == role)
        return [user for id_ in ids if (user := users.get(id_)) is not None]


def _courses_of_school(lists: Lists, id_: str, endpoint: str) -> list[Listed]:
    given = {class_.item.course for class_ in lists.of("classes", lambda one: one.school == id_)}  # type: ignore[union-attr]  # classes
    return lists.of(endpoint, lambda course: course.id in given)


def _people_of_school(lists: Lists, id_: str, endpoint: str) -> list[Listed]:
    role = endpoint.removesuffix("s")
    return lists.of(endpoint, lambda user: any(o.role == role and o.org == id_ for o in user.offices))


def _of_school(lists: Lists, id_: str, endpoint: str) -> list[Listed]:
    return lists.of(endpoint, lambda one: one.school == id_)


def _terms_of_school(lists: Lists, _id: str, endpoint: str) -> list[Listed]:
    return [*lists.all(endpoint)]  # the whole district has the same calendar


def _classes_of_term(lists: Lists, id_: str, endpoint: str) -> list[Listed]:
    return lists.of(endpoint, lambda one: id_ in one.terms)


def _periods_of_term(lists: Lists, id_: str, endpoint: str) -> list[Listed]:
    return lists.of(endpoint, lambda one: one.parent == id_)


def _classes_of_course(lists: Lists, id_: str, endpoint: str) -> list[Listed]:
    return lists.of(endpoint, lambda one: one.course == id_)


def _classes_of_user(lists: Lists, id_: str, _endpoint: str) -> list[Listed]:
    return lists.taught_or_attended(id_)


_BELOW: dict[tuple[str, str], Callable[[Lists, str, str], list[Listed]]] = {
    ("schools", "courses"): _courses_of_school, ("schools", "classes"): _of_school, ("schools", "enrollments"): _of_school,
    ("schools", "students"): _people_of_school, ("schools", "teachers"): _people_of_school,
    ("schools", "terms"): _terms_of_school, ("terms", "classes"): _classes_of_term,
    ("terms", "gradingPeriods"): _periods_of_term, ("courses", "classes"): _classes_of_course,
    ("students", "classes"): _classes_of_user, ("teachers", "classes"): _classes_of_user,
    ("users", "classes"): _classes_of_user, ("classes", "students"): Lists.in_class, ("classes", "teachers"): Lists.in_class,
}  # fmt: skip
IN_CLASS_IN_SCHOOL = ("enrollments", "students", "teachers")
NESTED = tuple(_BELOW)
"""Every address of the form ``/{collection}/{id}/{endpoint}``."""
