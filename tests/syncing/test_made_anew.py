"""Sections that the SIS makes anew under another id: a class with its history is not archived while its twin is created."""

import copy
from datetime import timedelta
from typing import Any

import pytest

from sisportal.models import Action, SyncState
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Section
from sisportal.syncing.deciding import Said, decide
from sisportal.syncing.explaining import evidence_sentences
from sisportal.syncing.releasing import release_guards
from sisportal.syncing.traces import SYNCS_BACK
from tests.syncing.portal import WHO, Portal
from tests.syncing.test_remade_ids import say_all


@pytest.fixture
def section(district: District) -> Section:
    """One with a course, a period, teachers and several students."""
    return next(s for s in district.sections if s.course and s.period and s.teachers and len(s.students) > 4)


def made_anew(district: District, section: Section, **changes: Any) -> str:
    """Delete a section and make it again under another id; the id until then."""
    edits.drop_section(district, section.id)
    was, section.id = section.id, district.mint(section.created)
    for name, value in ({"sis_id": None} | changes).items():
        setattr(section, name, value)
    district.put(section)
    return was


def held(portal: Portal, sync_id: int) -> dict[str, str]:
    return {row.source_id: row.held for row in portal.rows(Action, Action.sync_id == sync_id, Action.type == "section")}


def action_of(portal: Portal, sync_id: int, source_id: str) -> Any:
    return portal.rows(Action, Action.sync_id == sync_id, Action.source_id == source_id)[0]


def say(portal: Portal, sync_id: int, source_id: str, **said: Any) -> None:
    decide(portal.engine, sync_id, action_of(portal, sync_id, source_id).id, Said(**said), WHO, portal.now)


def test_a_class_whose_section_is_made_anew_goes_on_with_its_people(
    portal: Portal, district: District, section: Section
) -> None:
    portal.sync_all()
    class_, gone = portal.class_of(section.id), section.students[0]
    was = made_anew(district, section)
    edits.withdraw(district, section.id, gone)

    sync_id = portal.prepare()

    assert held(portal, sync_id) == {section.id: "listed-anew", was: "doubted-delete"}
    assert portal.commit(sync_id) is SyncState.PARTLY_COMMITTED
    assert portal.class_of(was).archived_at is None
    again = portal.prepare()
    assert held(portal, again) == {section.id: "listed-anew", was: "doubted-delete"}

    say(portal, again, section.id, same=class_.id)

    assert action_of(portal, again, section.id).roster == {"join": [], "leave": [gone]}
    assert portal.commit(again) is SyncState.COMMITTED
    now = portal.class_of(section.id)
    assert (now.id, now.archived_at) == (class_.id, None)
    assert set(portal.roster(section.id)) == {*section.teachers, *section.students}
    assert portal.actions(portal.prepare()) == {}
    portal.undo(again)
    assert set(portal.roster(was)) == {*section.teachers, *section.students, gone}
    assert portal.actions(portal.prepare()) == {}


@pytest.mark.parametrize("word", ["create", "not_same"])
def test_one_that_is_said_to_be_another_is_made_and_the_old_class_archived(
    quick_portal: Portal, district: District, section: Section, word: str
) -> None:
    quick_portal.sync_all()
    class_ = quick_portal.class_of(section.id)
    was = made_anew(district, section)
    sync_id = quick_portal.prepare()

    say(quick_portal, sync_id, section.id, **({"create": True} if word == "create" else {"not_same": (class_.id,)}))

    assert held(quick_portal, sync_id) == {section.id: "", was: ""}
    assert quick_portal.commit(sync_id) is SyncState.COMMITTED
    assert quick_portal.class_of(was).archived_at is not None
    assert quick_portal.actions(quick_portal.prepare()) == {}


def test_one_of_another_name_is_told_by_course_teacher_and_students(
    quick_portal: Portal, district: District, section: Section
) -> None:
    quick_portal.sync_all()
    class_ = quick_portal.class_of(section.id)
    was = made_anew(district, section, name=f"{section.name} - 02", number="02")

    sync_id = quick_portal.prepare()

    assert held(quick_portal, sync_id) == {section.id: "listed-anew", was: "doubted-delete"}
    evidence = action_of(quick_portal, sync_id, section.id).evidence
    assert [each["id"] for each in evidence["candidates"]] == [class_.id]
    [sentence] = evidence_sentences(evidence)
    assert sentence == (
        f"It has the course, the teacher, the period and most students of {class_.name}, number {class_.id}, "
        f"which the SIS does not list any more ({was})."
    )


def test_one_that_is_empty_yet_is_told_by_course_teacher_and_period(
    quick_portal: Portal, district: District, section: Section
) -> None:
    quick_portal.sync_all()
    was = made_anew(district, section, name=f"{section.name} - 02", students=[])

    assert held(quick_portal, quick_portal.prepare()) == {section.id: "listed-anew", was: "doubted-delete"}


@pytest.mark.parametrize("otherwise", ["another period", "other people", "next term"])
def test_what_only_looks_alike_is_another_class(
    quick_portal: Portal, district: District, section: Section, otherwise: str
) -> None:
    quick_portal.sync_all()
    was = made_anew(district, section)
    if otherwise == "another period":
        section.period = "99"
    elif otherwise == "other people":
        section.teachers, section.students = [], []
        section.course = None
    else:
        term = edits.recreate_term(district, str(section.term))
        edits.change_term(district, term.id, start="2030-01-10", finish="2030-06-10")

    sync_id = quick_portal.prepare()

    assert {held(quick_portal, sync_id)[each] for each in (section.id, was)} == {""}


def test_of_two_that_are_made_anew_each_is_asked_about_its_own(quick_portal: Portal, district: District) -> None:
    one, two = [s for s in district.sections if s.course and len(s.students) > 4][:2]
    for section in (one, two):
        section.name, section.course, section.period = "Homeroom", one.course, None
        section.teachers, section.school, section.term = list(one.teachers), one.school, one.term
    two.students = sorted(p.id for p in district.people if p.student and p.id not in one.students)[:6]
    quick_portal.sync_all()
    classes = [quick_portal.class_of(each.id).id for each in (one, two)]
    made_anew(district, one)
    made_anew(district, two)

    sync_id = quick_portal.prepare()

    candidates = [action_of(quick_portal, sync_id, each.id).evidence["candidates"] for each in (one, two)]
    assert [[each["id"] for each in some] for some in candidates] == [[classes[0]], [classes[1]]]


def test_one_that_comes_after_its_class_was_archived_is_offered_that(
    portal: Portal, district: District, section: Section
) -> None:
    portal.sync_all()
    class_ = portal.class_of(section.id)
    edits.drop_section(district, section.id)
    portal.sync_all()
    assert portal.class_of(section.id).archived_at is not None
    section.id = district.mint(section.created)
    district.put(section)

    sync_id = portal.prepare()

    assert held(portal, sync_id) == {section.id: ""}
    assert [w for w in portal.warnings(sync_id) if w[0] == "possible-duplicate"] == [
        ("possible-duplicate", section.id, str(class_.id))
    ]
    say(portal, sync_id, section.id, same=class_.id)
    assert portal.commit(sync_id) is SyncState.COMMITTED
    assert (portal.class_of(section.id).id, portal.class_of(section.id).archived_at) == (class_.id, None)
    assert set(portal.roster(section.id)) == {*section.teachers, *section.students}
    assert portal.actions(portal.prepare()) == {}


@pytest.mark.parametrize(("days", "offered"), [(8, True), (90, False)])
def test_of_classes_that_were_archived_those_of_the_last_weeks_are_offered_however_many_commits_came_since(
    quick_portal: Portal, district: District, section: Section, days: int, offered: bool
) -> None:
    quick_portal.sync_all()
    class_ = quick_portal.class_of(section.id)
    edits.drop_section(district, section.id)
    quick_portal.sync_all()
    student = next(p for p in district.people if p.student)
    for number in range(SYNCS_BACK):
        edits.rename_person(district, student.id, first=f"{student.first}{number}")
        quick_portal.now += timedelta(days=days / SYNCS_BACK)
        quick_portal.sync_all()
    section.id = district.mint(section.created)
    district.put(section)

    sync_id = quick_portal.prepare()

    found = [w for w in quick_portal.warnings(sync_id) if w[0] == "possible-duplicate"]
    assert found == ([("possible-duplicate", section.id, str(class_.id))] if offered else [])


@pytest.mark.parametrize("word", ["same", "not_same", "create"])
def test_one_whose_twin_came_while_it_was_listed_still_is_not_archived_before_somebody_says_so(
    quick_portal: Portal, district: District, section: Section, word: str
) -> None:
    quick_portal.sync_all()
    class_ = quick_portal.class_of(section.id)
    twin = copy.deepcopy(section)
    twin.id, twin.name, twin.number, twin.sis_id = district.mint(section.created), f"{section.name} - 02", "02", "S-02"
    district.put(twin)
    sync_id = quick_portal.prepare()
    assert held(quick_portal, sync_id) == {twin.id: ""}
    quick_portal.commit(sync_id)
    made = quick_portal.class_of(twin.id)
    edits.drop_section(district, section.id)

    sync_id = quick_portal.prepare()

    assert held(quick_portal, sync_id) == {section.id: "listed-twice"}
    evidence = action_of(quick_portal, sync_id, section.id).evidence
    [sentence] = evidence_sentences(evidence)
    assert sentence == (
        f"It has the course, the teacher, the period and most students of {made.name}, number {made.id}, "
        f"which the SIS lists too ({twin.id})."
    )
    assert quick_portal.commit(sync_id) is SyncState.PARTLY_COMMITTED
    assert quick_portal.class_of(section.id).archived_at is None
    sync_id = quick_portal.prepare()
    answers: dict[str, dict[str, Any]] = {"same": {"same": made.id}, "not_same": {"not_same": (made.id,)}}
    say(quick_portal, sync_id, section.id, **answers.get(word, {"create": True}))
    assert held(quick_portal, sync_id) == {section.id: ""}
    quick_portal.untick(sync_id, section.id)
    quick_portal.commit(sync_id)
    again = quick_portal.prepare()
    assert held(quick_portal, again) == {section.id: ""}, "what was said is remembered"
    assert quick_portal.commit(again) is SyncState.COMMITTED
    assert (quick_portal.class_of(section.id).id, quick_portal.class_of(twin.id).archived_at) == (class_.id, None)
    assert quick_portal.class_of(section.id).archived_at is not None
    assert quick_portal.actions(quick_portal.prepare()) == {}


@pytest.mark.parametrize("otherwise", ["other students", "next term"])
def test_another_class_of_the_same_teacher_and_course_does_not_keep_it(
    quick_portal: Portal, district: District, section: Section, otherwise: str
) -> None:
    twin = copy.deepcopy(section)
    twin.id, twin.sis_id, twin.period = district.mint(section.created), "S-02", None
    if otherwise == "other students":
        twin.students = sorted(p.id for p in district.people if p.student and p.id not in section.students)[:6]
    else:
        term = copy.deepcopy(district.terms[str(section.term)])
        term.id, term.name = district.mint(section.created), "Another term"
        district.put(term)
        twin.term = term.id
    quick_portal.sync_all()
    district.put(twin)
    quick_portal.sync_all()
    edits.drop_section(district, section.id)

    assert held(quick_portal, quick_portal.prepare()) == {section.id: ""}


def test_a_twin_whose_making_was_undone_is_asked_about_when_the_old_one_goes(
    quick_portal: Portal, district: District, section: Section
) -> None:
    quick_portal.sync_all()
    class_ = quick_portal.class_of(section.id)
    twin = copy.deepcopy(section)
    twin.id, twin.name, twin.sis_id = district.mint(section.created), f"{section.name} - 02", "S-02"
    district.put(twin)
    quick_portal.undo(quick_portal.sync_all())
    assert quick_portal.actions(quick_portal.prepare()) == {}
    edits.drop_section(district, section.id)

    sync_id = quick_portal.prepare()

    assert held(quick_portal, sync_id) == {twin.id: "listed-anew", section.id: "doubted-delete"}
    say(quick_portal, sync_id, twin.id, same=class_.id)
    assert quick_portal.commit(sync_id) is SyncState.COMMITTED
    assert (quick_portal.class_of(twin.id).id, quick_portal.class_of(twin.id).archived_at) == (class_.id, None)
    assert quick_portal.actions(quick_portal.prepare()) == {}


@pytest.mark.parametrize("said_first", [False, True])
def test_one_that_is_made_anew_under_another_name_as_everybody_gets_a_new_id_is_asked_about(
    quick_portal: Portal, district: District, section: Section, said_first: bool
) -> None:
    quick_portal.sync_all()
    class_id = quick_portal.class_of(section.id).id
    edits.remake_ids(district)
    was = made_anew(district, section, name=f"{section.name} - 99")

    sync_id = quick_portal.prepare()

    assert held(quick_portal, sync_id)[was] == "doubted-delete"
    assert held(quick_portal, sync_id)[section.id] == "listed-anew"
    if said_first:
        say_all(quick_portal, sync_id)
        release_guards(quick_portal.engine, sync_id, WHO, quick_portal.now)
        quick_portal.commit(sync_id)
        assert quick_portal.class_of(was).archived_at is None
        sync_id = quick_portal.prepare()
        assert held(quick_portal, sync_id)[section.id] == "listed-anew", "people go by their ids of now"
    say(quick_portal, sync_id, section.id, same=class_id)
    release_guards(quick_portal.engine, sync_id, WHO, quick_portal.now)
    quick_portal.commit(sync_id)
    assert quick_portal.class_of(section.id).id == class_id
