"""Clever's Data API 1.1: sections that hold their course and their term, and a district whose state is told apart.

Students and teachers are as in 2.0, with one school each. Days are spelled in several ways (Clever: API 1.2 reference).
"""

import msgspec

from sisportal.providers.base import DistrictFacts
from sisportal.providers.clever_api import CleverApi
from sisportal.providers.clever_wire import WireDistrict, WireTerm, ascending, district_facts, first_then_listed
from sisportal.providers.paging import Item, Page
from sisportal.providers.wire_values import day, text
from sisportal.roster.records import Problem, Section


class WireInlineSection(msgspec.Struct, gc=False):
    id: str = ""
    name: str | None = None
    section_number: str | None = None
    sis_id: str | None = None
    subject: str | None = None
    grade: str | None = None
    period: str | None = None
    school: str | None = None
    course_name: str | None = None
    course_number: str | None = None
    term: WireTerm | None = None
    teacher: str | None = None
    teachers: list[str] | None = None
    students: list[str] | None = None


_NO_TERM = WireTerm()


def inline_section_record(wire: WireInlineSection, problems: list[Problem]) -> Section:
    if not wire.school:
        problems.append(Problem("missing-school", "section", wire.id, "school"))
    term = wire.term or _NO_TERM
    return Section(
        wire.id,
        text(wire.name),
        text(wire.section_number),
        text(wire.sis_id),
        text(wire.subject),
        text(wire.grade),
        text(wire.period),
        wire.school or "",
        course_name=text(wire.course_name),
        course_number=text(wire.course_number),
        term_name=text(term.name),
        start=day(term.start_date, "section", wire.id, "term.start_date", problems),
        finish=day(term.end_date, "section", wire.id, "term.end_date", problems),
        teachers=first_then_listed(wire.teacher, wire.teachers),
        students=ascending(wire.students),
    )


def with_status(api: CleverApi, facts: DistrictFacts) -> DistrictFacts:
    """The district with the state and the last sync, which 1.1 tells at an address of their own."""
    path = f"/districts/{facts.id}/status"
    rows = api.first_page(api.reader(Page[WireDistrict], Item[WireDistrict], path), path).records
    if not rows:
        return facts
    told = district_facts(rows[0])
    return msgspec.structs.replace(told, id=facts.id, name=facts.name)
