"""From one record and what is held of it to an action, or to none."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sisportal.roster.fields import Values, account_values, class_values
from sisportal.roster.options import Blanks, Options
from sisportal.roster.planning import (
    Held,
    Planned,
    person_label,
    plan_delete,
    plan_link,
    plan_person,
    plan_section,
    section_label,
)
from sisportal.roster.records import Person, Role, Section

PLACES = {"north": 1, "south": 2}
OPTIONS = Options()
MIA = Person(
    "s1", Role.STUDENT, "Abara", "Mia", email="mia@example.org", number="1024", grade="7", school="north",
    schools=("north",), roles=(Role.STUDENT,),
)  # fmt: skip
ALGEBRA = Section("c1", "Algebra I", "3", school="north", teachers=("t1", "t2"), students=("s1", "s2"))
EVERYBODY = frozenset({"t1", "t2", "s1", "s2", "s3"})
MARK = 42


def held_person(person: Person = MIA, *, archived: bool = False, **here: Any) -> Held:
    """The account that a sync made of the person, and what was changed in it since."""
    written = account_values(person, OPTIONS, PLACES)
    return Held(7, written | here, written, archived)


def held_class(section: Section = ALGEBRA, *, archived: bool = False, **here: Any) -> Held:
    written = class_values(section, PLACES) | {"teachers": list(section.teachers), "students": list(section.students)}
    return Held(9, class_values(section, PLACES) | here, written, archived)


def plan(
    section: Section, held: Held | None = None, members: frozenset[str] = EVERYBODY, **more: Any
) -> Planned | None:
    return plan_section(section, MARK, held, members, more.pop("options", OPTIONS), PLACES, **more)


def changed(record: Any, **values: Any) -> Any:
    return msgspec.structs.replace(record, **values)


# --- people


def test_somebody_new_is_an_add_with_everything_that_says_something() -> None:
    planned = plan_person(MIA, MARK, None, OPTIONS, PLACES)

    assert planned == Planned(
        "student", "add", "s1", "Abara, Mia", "north", fingerprint=MARK,
        after={
            "role": "student", "roles": ["student"], "first_name": "Mia", "last_name": "Abara", "email": "mia@example.org",
            "student_id": "1024", "grade": "7", "organization": 1, "organizations": [1],
        },
    )  # fmt: skip


def test_somebody_unchanged_is_no_action() -> None:
    assert plan_person(MIA, MARK, held_person(), OPTIONS, PLACES) is None


def test_a_change_is_an_edit_of_what_changed() -> None:
    planned = plan_person(changed(MIA, grade="8"), MARK, held_person(), OPTIONS, PLACES)

    assert planned == Planned(
        "student", "edit", "s1", "Abara, Mia", "north", 7, {"grade": "7"}, {"grade": "8"}, fingerprint=MARK
    )


def test_somebody_archived_who_is_listed_is_reactivated_with_their_changes() -> None:
    planned = plan_person(changed(MIA, grade="8"), MARK, held_person(archived=True), OPTIONS, PLACES)

    assert planned is not None
    assert (planned.verb, planned.target_id) == ("reactivate", 7)
    assert (planned.before, planned.after) == ({"grade": "7", "archived": True}, {"grade": "8", "archived": False})


def test_a_change_on_both_sides_is_held_with_the_rest_of_the_edit() -> None:
    planned = plan_person(changed(MIA, grade="8", last_name="Abara-Lee"), MARK, held_person(grade="9"), OPTIONS, PLACES)

    assert planned is not None
    assert (planned.held, planned.after) == ("changed-on-both", {"last_name": "Abara-Lee"})
    assert planned.evidence == {"both": {"grade": ("7", "9", "8")}}


def test_a_move_to_another_school_moves_the_organization() -> None:
    planned = plan_person(changed(MIA, school="south", schools=("south",)), MARK, held_person(), OPTIONS, PLACES)

    assert planned is not None
    assert (planned.school, planned.after) == ("south", {"organization": 2, "organizations": [2]})


def test_a_student_who_begins_to_teach_is_planned_as_a_teacher() -> None:
    teaching = changed(MIA, role=Role.TEACHER, roles=(Role.TEACHER, Role.STUDENT))

    planned = plan_person(teaching, MARK, held_person(), OPTIONS, PLACES)

    assert planned is not None
    assert (planned.type, planned.verb) == ("teacher", "edit")
    assert planned.after == {"role": "teacher", "roles": ["teacher", "student"], "teacher_id": "1024"}


# --- sections


def test_a_new_section_is_an_add_with_its_people_in_order() -> None:
    planned = plan(ALGEBRA)

    assert planned is not None
    assert (planned.type, planned.verb, planned.label, planned.school) == ("section", "add", "Algebra I", "north")
    assert planned.after == {
        "name": "Algebra I", "code": "3", "organization": 1, "style": "self-paced", "teachers": ["t1", "t2"],
    }  # fmt: skip
    assert planned.roster == {"join": ["t1", "t2", "s1", "s2"], "leave": []}
    assert planned.fingerprint == MARK


def test_people_without_an_account_are_left_out_and_the_class_is_compared_again() -> None:
    planned = plan(ALGEBRA, members=EVERYBODY - {"s2", "t1"})

    assert planned is not None
    assert (planned.after["teachers"], planned.roster["join"], planned.fingerprint) == (["t2"], ["t2", "s1"], None)


def test_an_unchanged_section_is_no_action() -> None:
    assert plan(ALGEBRA, held_class()) is None


def test_who_joins_and_who_leaves() -> None:
    planned = plan(changed(ALGEBRA, students=("s1", "s3")), held_class())

    assert planned is not None
    assert (planned.verb, planned.target_id, planned.after) == ("edit", 9, {})
    assert planned.roster == {"join": ["s3"], "leave": ["s2"]}


@pytest.mark.parametrize(
    ("teachers", "join", "leave"),
    [(("t2", "t1"), [], []), (("t1",), [], ["t2"]), (("t3", "t1", "t2"), ["t3"], []), ((), [], ["t1", "t2"])],
)
def test_teachers_in_another_order_or_another_number_are_an_edit(
    teachers: tuple[str, ...], join: list[str], leave: list[str]
) -> None:
    planned = plan(changed(ALGEBRA, teachers=teachers), held_class(), EVERYBODY | {"t3"})

    assert planned is not None
    assert (planned.before, planned.after) == ({"teachers": ["t1", "t2"]}, {"teachers": list(teachers)})
    assert planned.roster == {"join": join, "leave": leave}


@pytest.mark.parametrize(
    ("here", "sis", "held"),
    [
        (["t2", "t1"], ("t3", "t1", "t2"), True),
        (["t2", "t1"], ("t1", "t2", "t3"), True),
        (["t2", "t1"], ("t2", "t1"), False),
        (["t1", "t2", "account 7"], ("t1", "t2", "t3"), False),
        (["t2"], ("t1", "t2", "t3"), False),
        (["t1", "t2"], ("t3", "t1", "t2"), False),
    ],
)
def test_teachers_whose_order_was_changed_on_both_sides_wait(
    here: list[str], sis: tuple[str, ...], *, held: bool
) -> None:
    section = changed(ALGEBRA, teachers=sis, name="Algebra II")

    planned = plan_section(section, 7, held_class(), EVERYBODY | {"t3"}, Options(), PLACES, teaching=here)

    assert planned is not None
    both = {"both": {"teachers": (["t1", "t2"], here, list(sis))}}
    assert (planned.held, planned.evidence) == (("changed-on-both", both) if held else ("", {}))
    assert planned.after == {"name": "Algebra II"} | ({} if held else {"teachers": list(sis)})


def test_a_teacher_who_is_now_a_student_joins_as_one() -> None:
    planned = plan(changed(ALGEBRA, teachers=("t2",), students=("s1", "s2", "t1")), held_class())

    assert planned is not None
    assert (planned.after, planned.roster) == ({"teachers": ["t2"]}, {"join": ["t1"], "leave": []})


def test_a_student_who_teaches_as_well_is_a_teacher_of_the_class() -> None:
    planned = plan(changed(ALGEBRA, teachers=("t1", "t2", "s1")), held_class())

    assert planned is not None
    assert (planned.after, planned.roster) == ({"teachers": ["t1", "t2", "s1"]}, {"join": ["s1"], "leave": []})


def test_somebody_still_listed_whose_account_is_away_does_not_leave() -> None:
    assert plan(ALGEBRA, held_class(), EVERYBODY - {"s1", "t1"}) is None


def test_somebody_whom_nobody_proved_to_have_left_keeps_the_place() -> None:
    fewer = changed(ALGEBRA, teachers=("t2",), students=("s2",))

    assert plan(fewer, held_class(), staying=frozenset({"t1", "s1"})) is None
    planned = plan(fewer, held_class(), staying=frozenset({"t1"}))
    assert planned is not None
    assert planned.roster == {"join": [], "leave": ["s1"]}


def test_a_section_that_comes_back_brings_its_changes_along() -> None:
    planned = plan(changed(ALGEBRA, students=("s1",)), held_class(archived=True))

    assert planned is not None
    assert (planned.verb, planned.after, planned.roster["leave"]) == ("reactivate", {"archived": False}, ["s2"])


def test_names_may_be_left_alone_after_the_first_sync() -> None:
    options = Options(ignore_name_edits=True)

    assert plan(changed(ALGEBRA, name="Algebra 1"), held_class(), options=options) is None
    added = plan(changed(ALGEBRA, name="Algebra 1"), options=options)
    assert added is not None
    assert added.after["name"] == "Algebra 1"


# --- the rest


def test_a_delete_archives() -> None:
    planned = plan_delete("student", "s1", "Abara, Mia", "north", 7)

    assert (planned.verb, planned.target_id) == ("delete", 7)
    assert (planned.before, planned.after) == ({"archived": False}, {"archived": True})


def test_a_link_is_an_edit_of_the_identifiers() -> None:
    found = Held(7, account_values(MIA, OPTIONS, PLACES) | {"grade": "6"}, {})
    planned = plan_person(MIA, MARK, found, OPTIONS, PLACES)
    assert planned is not None

    linked = plan_link(planned, 7, "clever", {"rule": "key"})

    assert (linked.verb, linked.evidence) == ("edit", {"rule": "key"})
    assert linked.before == {"grade": "6", "identifiers": {"clever": ""}}
    assert linked.after == {"grade": "7", "identifiers": {"clever": "s1"}}


@pytest.mark.parametrize(
    ("person", "label"),
    [
        (MIA, "Abara, Mia"),
        (changed(MIA, first_name=""), "Abara"),
        (changed(MIA, last_name=""), "Mia"),
        (changed(MIA, first_name="", last_name=""), "s1"),
    ],
)
def test_lists_name_a_person_by_what_is_known(person: Person, label: str) -> None:
    assert person_label(person) == label


def test_lists_name_a_section_by_what_is_known() -> None:
    assert section_label(ALGEBRA) == "Algebra I"
    assert section_label(changed(ALGEBRA, name="", course_name="Algebra")) == "Algebra"
    assert section_label(changed(ALGEBRA, name="")) == "c1"


# --- properties: what is planned and applied makes the portal equal to the SIS, and then there is nothing left to plan

words = st.sampled_from(["", "a", "b"])
schools = st.lists(st.sampled_from(["north", "south", "elsewhere"]), min_size=1, unique=True).map(tuple)
people = st.builds(
    lambda role, listed, **fields: Person("s1", role, school=listed[0], schools=listed, roles=(role,), **fields),
    st.sampled_from([Role.STUDENT, Role.TEACHER]),
    schools,
    last_name=words, first_name=words, email=words, number=words, grade=words, birth_date=words,
)  # fmt: skip
options_ = st.builds(Options, blanks=st.sampled_from(Blanks), ignore_name_edits=st.booleans())


def applied(held: Held | None, planned: Planned | None) -> Held | None:
    """What the portal holds when the action is committed."""
    if planned is None or planned.held:
        return held
    after = {name: value for name, value in planned.after.items() if name not in {"archived", "style", "teachers"}}
    if held is None:
        return Held(7, after, after)
    return Held(7, held.values | after, held.written | after)


@given(st.lists(people, min_size=1, max_size=4), options_)
def test_planning_a_person_twice_is_empty(versions: list[Person], options: Options) -> None:
    held: Held | None = None
    for person in versions:
        held = applied(held, plan_person(person, MARK, held, options, PLACES))
    assert plan_person(versions[-1], MARK, held, options, PLACES) is None


@given(st.lists(people, min_size=1, max_size=4))
def test_what_is_planned_for_a_person_makes_the_account_say_what_the_sis_says(versions: list[Person]) -> None:
    options = Options(blanks=Blanks.REPLACE)
    held: Held | None = None
    for person in versions:
        held = applied(held, plan_person(person, MARK, held, options, PLACES))
        assert held is not None
        incoming = account_values(person, options, PLACES)
        assert {name: held.values.get(name) or None for name in incoming} == {
            name: value or None for name, value in incoming.items()
        }


who = st.sampled_from(["t1", "t2", "s1", "s2", "s3"])
rosters = st.lists(who, unique=True, max_size=4).map(tuple)
sections = st.builds(
    lambda teachers, students, **fields: Section("c1", school="north", teachers=teachers, students=students, **fields),
    rosters,
    rosters,
    name=words, number=words, period=words,
)  # fmt: skip


def applied_section(held: Held | None, planned: Planned | None) -> Held | None:
    if planned is None:
        return held
    now = applied(held, planned)
    assert now is not None
    written = held.written if held else {}
    order: list[str] = planned.after.get("teachers") or []
    if "teachers" not in planned.after:
        order = written.get("teachers") or []
    join, leave = planned.roster["join"], planned.roster["leave"]
    teachers = [t for t in order if t not in leave]
    stay = [s for s in written.get("students", []) if s not in {*leave, *teachers, *join}]
    lists: Values = {"teachers": teachers, "students": stay + [s for s in join if s not in teachers]}
    return Held(9, now.values, now.written | lists)


@given(st.lists(sections, min_size=1, max_size=4))
def test_what_is_planned_for_a_section_makes_its_roster_that_of_the_sis_and_then_nothing_is_left(
    versions: list[Section],
) -> None:
    held: Held | None = None
    for section in versions:
        held = applied_section(held, plan(section, held))
        assert held is not None
        assert held.written["teachers"] == list(section.teachers)
        assert sorted(held.written["students"]) == sorted(set(section.students) - set(section.teachers))
    assert plan(versions[-1], held) is None
