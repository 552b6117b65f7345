"""OneRoster's objects before a version or a file gives them a shape: what 1.1, 1.2 and CSV have in common."""

import msgspec

from sisportal.sandbox.entities import Milliseconds

ORGS, SESSIONS, COURSES, CLASSES = "orgs", "academicSessions", "courses", "classes"
USERS, ENROLLMENTS, DEMOGRAPHICS = "users", "enrollments", "demographics"
KINDS = (ORGS, SESSIONS, COURSES, CLASSES, USERS, ENROLLMENTS, DEMOGRAPHICS)
"""The collections, named as their endpoints and files are."""


class Item(msgspec.Struct, frozen=True, gc=False):
    """What every object has; blank texts are fields that it does not have."""

    id: str = ""


class Org(Item, frozen=True, gc=False):
    name: str = ""
    type: str = ""
    identifier: str = ""
    parent: str = ""
    children: tuple[str, ...] = ()


class Session(Item, frozen=True, gc=False):
    """An academic session."""

    title: str = ""
    type: str = ""
    start: str = ""
    end: str = ""
    parent: str = ""
    children: tuple[str, ...] = ()
    school_year: str = ""
    """The year in which the school year ends."""


class Course(Item, frozen=True, gc=False):
    title: str = ""
    code: str = ""
    school_year: str = ""
    """The academic session."""
    org: str = ""


class Class(Item, frozen=True, gc=False):
    title: str = ""
    code: str = ""
    type: str = ""
    location: str = ""
    grades: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    course: str = ""
    school: str = ""
    terms: tuple[str, ...] = ()
    periods: tuple[str, ...] = ()


class Office(msgspec.Struct, frozen=True, gc=False):
    """A role that a user holds in an organization, in the words of 1.2."""

    role: str
    org: str


class User(Item, frozen=True, gc=False):
    username: str = ""
    given: str = ""
    family: str = ""
    middle: str = ""
    preferred: str = ""
    identifier: str = ""
    email: str = ""
    phone: str = ""
    sis_id: str = ""
    state_id: str = ""
    grades: tuple[str, ...] = ()
    offices: tuple[Office, ...] = ()
    """The strongest role first, each at the home school first."""
    agents: tuple[str, ...] = ()

    @property
    def role(self) -> str:
        """The strongest role."""
        return self.offices[0].role

    @property
    def home(self) -> str:
        """The organization of the strongest role."""
        return self.offices[0].org


class Demographics(Item, frozen=True, gc=False):
    """Of the user with the same id."""

    birth_date: str = ""
    sex: str = ""
    race: str = ""
    """The name of the flag that is true, if any is."""
    hispanic: str = ""


class Seat(msgspec.Struct, gc=False):
    """An enrollment. There are far more of them than of anything else: its id is made when it is asked for."""

    class_id: str
    user: str
    school: str
    role: str
    primary: bool
    modified: Milliseconds
    gone: bool = False

    @property
    def id(self) -> str:
        return f"{self.class_id}-{self.user}"

    @property
    def item(self) -> "Seat":
        """Itself: an entry and what it is about in one."""
        return self


class Entry(msgspec.Struct, gc=False):
    """An object that is listed, when it last changed, and whether it is only listed as to be deleted."""

    item: Item
    modified: Milliseconds
    gone: bool = False

    @property
    def id(self) -> str:
        return self.item.id


Listed = Entry | Seat
BLANKS: dict[str, Item | Seat] = {
    ORGS: Org(), SESSIONS: Session(), COURSES: Course(), CLASSES: Class(), USERS: User(offices=(Office("", ""),)),
    ENROLLMENTS: Seat("", "", "", "", primary=False, modified=0), DEMOGRAPHICS: Demographics(),
}  # fmt: skip
"""An object of each kind without any value."""
OLDER_ROLES = {
    "principal": "administrator", "siteAdministrator": "administrator", "counselor": "administrator",
    "districtAdministrator": "administrator",
}  # fmt: skip
"""Roles of 1.2 that 1.1 does not have, and what they are there."""
