"""Parents and sessions: which newly added classes come under one parent class (SPEC 3.3, options 7 and 14).

A *place* says in one text which classes belong together: organization, primary teacher and session key. It is stored
with the class as it was when the class was added, so that a later change of teacher moves nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from sisportal.roster.options import Options, SessionKey
from sisportal.roster.records import Section
from sisportal.roster.text import folded

_PART = "\x1f"


class NewClass(msgspec.Struct, frozen=True):
    """A class that the plan adds."""

    source_id: str
    place: str
    """Blank: it stands alone."""


class NewParent(msgspec.Struct, frozen=True):
    """A parent class to make, and who comes under it."""

    place: str
    added: tuple[str, ...]
    """``source_id`` of the added classes, in the order given; the first one names the parent."""
    moved: tuple[int, ...] = ()
    """Ids of classes that stood alone until now, ascending."""


class Arrangement(msgspec.Struct, frozen=True):
    """What becomes of the added classes; those in neither list stand alone."""

    parents: list[NewParent]
    joins: dict[str, int]
    """``source_id`` of an added class -> id of the parent that it joins."""


def session_name(section: Section) -> str:
    """The course's name where the SIS gives a course, else the section's (option 14)."""
    return section.course_name or section.name


def session_code(section: Section) -> str:
    """The course number, else the section number (option 14)."""
    return section.course_number or section.number


def session_key(section: Section, option: SessionKey) -> str:
    """What sessions of one parent have in common, folded; blank where the SIS leaves any part of it blank."""
    name, code = folded(session_name(section)), folded(session_code(section))
    if option is SessionKey.NAME:
        return name
    if option is SessionKey.CODE:
        return code
    return f"{name}{_PART}{code}" if name and code else ""


def session_place(section: Section, organization: int | None, options: Options) -> str:
    """The place of a section that is to be added; blank (stand alone) without a key, without a teacher, or by option 7."""
    key = session_key(section, options.match_sessions) if options.parent_child and section.teachers else ""
    return _PART.join((str(organization or ""), section.teachers[0], key)) if key else ""


def arrange(
    added: Iterable[NewClass], parents: Mapping[str, int], standing_alone: Mapping[str, Sequence[int]]
) -> Arrangement:
    """Where the added classes go.

    ``parents``: place -> id of the active parent there. ``standing_alone``: place -> ids of active classes there that an
    earlier sync added and that have no parent; classes made or placed by hand are not among them, so none is ever moved.
    """
    by_place: dict[str, list[str]] = {}
    for each in added:
        if each.place:
            by_place.setdefault(each.place, []).append(each.source_id)
    joins: dict[str, int] = {}
    made: list[NewParent] = []
    for place, source_ids in by_place.items():
        moved = tuple(sorted(standing_alone.get(place, ())))
        if place in parents:
            joins |= dict.fromkeys(source_ids, parents[place])
        elif len(source_ids) + len(moved) > 1:
            made.append(NewParent(place, tuple(source_ids), moved))
    return Arrangement(made, joins)


def emptied(sessions: Mapping[int, Collection[int]], leaving: Collection[int]) -> list[int]:
    """Parents that are archived too when the classes ``leaving`` are: those whose last active session is among them.

    ``sessions``: id of each parent -> ids of its active sessions. A parent without any was emptied before.
    """
    gone = set(leaving)
    return sorted(parent for parent, active in sessions.items() if active and gone.issuperset(active))
