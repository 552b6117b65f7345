"""Checks of the records that a provider made: what cannot be stored is mended, what looks wrong is said, nothing fails.

A value of the right shape is kept as the SIS gives it, however odd, and a problem says what is odd. Only a record
whose id cannot be stored is left out; nothing can be linked to such an id, so it cannot look like a leaver either.
"""

import re
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from sisportal.roster.dates import iso_date
from sisportal.roster.records import Course, Person, Problem, Record, School, Section, Term

LONGEST = 255
SHOWN = 200
CLEVER_GRADES = {
    "InfantToddler",
    "Preschool",
    "PreKindergarten",
    "TransitionalKindergarten",
    "Kindergarten",
    "PostGraduate",
    "Ungraded",
    "Other",
}
"""What Clever's API calls the grades that are not numbers, in any of its versions."""
CEDS_GRADES = {"IT", "PR", "PK", "TK", "KG", "PS", "UG", "Other"}
"""What OneRoster calls them."""
GRADES = frozenset(
    {*CLEVER_GRADES, *CEDS_GRADES, "K"} | {str(year) for year in range(1, 14)} | {f"{year:02}" for year in range(1, 10)}
)

_IDS = frozenset({"source_id", "school", "course", "term", "legacy_id", "parent"})
"""Compared with other ids: stored as they are or not at all."""
_DATES = frozenset({"birth_date", "start", "finish"})
_LISTS = ("schools", "teachers", "students")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Controls, and the marks that turn the direction of all text after them.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufeff\u202a-\u202e\u2066-\u2069]+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+").fullmatch
_MOST_DAYS = 50_000


def _texts_of(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(kind) if field.type is str)


_TEXTS = {kind: _texts_of(kind) for kind in (School, Term, Course, Person, Section)}
_GETTERS: dict[type[Any], Callable[[Any], tuple[str, ...]]] = {
    kind: attrgetter(*names) for kind, names in _TEXTS.items()
}
_PLAIN_NAMES: dict[type[Any], str] = {School: "school", Term: "term", Course: "course", Section: "section"}


class Checker:
    """Checks everything that one fetch reads; remembers what must not come twice (some bytes a person)."""

    def __init__(self) -> None:
        self._schools: set[str] = set()
        self._good_days: set[str] = {""}
        self._emails: set[int] = set()
        self._usernames: set[int] = set()
        self._names: set[int] = set()

    def check(self, records: Sequence[Record]) -> tuple[list[Any], list[Problem]]:
        """The records, of whatever kind they are, mended where they had to be, and what a person should know of them."""
        problems: list[Problem] = []
        kept = [record for record in (self._mended(record, problems) for record in records) if record is not None]
        for record in kept:
            if isinstance(record, Person):
                self._look_at_person(record, problems)
            elif isinstance(record, Section):
                self._look_at_section(record, problems)
            elif isinstance(record, Term):
                _look_at_days(record, problems)
            elif isinstance(record, School):
                self._schools.add(record.source_id)
        return kept, problems

    def _mended(self, record: Record, problems: list[Problem]) -> Record | None:
        texts = _GETTERS[type(record)](record)
        if _is_clean(texts) and self._days_are_good(record) and _lists_are_clean(record):
            return record
        return _mend(record, texts, problems)

    def _days_are_good(self, record: Any) -> bool:
        if type(record) is Person:
            return record.birth_date in self._good_days or self._is_good(record.birth_date)
        if type(record) is Term or type(record) is Section:
            return all(day in self._good_days or self._is_good(day) for day in (record.start, record.finish))
        return True

    def _is_good(self, day: str) -> bool:
        if iso_date(day) != day:
            return False
        if len(self._good_days) < _MOST_DAYS:
            self._good_days.add(day)
        return True

    def _look_at_person(self, person: Person, problems: list[Problem]) -> None:
        if person.grade and person.grade not in GRADES:
            problems.append(_problem("unknown-grade", person, "grade", person.grade))
        if person.birth_date and not _is_plausible(person.birth_date):
            problems.append(_problem("absurd-date", person, "birth_date", person.birth_date))
        if person.school not in self._schools and person.school and self._schools:
            problems.append(_problem("unknown-school", person, "school", person.school))
        if person.email:
            if not _EMAIL(person.email):
                problems.append(_problem("malformed-email", person, "email", person.email))
            elif _met(self._emails, person.email):
                problems.append(_problem("duplicate-email", person, "email", person.email))
        if person.username and _met(self._usernames, person.username):
            problems.append(_problem("duplicate-username", person, "username", person.username))
        if _met(self._names, f"{person.last_name}|{person.first_name}|{person.grade}|{person.school}|{person.role}"):
            problems.append(_problem("duplicate-name", person, "name", f"{person.first_name} {person.last_name}"))

    def _look_at_section(self, section: Section, problems: list[Problem]) -> None:
        if not section.teachers:
            problems.append(_problem("no-teacher", section, "teachers", ""))
        if section.grade and section.grade not in GRADES:
            problems.append(_problem("unknown-grade", section, "grade", section.grade))
        if section.school not in self._schools and section.school and self._schools:
            problems.append(_problem("unknown-school", section, "school", section.school))
        if section.start or section.finish:
            _look_at_days(section, problems)


def _met(known: set[int], value: str) -> bool:
    """Whether the value came before, whatever its case; hashes are kept, not values: a district has many."""
    key = hash(value.lower())
    if key in known:
        return True
    known.add(key)
    return False


def _look_at_days(record: Term | Section, problems: list[Problem]) -> None:
    for field, day in (("start", record.start), ("finish", record.finish)):
        if day and not _is_plausible(day):
            problems.append(_problem("absurd-date", record, field, day))
    if record.start and record.finish and record.finish < record.start:
        problems.append(_problem("reversed-dates", record, "finish", f"{record.start} to {record.finish}"))


def _is_plausible(day: str) -> bool:
    return "1900" <= day < "2100"


def _is_clean(texts: tuple[str, ...]) -> bool:
    """Whether no text of a record needs a closer look: one pass over all of them, for a district has a million."""
    joined = "|".join(("", *texts, ""))
    return (
        joined.isprintable()
        and " |" not in joined
        and "| " not in joined
        and (len(joined) <= LONGEST or max(map(len, texts)) <= LONGEST)
        and bool(texts[0])
    )


def _lists_are_clean(record: Any) -> bool:
    if type(record) is Person:
        return len(record.schools) < 2 or "".join(record.schools).isprintable()
    return type(record) is not Section or "".join((*record.teachers, *record.students)).isprintable()


def _mend(record: Record, texts: tuple[str, ...], problems: list[Problem]) -> Record | None:
    if not _is_usable_id(record.source_id):
        code = "bad-id" if record.source_id.strip() else "missing-id"
        problems.append(_problem(code, record, "source_id", _without_controls(record.source_id[:SHOWN])))
        return None
    changes: dict[str, Any] = {}
    for field, value in zip(_TEXTS[type(record)], texts, strict=True):
        mended, code = _mended_text(field, value)
        if code:
            shown = _without_controls(value[: SHOWN * 2])[:SHOWN]
            problems.append(_problem(code, record, field, shown))
        if mended != value:
            changes[field] = mended
    for field in _LISTS:
        ids = getattr(record, field, ())
        usable = tuple(filter(_is_usable_id, ids))
        if len(usable) < len(ids):
            problems.append(_problem("bad-id", record, field, str(len(ids) - len(usable))))
            changes[field] = usable
    return msgspec.structs.replace(record, **changes) if changes else record


def _mended_text(field: str, value: str) -> tuple[str, str]:
    """The value as it can be kept, and the code of what was wrong with it; blank where it was only trimmed."""
    if field in _IDS:
        usable = not value or _is_usable_id(value)
        return (value, "") if usable else ("", "bad-id" if value.strip() else "")
    if field in _DATES:
        day = iso_date(value[:SHOWN])
        return day, "" if day or not value.strip() else "bad-date"
    # A cut first: what follows reads every letter, and somebody may send millions.
    trimmed = value[: LONGEST * 16].strip()
    mended = _without_controls(trimmed)
    if len(value) > LONGEST * 16 or len(mended) > LONGEST:
        return mended[:LONGEST].rstrip(), "too-long"
    return mended, "" if mended == trimmed else "control-characters"


def _without_controls(value: str) -> str:
    if value.isprintable():
        return value
    return _CONTROLS.sub(lambda found: " " if found[0].isspace() else "", value).strip()


def _is_usable_id(value: str) -> bool:
    return bool(value) and len(value) <= LONGEST and not value.isspace() and not _UNSTORABLE.search(value)


def _problem(code: str, record: Record, field: str, value: str) -> Problem:
    kind = str(record.role) if isinstance(record, Person) else _PLAIN_NAMES[type(record)]
    source_id = record.source_id if _is_usable_id(record.source_id) else ""
    school = getattr(record, "school", "")
    return Problem(code, kind, source_id, field, value[:SHOWN], school if _is_usable_id(school) else "")
