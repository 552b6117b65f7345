"""The sync options of a connection: their values and defaults, and how they are read and written as text."""

import hashlib
import re
from collections.abc import Mapping
from datetime import time
from enum import StrEnum
from typing import Any, get_type_hints

import msgspec

from sisportal.roster.option_catalogue import ENTRIES, YES_NO, Choice, Entry

RULES = "1"
"""Goes up when the field rules change what an unchanged SIS record means: it makes every stored fingerprint stale."""


class OptionError(ValueError):
    """An option that does not exist or a value that it cannot have; the message is a sentence for whoever set it."""


class Item(StrEnum):
    """What a sync plans."""

    USERS = "users"
    SECTIONS = "sections"


class Change(StrEnum):
    """The kinds of change that a sync plans; reactivations count as adds."""

    ADDS = "adds"
    EDITS = "edits"
    DELETES = "deletes"


class Sso(StrEnum):
    """``AUTO``: off before the first commit, on after it."""

    AUTO = "auto"
    YES = "yes"
    NO = "no"


class Blanks(StrEnum):
    """Whether a blank from the SIS overwrites a value."""

    IGNORE = "ignore"
    REPLACE = "replace"


class StudentKey(StrEnum):
    """The value by which students without a link are matched."""

    STUDENT_ID = "student_id"
    EMAIL = "email"
    SIS_ID = "sis_id"
    SOURCE_ID = "source_id"


class TeacherKey(StrEnum):
    """The value by which teachers without a link are matched."""

    EMAIL = "email"
    TEACHER_ID = "teacher_id"
    SIS_ID = "sis_id"
    SOURCE_ID = "source_id"


class SectionKey(StrEnum):
    """The value by which sections without a link are matched."""

    CLASS_NAME = "class_name"
    SIS_ID = "sis_id"
    SOURCE_ID = "source_id"


class SessionKey(StrEnum):
    """What sessions of one parent class have in common."""

    NAME_AND_CODE = "name_and_code"
    CODE = "code"
    NAME = "name"


class TeacherIdTarget(StrEnum):
    """The account field that receives the SIS's teacher number."""

    TEACHER_ID = "teacher_id"
    SIS_ID = "sis_id"


class StudentIdTarget(StrEnum):
    """The account field that receives the SIS's student number."""

    STUDENT_ID = "student_id"
    SIS_ID = "sis_id"


class Options(msgspec.Struct, frozen=True):
    """The options of a connection, in the order of the Configure tab, with Clever's defaults."""

    api_version: str = "3.1"
    items: frozenset[Item] = frozenset(Item)
    changes: frozenset[Change] = frozenset(Change)
    email_on_create: bool = False
    sso: Sso = Sso.AUTO
    auto_sync: time | None = None
    """Time of day in the portal's time zone; None: off."""
    auto_commit: bool = False
    """After an automatic prepare: commit what no guard holds."""
    parent_child: bool = True
    self_paced: bool = True
    blanks: Blanks = Blanks.IGNORE
    ignore_name_edits: bool = False
    match_students: StudentKey = StudentKey.STUDENT_ID
    match_teachers: TeacherKey = TeacherKey.EMAIL
    match_sections: SectionKey = SectionKey.CLASS_NAME
    match_sessions: SessionKey = SessionKey.NAME_AND_CODE
    match_within_30_days: bool = True
    blended: bool = False
    map_teacher_id: TeacherIdTarget = TeacherIdTarget.TEACHER_ID
    map_student_id: StudentIdTarget = StudentIdTarget.STUDENT_ID
    guard_deletes_percent: int = 10
    guard_deletes_count: int = 50
    guard_deletes_from: int = 5
    guard_deletes_least: int = 3
    guard_adds_percent: int = 25
    guard_adds_from: int = 20
    guard_class_percent: int = 50
    guard_class_from: int = 5
    guard_ids_percent: int = 5
    alarm_hours: int = 6
    """How long after its time an automatic sync may succeed before somebody is told that none has."""
    alarm_days: int = 7
    """How old the SIS's data may be before somebody is told; 0: any age."""


_SOURCES = {"clever": "Clever", "oneroster": "OneRoster", "csv": "OneRoster"}
_DEFAULTS = {"clever": Options(), "oneroster": Options(api_version="1.1"), "csv": Options(api_version="1.1")}
_TYPES = get_type_hints(Options)
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\Z")
_YES = {"yes", "true", "on", "1"}
_NO = {"no", "false", "off", "0"}
_KEY_NAMES = {"clever_id": "source_id", "oneroster_id": "source_id"}
_BESIDE_PLANS = ("auto_sync", "auto_commit", "alarm_hours", "alarm_days")
_INFLUENCE_VALUES = ("blanks", "ignore_name_edits", "map_teacher_id", "map_student_id")


def _for_kind(entry: Entry, source: str) -> Entry:
    choices = tuple(Choice(choice.text, choice.label.format(source=source)) for choice in entry.choices)
    return msgspec.structs.replace(entry, choices=choices)


_CATALOGUES = {
    kind: {entry.name: _for_kind(entry, source) for entry in ENTRIES if not entry.only or kind in entry.only}
    for kind, source in _SOURCES.items()
}


def catalogue(kind: str = "clever") -> dict[str, Entry]:
    """The options of a connection of the kind (``clever``, ``oneroster``, ``csv``), by name, in the order shown."""
    return dict(_CATALOGUES[kind])


def defaults(kind: str = "clever") -> Options:
    """The options that a new connection of the kind starts with."""
    return _DEFAULTS[kind]


def with_option(options: Options, name: str, text: str, kind: str = "clever") -> Options:
    """The options with one of them set from its text (``yes``, ``adds,edits``, ``04:30``, ``25``).

    Raises ``OptionError`` with a sentence that names what is possible.
    """
    entry = _CATALOGUES[kind].get(name)
    if entry is None:
        raise OptionError(f"There is no option {name!r}. The options are: {', '.join(_CATALOGUES[kind])}.")
    value = _parsed(entry, text.strip().lower())
    return msgspec.structs.replace(options, **{name: value})


def as_text(options: Options, name: str) -> str:
    """The value of an option as ``with_option`` takes it."""
    value = getattr(options, name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return ",".join(choice for choice in _members(name) if choice in value)
    if name == "auto_sync":
        return value.strftime("%H:%M") if value is not None else "off"
    return str(value)


def label(options: Options, name: str, kind: str = "clever") -> str:
    """The value of an option as a page shows it."""
    texts = as_text(options, name).split(",")
    labels = {choice.text: choice.label for choice in _CATALOGUES[kind][name].choices}
    return ", ".join(labels.get(text, text.capitalize()) for text in texts)


def describe(options: Options, kind: str = "clever") -> dict[str, dict[str, Any]]:
    """What ``sis option --json`` prints: name -> value, default, choices and help, all as text."""
    return {
        name: {
            "value": as_text(options, name),
            "default": as_text(_DEFAULTS[kind], name),
            "choices": _choice_texts(entry),
            "help": entry.help,
        }
        for name, entry in _CATALOGUES[kind].items()
    }


def as_texts(options: Options) -> dict[str, str]:
    """Every option as text: what is stored, as JSON, with a connection and with a sync."""
    return {name: as_text(options, name) for name in _TYPES}


def from_texts(texts: Mapping[str, str], kind: str = "clever") -> Options:
    """The options of what ``as_texts`` gave; a name that is missing takes its default, one not known is read past.

    So a sync prepared by another release can still be shown. Raises ``OptionError`` for a value that cannot be.
    """
    options = _DEFAULTS[kind]
    for name in _CATALOGUES[kind]:
        if name in texts:
            options = with_option(options, name, texts[name], kind)
    return options


def encode(options: Options) -> str:
    """``as_texts`` as JSON."""
    return msgspec.json.encode(as_texts(options)).decode()


def decode(stored: str | bytes, kind: str = "clever") -> Options:
    """``from_texts`` of JSON; of nothing, the defaults."""
    return from_texts(msgspec.json.decode(stored or "{}", type=dict[str, str]), kind)


def shape(options: Options) -> str:
    """A short hash of the options that decide what an existing record should look like: part of every fingerprint.

    Two options with the same shape give the same field values for the same SIS record.
    """
    values = "|".join([RULES, *(as_text(options, name) for name in _INFLUENCE_VALUES)])
    return hashlib.sha256(values.encode()).hexdigest()[:12]


def same_plan(one: Options, other: Options) -> bool:
    """Whether a plan made with one set of options is the plan of the other, too: only what runs by itself may differ."""
    usual = {name: getattr(one, name) for name in _BESIDE_PLANS}
    return msgspec.structs.replace(other, **usual) == one


def _members(name: str) -> type[StrEnum]:
    member: type[StrEnum] = _TYPES[name].__args__[0]
    return member


def _choice_texts(entry: Entry) -> list[str]:
    if entry.highest:
        return [f"{entry.lowest} to {entry.highest}"]
    return [choice.text for choice in entry.choices] or ["off", "HH:MM"]


def _parsed(entry: Entry, text: str) -> Any:  # the type of the option's field
    if entry.several:
        return _several(entry, text)
    if entry.highest:
        return _number(entry, text)
    if entry.name == "auto_sync":
        return _time(text)
    if entry.choices == YES_NO:
        return _yes_or_no(entry, text)
    return _one(entry, text)


def _one(entry: Entry, text: str) -> Any:  # str or the option's StrEnum
    text = _KEY_NAMES.get(text.replace("-", "_"), text)
    return msgspec.convert(_known(entry, text), _TYPES[entry.name])


def _known(entry: Entry, text: str) -> str:
    texts = [choice.text for choice in entry.choices]
    for spelling in (text, text.replace("-", "_")):
        if spelling in texts:
            return spelling
    raise OptionError(f"{entry.label} cannot be {text!r}. Choose {_either(texts)}.")


def _several(entry: Entry, text: str) -> frozenset[StrEnum]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        texts = [choice.text for choice in entry.choices]
        raise OptionError(f"{entry.label} cannot be empty. Choose one or more of {', '.join(texts)}, joined by commas.")
    return frozenset(_members(entry.name)(_known(entry, part)) for part in parts)


def _number(entry: Entry, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and entry.lowest <= int(text) <= entry.highest):
        raise OptionError(f"{entry.label} is a whole number from {entry.lowest} to {entry.highest}, not {text[:40]!r}.")
    return int(text)


def _time(text: str) -> time | None:
    if text in {"off", "no", ""}:
        return None
    found = _TIME.match(text)
    if found is None:
        raise OptionError(f"Automatic daily sync is off or a time of day such as 04:30, not {text[:40]!r}.")
    return time(int(found[1]), int(found[2]))


def _yes_or_no(entry: Entry, text: str) -> bool:
    if text in _YES:
        return True
    if text in _NO:
        return False
    raise OptionError(f"{entry.label} is yes or no, not {text[:40]!r}.")


def _either(texts: list[str]) -> str:
    return f"{', '.join(texts[:-1])} or {texts[-1]}"
