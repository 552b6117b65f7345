"""What a OneRoster request asks for in its query: filter, sort, fields, limit and offset (1EdTech: OneRoster REST binding)."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from sisportal.sandbox.clever_wire import Call, Rendered
from sisportal.sandbox.entities import Milliseconds
from sisportal.sandbox.oneroster_objects import Listed
from sisportal.sandbox.oneroster_refusals import RefusedError

DEFAULT_LIMIT = 100
_CLAUSE = re.compile(r"([A-Za-z][A-Za-z0-9_:/-]*(?:\.[A-Za-z0-9_:/-]+)*)(!=|>=|<=|=|>|<|~)'((?:[^']|'')*)'")
_JOINT = re.compile(" (AND|OR) ")
Row = Callable[[Listed], Rendered]


class Clause(NamedTuple):
    """A field, a predicate and a value."""

    path: tuple[str, ...]
    predicate: str
    value: str


@dataclass(frozen=True)
class Filter:
    """One clause, or two joined by ``AND`` or ``OR``."""

    clauses: tuple[Clause, ...]
    joint: str = "AND"

    def test(self, row: Row) -> Callable[[Listed], bool]:
        """Whether an entry passes; ``row`` shows it as JSON."""
        tests = [_test(clause, row) for clause in self.clauses]
        if len(tests) == 1:
            return tests[0]
        first, second = tests
        if self.joint == "AND":
            return lambda entry: first(entry) and second(entry)
        return lambda entry: first(entry) or second(entry)


def parse_filter(text: str, fields: frozenset[str]) -> Filter:
    """Raises RefusedError for what is no filter, and for fields that are not there."""
    clauses: list[Clause] = []
    joint, place = "AND", 0
    while True:
        found = _CLAUSE.match(text, place)
        if found is None:
            raise RefusedError("invalid_filter_field", "The filter is not one that can be read.")
        path = tuple(found[1].split("."))
        if path[0] not in fields:
            raise RefusedError("invalid_filter_field", f"There is no field {found[1]} to filter by.")
        clauses.append(Clause(path, found[2], found[3].replace("''", "'")))
        place = found.end()
        joined = _JOINT.match(text, place)
        if joined is None or len(clauses) == 2:
            break
        joint, place = joined[1], joined.end()
    if text[place:].strip():
        raise RefusedError("invalid_filter_field", "The filter goes on after its last clause; two can be joined.")
    return Filter(tuple(clauses), joint)


def _test(clause: Clause, row: Row) -> Callable[[Listed], bool]:
    path, predicate, value = clause
    if path == ("dateLastModified",) and predicate != "~":
        moment = moment_of(value)
        return lambda entry: _compared(entry.modified, predicate, moment)
    if path == ("sourcedId",):
        return lambda entry: _says(entry.id, predicate, value)
    if path == ("status",):
        return lambda entry: _says("tobedeleted" if entry.gone else "active", predicate, value)
    return lambda entry: _says(value_at(row(entry), path), predicate, value)


def moment_of(text: str) -> Milliseconds:
    """A date or a moment in milliseconds; raises RefusedError for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RefusedError("invalid_filter_field", f"{text[:40]} is no moment.") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def value_at(row: Any, path: tuple[str, ...]) -> str | list[str]:
    """What stands at a dotted path: below a list, that of each of its members. Blank where nothing does."""
    for place, name in enumerate(path):
        if isinstance(row, list):
            return [text for one in row if isinstance(text := value_at(one, path[place:]), str)]
        row = row.get(name) if isinstance(row, dict) else None
    if isinstance(row, list):
        return [one["sourcedId"] if isinstance(one, dict) and "sourcedId" in one else str(one) for one in row]
    if isinstance(row, dict):
        return str(row.get("sourcedId", ""))
    return "" if row is None else str(row)


def _says(found: str | list[str], predicate: str, value: str) -> bool:
    """A field with several values is compared as its whole list, but by ``~``, for which one of them is enough."""
    if predicate == "~":
        each = found if isinstance(found, list) else [found]
        return any(value.casefold() in one.casefold() for one in each)
    if isinstance(found, list) and predicate in ("<", "<=", ">", ">="):
        raise RefusedError("invalid_filter_field", "A field with several values can only be compared by =, != and ~.")
    return _compared(",".join(found) if isinstance(found, list) else found, predicate, value)


def _compared(found: Any, predicate: str, value: Any) -> bool:
    match predicate:
        case "=":
            return bool(found == value)
        case "!=":
            return bool(found != value)
        case ">":
            return bool(found > value)
        case ">=":
            return bool(found >= value)
        case "<":
            return bool(found < value)
    return bool(found <= value)


def sort_key(field: str, row: Row) -> Callable[[Listed], Any]:
    """What to sort by: the field as text, equal ones by id."""
    if field == "sourcedId":
        return lambda entry: entry.id
    if field == "dateLastModified":
        return lambda entry: (entry.modified, entry.id)
    path = tuple(field.split("."))

    def key(entry: Listed) -> tuple[str, str]:
        value = value_at(row(entry), path)
        return ",".join(value) if isinstance(value, list) else value, entry.id

    return key


def fields_asked(call: Call, fields: frozenset[str]) -> frozenset[str] | None:
    """The fields to show, or None for all; raises RefusedError for one that is not there."""
    if not any(name == "fields" for name, _ in call.query):
        return None
    asked = frozenset(name.strip() for name in call.value("fields").split(","))
    if "" in asked:
        raise RefusedError("invalid_blank_selection_field", "A field to select is blank.")
    if unknown := sorted(asked - fields):
        raise RefusedError("invalid_selection_field", f"There is no field {unknown[0]}.")
    return asked


class Window(NamedTuple):
    """Which part of a list is asked for."""

    offset: int
    limit: int


def window_asked(call: Call) -> Window:
    """Raises RefusedError for what is no number, no offset or no limit."""
    return Window(_number(call, "offset", 0, least=0), _number(call, "limit", DEFAULT_LIMIT, least=1))


def _number(call: Call, name: str, otherwise: int, *, least: int) -> int:
    text = call.value(name)
    if not text:
        return otherwise
    if not text.isdecimal() or int(text) < least:
        raise RefusedError("invaliddata", f"{name} must be a whole number from {least} on.")
    return int(text)


def address(call: Call, base: str, window: Window) -> str:
    """The address of another part of the same list."""
    kept = [(name, value) for name, value in call.query if name not in ("limit", "offset")]
    asked = [*kept, ("limit", str(window.limit)), ("offset", str(window.offset))]
    return f"{base}?{'&'.join(f'{quote(name)}={quote(value)}' for name, value in asked)}"


def links(window: Window, total: int) -> Sequence[tuple[str, Window]]:
    """The parts around this one, as the specification's example has them: the last is as large as what is left."""
    offset, limit = window
    found: list[tuple[str, Window]] = []
    if offset + limit < total:
        found.append(("next", Window(offset + limit, limit)))
    if total:
        last = (total - 1) // limit * limit
        found += [("last", Window(last, total - last)), ("first", Window(0, limit))]
    if offset > 0:
        found.append(("prev", Window(max(0, offset - limit), limit)))
    return found
