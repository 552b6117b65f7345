"""From one incoming record and what the portal holds of it to the action that would bring them together, if any."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec
from msgspec import UnsetType

from sisportal.roster.fields import (
    Difference,
    Places,
    Values,
    account_values,
    class_style,
    class_values,
    difference,
    home,
    without_blanks,
)
from sisportal.roster.lineup import lineup
from sisportal.roster.options import Change, Options
from sisportal.roster.records import Person, Section


class Held(msgspec.Struct, frozen=True):
    """What the portal holds of a linked record."""

    id: int
    values: Values
    written: Values
    archived: bool = False


class Planned(msgspec.Struct):
    """An action before it is stored; ``roster`` is of sections only."""

    type: str
    verb: str
    source_id: str
    label: str
    school: str = ""
    target_id: int | None = None
    before: Values = {}
    after: Values = {}
    roster: dict[str, list[str]] = {}
    evidence: dict[str, Any] = {}
    fingerprint: int | None = None
    held: str = ""
    search: str = ""
    """What lists of actions search in; blank: the label and the id."""


KIND_OF_VERB = {"add": Change.ADDS, "reactivate": Change.ADDS, "edit": Change.EDITS, "delete": Change.DELETES}


def person_label(person: Person) -> str:
    """How lists name a person: last name first."""
    return ", ".join(name for name in (person.last_name, person.first_name) if name) or person.source_id


def section_label(section: Section) -> str:
    """How lists name a section."""
    return section.name or section.course_name or section.source_id


def plan_person(
    person: Person, fingerprint: int, held: Held | None, options: Options, places: Places
) -> Planned | None:
    """The action for a person: an add without ``held``, else an edit, a reactivation or nothing.

    The username of an add is chosen by whoever knows those taken. Somebody listed as archived is added as that; what the
    portal holds of them stays as it is, for whether to archive it is decided like that of somebody who is gone.
    """
    if held is not None and person.archived:
        return None
    incoming = account_values(person, options, places)
    school = home(person.schools, person.school, places) or ""
    if held is None:
        return Planned(
            str(person.role),
            "add",
            person.source_id,
            person_label(person),
            school,
            after=without_blanks(incoming) | ({"archived": True} if person.archived else {}),
            fingerprint=fingerprint,
        )
    found = difference(incoming, held.values, held.written, options.blanks)
    planned = _change(str(person.role), person.source_id, person_label(person), school, held, found)
    if planned is not None:
        planned.fingerprint = fingerprint
    return planned


def plan_section(
    section: Section,
    fingerprint: int,
    held: Held | None,
    members: AbstractSet[str],
    options: Options,
    places: Places,
    staying: AbstractSet[str] = frozenset(),
    teaching: Sequence[str] | None = None,
) -> Planned | None:
    """The action for a section; ``members`` are those of its people who have or will have an account.

    Those ``staying`` keep their place although no longer listed: nobody proved that they left (SPEC 10).

    Rosters are compared with what was last written, so somebody whom a person put into the class or took out of it
    in the portal stays as that person left them (SPEC 6.6). ``teaching``: those who teach the class now, in their order,
    where a person changed that by hand; it waits for a person where the SIS wants another order since, too.

    One that is listed as archived: as of ``plan_person``.
    """
    if held is not None and section.archived:
        return None
    teachers = [source_id for source_id in section.teachers if source_id in members]
    students = [source_id for source_id in section.students if source_id in members]
    if not set(teachers).isdisjoint(students):
        students = [source_id for source_id in students if source_id not in teachers]
    # Somebody listed who cannot be a member yet: the class stays to be compared until they can.
    mark = fingerprint if members >= {*section.teachers, *section.students} else None
    incoming = class_values(section, places)
    if held is None:
        return _new_class(section, incoming, teachers, students, mark, options)
    if options.ignore_name_edits:
        incoming.pop("name")
    label = section_label(section)
    found = difference(incoming, held.values, held.written, options.blanks)
    planned = _change("section", section.source_id, label, section.school, held, found)
    roster = _roster(section, teachers, students, held.written, staying)
    order = _order(teachers, held.written, roster)
    if planned is None and (roster["join"] or roster["leave"] or order):
        planned = _edit("section", section.source_id, label, section.school, held)
    if planned is None:
        return None
    planned.roster, planned.fingerprint = roster, mark
    if order:
        _reorder(planned, teachers, held.written.get("teachers", []), teaching)
    return planned


def _new_class(
    section: Section, incoming: Values, teachers: list[str], students: list[str], mark: int | None, options: Options
) -> Planned:
    after = without_blanks(incoming) | {"style": class_style(section, options), "teachers": teachers}
    after |= {"archived": True} if section.archived else {}
    roster = {"join": teachers + students, "leave": []}
    new = ("section", "add", section.source_id, section_label(section), section.school)
    return Planned(*new, after=after, roster=roster, evidence=_stated(section), fingerprint=mark)


def _reorder(planned: Planned, teachers: list[str], last: list[str], teaching: Sequence[str] | None) -> None:
    """Plan the SIS's order of teachers, or hold it where a person made another one meanwhile (``plan_section``)."""
    joining, leaving = {*planned.roster["join"]}, {*planned.roster["leave"]}
    if teaching is not None and lineup(teaching, last, teachers, joining, leaving)[1]:
        planned.held = "changed-on-both"
        three = (last, list(teaching), teachers)
        planned.evidence = {"both": {**planned.evidence.get("both", {}), "teachers": three}}
    else:
        planned.before = planned.before | {"teachers": last}
        planned.after = planned.after | {"teachers": teachers}


def _stated(section: Section) -> dict[str, Any]:
    """What the source says of a new class that options decide otherwise: its style; its parent's name, blank for none."""
    stated: dict[str, Any] = {"style": section.style} if section.style else {}
    if not isinstance(section.session, UnsetType):
        stated["parent"] = section.course_name if section.session else ""
    return {"stated": stated} if stated else {}


def _roster(
    section: Section, teachers: list[str], students: list[str], written: Values, staying: AbstractSet[str]
) -> dict[str, list[str]]:
    """Who joins and who leaves; somebody listed as a student instead of a teacher, or the other way, joins as that."""
    last_teachers, last_students = written.get("teachers", []), written.get("students", [])
    teaching, attending = set(last_teachers), set(last_students)
    joining = [source_id for source_id in teachers if source_id not in teaching]
    joining += [source_id for source_id in students if source_id not in attending]
    listed = {*section.teachers, *section.students}
    last = [*last_teachers, *last_students]
    leaving = [source_id for source_id in last if source_id not in listed and source_id not in staying]
    return {"join": joining, "leave": leaving}


def _order(teachers: list[str], written: Values, roster: dict[str, list[str]]) -> bool:
    """Whether the teachers, or their order, would change: the first is the primary one.

    One who is still listed but has no account now (archived, out of scope) does not count.
    """
    last: list[str] = written.get("teachers", [])
    moving = {*teachers, *roster["join"], *roster["leave"]}
    return [source_id for source_id in last if source_id in moving] != teachers


def plan_delete(type_: str, source_id: str, label: str, school: str, target_id: int) -> Planned:
    """The action for a record that the SIS no longer lists: it archives."""
    return Planned(
        type_, "delete", source_id, label, school, target_id, before={"archived": False}, after={"archived": True}
    )


def plan_link(planned: Planned, target_id: int, connection: str, evidence: dict[str, Any], was: str = "") -> Planned:
    """The same action, for an account or class that gains a link to this connection, or whose link has another id now.

    ``was`` is the id that it is linked to until then.
    """
    planned.target_id = target_id
    planned.before = planned.before | {"identifiers": {connection: was}}
    planned.after = planned.after | {"identifiers": {connection: planned.source_id}}
    planned.evidence = evidence
    return planned


def _edit(type_: str, source_id: str, label: str, school: str, held: Held) -> Planned:
    return Planned(type_, "edit", source_id, label, school, held.id)


def _change(type_: str, source_id: str, label: str, school: str, held: Held, found: Difference) -> Planned | None:
    if not (held.archived or found.after or found.both):
        return None
    planned = _edit(type_, source_id, label, school, held)
    planned.before, planned.after = found.before, found.after
    if held.archived:
        planned.verb = "reactivate"
        planned.before = planned.before | {"archived": True}
        planned.after = planned.after | {"archived": False}
    if found.both:
        planned.held = "changed-on-both"
        planned.evidence = {"both": found.both}
    return planned
