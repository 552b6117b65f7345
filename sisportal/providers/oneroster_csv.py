"""A OneRoster CSV package (1.1 or 1.2, in full or changes) as a provider."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from sisportal.providers.base import Check, Contents, DistrictFacts, Held
from sisportal.providers.oneroster import district_of, schools_of
from sisportal.providers.oneroster_calendar import SchoolYear
from sisportal.providers.oneroster_csv_columns import OWN_CODE, TABLES
from sisportal.providers.oneroster_csv_source import CsvSource
from sisportal.providers.oneroster_fetch import Reading
from sisportal.providers.oneroster_package import Limits, Package, Sheet, opened
from sisportal.providers.oneroster_source import Mode
from sisportal.roster.records import Batch, Collection, Problem, School, Seal

REQUIRED = ("academicSessions", "orgs", "users", "classes", "enrollments")
"""The files of a package that is read in full."""
_FILES = {
    Collection.SCHOOLS: ("orgs",),
    Collection.TERMS: ("academicSessions",),
    Collection.COURSES: ("courses",),
    Collection.PEOPLE: ("users",),
    Collection.SECTIONS: ("classes", "enrollments"),
}
"""The file that lists a collection, then those that list more of its records."""


def open_csv(
    path: str | Path,
    *,
    year_start: str = "",
    year_end: str = "",
    semester_start: str = "",
    semester_end: str = "",
    held: Held | None = None,
    clock: Callable[[], float] = time.time,
    limits: Limits | None = None,
) -> "CsvProvider":
    """The package in the zip at ``path``, which is looked through from end to end first.

    ``held`` is what the portal's mirror holds: files that list only changes cannot be read without it. Raises
    ``ProviderError`` (codes: see ``oneroster_package``) before anything is read from it.
    """
    package = opened(Path(path), limits or Limits())
    year = SchoolYear(year_start, year_end, semester_start, semester_end)
    return CsvProvider(package, year, held=held, clock=clock)


class CsvProvider:
    """One package. See ``Reading`` for how files in full, changes and absent files are told apart."""

    def __init__(self, package: Package, year: SchoolYear, *, held: Held | None, clock: Callable[[], float]) -> None:
        self._package = package
        # What this portal wrote is what it held: a class without dates has none, and none is of another year.
        self._year = SchoolYear() if package.source_code == OWN_CODE else year
        self._held = held
        self._clock = clock

    @property
    def version(self) -> str:
        """``1.1`` or ``1.2``."""
        return self._package.version

    @property
    def modes(self) -> dict[str, str]:
        """What the manifest says of each rostering file: ``bulk``, ``delta`` or ``absent``."""
        return {name: self._package.modes.get(name, Mode.ABSENT).value for name in TABLES[self.version]}

    def partial(self) -> frozenset[Collection]:
        """See ``PackageProvider.partial``."""
        modes = self._package.modes
        return frozenset(collection for collection, names in _FILES.items() if modes.get(names[0]) is not Mode.BULK)

    def changed(self) -> frozenset[Collection]:
        """See ``PackageProvider.changed``."""
        modes = self._package.modes
        return frozenset(
            collection for collection, names in _FILES.items() if any(modes.get(name) is Mode.DELTA for name in names)
        )

    def contents(self) -> Contents:
        """See ``PackageProvider.contents``."""
        sheets = self._package.sheets
        modes = {mode for name, mode in self._package.modes.items() if name in sheets}
        lists = "both" if len(modes) > 1 else "changes" if Mode.DELTA in modes else "everything"
        return Contents(self.version, lists, {name: _rows(sheet) for name, sheet in sheets.items()})

    def lists_once(self) -> bool:
        """See ``PackageProvider.lists_once``."""
        return self._package.source_code == OWN_CODE

    def district(self) -> DistrictFacts:
        """The organization at the top; else the system that the manifest names."""
        named = self._package.source_code or self._package.source_name
        found = district_of(self.schools(), named or "csv")
        return (
            found if found.name != found.id or not named else DistrictFacts(named, self._package.source_name or named)
        )

    def schools(self) -> list[School]:
        """Every organization of orgs.csv."""
        return schools_of(self._reading().schools())

    def fetch(self, *, items: frozenset[str]) -> Iterator[Batch | Seal]:
        """See ``Provider.fetch``."""
        strangers = (("unknown-file", self._package.unknown_files), ("later-file", self._package.later_files))
        problems = [Problem(code, value=name[:200], file=name[:200]) for code, names in strangers for name in names]
        if problems:
            yield Batch(Collection.SCHOOLS, [], problems)
        yield from self._reading().steps(items)

    def test(self) -> list[Check]:
        """Each rostering file: how many rows it has and whether they are everything or changes."""
        checks = [Check("package", ok=True, sentence=f"OneRoster {self.version} CSV.")]
        for name in TABLES[self.version]:
            sheet = self._package.sheets.get(name)
            if sheet is None:
                checks.append(Check(name, ok=name not in REQUIRED, sentence="Not in the zip: it stays as it was."))
                continue
            checks.append(Check(name, ok=True, sentence=f"{_rows(sheet):,} rows ({self.modes[name]})."))
        return checks

    def _reading(self) -> Reading:
        today = datetime.fromtimestamp(self._clock(), UTC).date().isoformat()
        return Reading(CsvSource(self._package), self._year, today=today, held=self._held)


def _rows(sheet: Sheet) -> int:
    """How many rows a file has below its header: lines, of which few rows take more than one."""
    return max(sheet.member.lines - 1, 0)
