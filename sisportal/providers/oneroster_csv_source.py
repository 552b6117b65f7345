"""OneRoster's collections out of the files of a package; every row that is left out is told with its place."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from sisportal.providers.completeness import Part
from sisportal.providers.marks import Marks
from sisportal.providers.oneroster_csv_columns import OWN_CODE
from sisportal.providers.oneroster_package import Package, Row, Sheet
from sisportal.providers.oneroster_records import role_named
from sisportal.providers.oneroster_source import Mode, Slice
from sisportal.providers.oneroster_values import KNOWN_STATUS, is_gone
from sisportal.providers.oneroster_wire import (
    CLASSES,
    COURSES,
    DEMOGRAPHICS,
    ENROLLMENTS,
    ORGS,
    SESSIONS,
    USERS,
    Listing,
    WireRole,
)
from sisportal.providers.paging import Tally
from sisportal.roster.records import Problem

SLICE = 2_000
_FURTHER = {
    "parent": "parentSourcedId",
    "course": "courseSourcedId",
    "school": "schoolSourcedId",
    "terms": "termSourcedIds",
    "class_": "classSourcedId",
    "user": "userSourcedId",
    "orgs": "orgSourcedIds",
    "org": "orgSourcedId",
    "primary_org": "primaryOrgSourcedId",
    "preferred_first_name": "preferredGivenName",
}
"""Columns that are called otherwise than the REST names of what they hold."""
_VITAL: dict[str, tuple[str, ...]] = {
    "orgs": ("sourcedId",),
    "academicSessions": ("sourcedId",),
    "courses": ("sourcedId",),
    "classes": ("sourcedId", "schoolSourcedId"),
    "users": ("sourcedId", "orgSourcedIds", "role"),
    "roles": ("userSourcedId", "role", "orgSourcedId"),
    "enrollments": ("classSourcedId", "userSourcedId", "role"),
    "demographics": ("sourcedId",),
}
"""Without which a row says nothing, of those columns that the file has."""
_TYPES = {"orgs": "school", "academicSessions": "term", "courses": "course", "classes": "section"}
"""The ``Problem.type`` of rows that are left out."""


class _Fault(NamedTuple):
    column: str
    value: str


class Fields:
    """Turns the cells of one file's rows into objects of one shape, and says which rows cannot be."""

    def __init__(self, sheet: Sheet, shape: type[Any]) -> None:
        self._sheet = sheet
        self._shape = shape
        self._width = max(sheet.columns.values()) + 1
        self._places = [self._place(sheet, name) for name in shape.__struct_fields__]
        vital = (column for column in _VITAL[sheet.table.name] if column in sheet.columns)
        self._vital = [(column, sheet.columns[column]) for column in vital]
        self._status = sheet.columns.get("status", -1)
        self._role = sheet.columns.get("role", -1)

    @staticmethod
    def _place(sheet: Sheet, field: str) -> int:
        """The column of a field of the shape; -1 where the file has none."""
        head, *tail = field.split("_")
        return sheet.columns.get(_FURTHER.get(field, head + "".join(word.title() for word in tail)), -1)

    def read(self, row: Row) -> Any:
        """The object of a row, or the ``_Fault`` that keeps it out.

        A row over several lines must have exactly its columns: a stray quote may have swallowed the row below.
        """
        cells, width = row.cells, self._sheet.width
        if len(cells) != width and (row.lines > 1 or any(cells[width:])):
            return _Fault("number of columns", str(len(cells)))
        if len(cells) < self._width:
            cells = [*cells, *[""] * (self._width - len(cells))]
        fault = self._fault(cells)
        if fault is not None:
            return fault
        return self._shape(*[cells[place] if place >= 0 else None for place in self._places])

    def cell(self, cells: list[str], column: str) -> str:
        """One cell by its column; blank where there is none."""
        place = self._sheet.columns.get(column, -1)
        return cells[place].strip() if 0 <= place < len(cells) else ""

    def _fault(self, cells: list[str]) -> _Fault | None:
        if self._status >= 0 and cells[self._status].strip().lower() not in KNOWN_STATUS:
            return _Fault("status", cells[self._status])
        for column, place in self._vital:
            if not cells[place].strip():
                return None if column != "sourcedId" and self._is_gone(cells) else _Fault(column, "")
        if self._role >= 0 and cells[self._role].strip() and role_named(cells[self._role].strip()) is None:
            return _Fault("role", cells[self._role])
        return None

    def _is_gone(self, cells: list[str]) -> bool:
        """Of what is to be deleted nothing but the id need be told."""
        return self._status >= 0 and is_gone(cells[self._status])


class CsvPull:
    """One file as a collection."""

    def __init__(
        self,
        package: Package,
        sheet: Sheet,
        listing: Listing,
        *,
        adorn: Callable[[Any], None] | None = None,
        doubt: Callable[[str], None] | None = None,
    ) -> None:
        """``adorn`` adds to an object what other files say of it; ``doubt`` is told the class of an enrollment left out."""
        self._package = package
        self._sheet = sheet
        self._listing = listing
        self._adorn = adorn
        self._doubt = doubt
        self._fields = Fields(sheet, listing.shape)
        self._tally = Tally(pages=1)
        self._seen = Marks()

    @property
    def total(self) -> int | None:
        return max(self._sheet.member.lines - 1, 0)

    @property
    def part(self) -> Part:
        # What a portal wrote is whole: where it lists nothing, there is nothing.
        is_nothing = self._package.source_code == OWN_CODE and not self._tally.rows
        return Part(self._tally, 0 if is_nothing else None, self._listing.noun)

    def __iter__(self) -> Iterator[Slice]:
        file = self._sheet.table.file
        now = Slice(
            [],
            [
                Problem("unknown-column", value=name[:200], file=file, line=1, column=name[:200])
                for name in self._sheet.unknown
            ],
        )
        for row in self._package.rows(self._sheet.member):
            self._take(row, now)
            if len(now.objects) >= SLICE or len(now.problems) >= SLICE:
                yield now
                now = Slice([], [])
        self._tally.distinct = len(self._seen)
        self._seen = Marks()  # what follows needs the room
        yield now

    def _take(self, row: Row, now: Slice) -> None:
        self._tally.rows += 1
        wire = self._fields.read(row)
        if isinstance(wire, _Fault):
            self._leave_out(row, wire, now.problems)
            return
        id_ = wire.id
        if not self._seen.add(id_):
            now.problems.append(self.problem("duplicate-id", row, id_, "sourcedId", id_))
            return
        if self._adorn is not None:
            self._adorn(wire)
        now.objects.append(wire)

    def _leave_out(self, row: Row, fault: _Fault, problems: list[Problem]) -> None:
        """A row that is left out may be somebody's: the list does not count as whole. Of rosters only the class is in doubt."""
        id_ = self._fields.cell(row.cells, "sourcedId")
        problems.append(self.problem("refused-row", row, id_, fault.column, fault.value))
        if self._doubt is None or row.lines > 1:
            self._tally.unread += row.lines
        else:
            self._doubt(self._fields.cell(row.cells, "classSourcedId"))

    def problem(self, code: str, row: Row, id_: str, column: str, value: str) -> Problem:
        sheet = self._sheet
        kind = _TYPES.get(sheet.table.name, "")
        return Problem(
            code, kind, id_[:200], column, value.strip()[:200], file=sheet.table.file, line=row.line, column=column
        )


class CsvSource:
    """A package as a source."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self.doubtful: set[str] = set()

    @property
    def may_lack_everybody(self) -> bool:
        """Of a package that a portal wrote: that is whole."""
        return self._package.source_code == OWN_CODE

    def mode(self, listing: Listing) -> Mode:
        return self._package.modes.get(_NAMES[listing.path], Mode.ABSENT)

    def pull(self, listing: Listing) -> CsvPull:
        sheet = self._package.sheets[_NAMES[listing.path]]
        if listing is ENROLLMENTS:
            return CsvPull(self._package, sheet, listing, doubt=self.doubtful.add)
        if listing is USERS and "roles" in self._package.sheets:
            return CsvUsers(self._package, sheet, self._package.sheets["roles"])
        return CsvPull(self._package, sheet, listing)

    def rosters(self, schools: Mapping[str, str]) -> None:  # noqa: ARG002  # a file holds no more than it holds
        return None


_NAMES = {
    ORGS.path: "orgs",
    SESSIONS.path: "academicSessions",
    COURSES.path: "courses",
    USERS.path: "users",
    CLASSES.path: "classes",
    ENROLLMENTS.path: "enrollments",
    DEMOGRAPHICS.path: "demographics",
}


class CsvUsers(CsvPull):
    """Users of version 1.2, whose roles stand in a file of their own."""

    def __init__(self, package: Package, users: Sheet, roles: Sheet) -> None:
        super().__init__(package, users, USERS, adorn=self._give_roles)
        self._role_sheet = roles
        self._roles: dict[str, tuple[WireRole, ...]] = {}

    def __iter__(self) -> Iterator[Slice]:
        yield Slice([], self._read_roles())
        yield from super().__iter__()

    def _read_roles(self) -> list[Problem]:
        """Keep every role by its user. There are few different ones: each is kept once."""
        pull = CsvPull(self._package, self._role_sheet, USERS)
        fields = Fields(self._role_sheet, WireRole)
        known: dict[tuple[str, ...], WireRole] = {}
        alone: dict[int, tuple[WireRole, ...]] = {}
        problems: list[Problem] = []
        for row in self._package.rows(self._role_sheet.member):
            role = fields.read(row)
            if isinstance(role, _Fault):
                problems.append(
                    pull.problem("refused-row", row, fields.cell(row.cells, "userSourcedId"), role.column, role.value)
                )
                continue
            if is_gone(fields.cell(row.cells, "status")):
                continue
            role = known.setdefault(_key(role), role)
            user = fields.cell(row.cells, "userSourcedId")
            before = self._roles.get(user)
            self._roles[user] = (*before, role) if before else alone.setdefault(id(role), (role,))
        return problems

    def _give_roles(self, user: Any) -> None:
        if roles := self._roles.pop(user.id, None):
            user.roles = list(roles)


def _key(role: WireRole) -> tuple[str, ...]:
    return tuple(str(getattr(role, name)) for name in role.__struct_fields__)
