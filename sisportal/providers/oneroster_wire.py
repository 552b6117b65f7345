"""OneRoster's objects as they come, by REST (1.1 and 1.2) or as rows of CSV files: one set of shapes for all of them.

Only what the portal keeps is declared: passwords, phone numbers and whatever else a source sends are dropped while
decoding. Every value may be absent, null, or spelt in another way than the specification says (the reference
implementation itself sends ``parent: []``, ``enabledUser: true``, ``subjects: "chemistry"``), so the types are wide and
``oneroster_values`` narrows them. Names are the REST names; columns of CSV files are mapped onto them.
"""

from typing import Any, NamedTuple, TypeVar

import msgspec

from sisportal.providers.oneroster_values import plain, ref


class WireRef(msgspec.Struct, rename="camel", gc=False):
    """A reference to another object, of which only the id is trusted: ``href`` and ``type`` are often wrong."""

    sourced_id: str | int | None = None


Text = str | int | float | None
Texts = list[str | int | float | None] | str | int | float | None
"""A list, or a text with commas as in CSV."""
Reference = WireRef | list[Any] | str | int | None
References = list[WireRef | str | int | None] | WireRef | str | int | None
Truth = bool | str | int | None


class WireObject(msgspec.Struct, rename="camel", gc=False):
    """What every object of OneRoster has."""

    sourced_id: str | int | None = None
    status: str | None = None
    date_last_modified: str | None = None

    @property
    def id(self) -> str:
        return plain(self.sourced_id)


class WireOrg(WireObject, gc=False):
    name: Text = None
    type: Text = None
    identifier: Text = None
    parent: Reference = None
    archived: Truth = msgspec.field(default=None, name="metadata.sisPortal.archived")
    """Of packages that a portal wrote, as everything that is called so."""
    whole_portal: Truth = msgspec.field(default=None, name="metadata.sisPortal.wholePortal")


class WireSession(WireObject, gc=False):
    """An academic session: a school year, a semester, a term or a grading period."""

    title: Text = None
    start_date: Text = None
    end_date: Text = None


class WireCourse(WireObject, gc=False):
    title: Text = None
    course_code: Text = None
    subjects: Texts = None
    parent_class: Text = msgspec.field(default=None, name="metadata.sisPortal.parentClass")


class WireClass(WireObject, gc=False):
    title: Text = None
    class_code: Text = None
    grades: Texts = None
    subjects: Texts = None
    periods: Texts = None
    course: Reference = None
    school: Reference = None
    terms: References = None
    sis_id: Text = msgspec.field(default=None, name="metadata.sisPortal.sisId")
    style: Text = msgspec.field(default=None, name="metadata.sisPortal.style")
    session: Truth = msgspec.field(default=None, name="metadata.sisPortal.session")
    archived: Truth = msgspec.field(default=None, name="metadata.sisPortal.archived")
    exact: Text = msgspec.field(default=None, name="metadata.sisPortal.exact")


class WireUserId(msgspec.Struct, gc=False):
    type: Text = None
    identifier: Text = None


class WireRole(msgspec.Struct, rename="camel", gc=False):
    """A role of a user in an organization (1.2)."""

    role_type: Text = None
    role: Text = None
    org: Reference = None
    begin_date: Text = None
    end_date: Text = None


class WireUser(WireObject, gc=False):
    """A user: ``role`` and ``orgs`` in 1.1, ``roles`` and ``primaryOrg`` in 1.2; some send both."""

    username: Text = None
    user_ids: list[WireUserId | str] | str | None = None
    given_name: Text = None
    family_name: Text = None
    middle_name: Text = None
    preferred_first_name: Text = None
    identifier: Text = None
    email: Text = None
    grades: Texts = None
    role: Text = None
    orgs: References = None
    roles: list[WireRole] | None = None
    primary_org: Reference = None
    graduation_year: Text = msgspec.field(default=None, name="metadata.sisPortal.graduationYear")
    further_roles: Texts = msgspec.field(default=None, name="metadata.sisPortal.furtherRoles")
    """Beside ``role``, in the same organizations."""
    archived: Truth = msgspec.field(default=None, name="metadata.sisPortal.archived")
    exact: Text = msgspec.field(default=None, name="metadata.sisPortal.exact")


class WireEnrollment(WireObject, gc=False):
    class_: Reference = msgspec.field(default=None, name="class")
    user: Reference = None
    role: Text = None
    primary: Truth = None
    end_date: Text = None

    @property
    def id(self) -> str:
        """An enrollment without an id still says who is in which class."""
        return plain(self.sourced_id) or f"{ref(self.class_)}|{ref(self.user)}|{plain(self.role)}"


class WireDemographics(WireObject, gc=False):
    """What is known of a user of the same id."""

    birth_date: Text = None
    sex: Text = None


class Listing(NamedTuple):
    """One of the collections: its endpoint and envelope, its shape, and what its records are called."""

    path: str
    envelope: str
    shape: type[Any]
    kind: str
    """The ``Problem.type`` of its records."""
    noun: str
    optional: bool = False
    """Whether a source may have none of it, or not share it."""


ORGS = Listing("/orgs", "orgs", WireOrg, "school", "organizations")
SESSIONS = Listing("/academicSessions", "academicSessions", WireSession, "term", "academic sessions", optional=True)
COURSES = Listing("/courses", "courses", WireCourse, "course", "courses", optional=True)
USERS = Listing("/users", "users", WireUser, "user", "users")
CLASSES = Listing("/classes", "classes", WireClass, "section", "classes")
ENROLLMENTS = Listing("/enrollments", "enrollments", WireEnrollment, "enrollment", "enrollments")
DEMOGRAPHICS = Listing("/demographics", "demographics", WireDemographics, "user", "demographics", optional=True)

W = TypeVar("W", bound=WireObject)
