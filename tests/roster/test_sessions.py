"""Parents and sessions: session keys, places, who joins whom, and when a parent goes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sisportal.roster.options import Options, SessionKey
from sisportal.roster.records import Section
from sisportal.roster.sessions import Arrangement, NewClass, NewParent, arrange, emptied, session_key, session_place

WHOLE = Section(
    "c1", "Algebra 1 - Hill - 3", "03", course_name="Algebra 1", course_number="MA101", teachers=("t1", "t2")
)
BARE = Section("c2", "Homeroom", "07", teachers=("t1",))


@pytest.mark.parametrize(
    ("section", "option", "key"),
    [
        (WHOLE, SessionKey.NAME_AND_CODE, "algebra 1\x1fma101"),
        (WHOLE, SessionKey.CODE, "ma101"),
        (WHOLE, SessionKey.NAME, "algebra 1"),
        (BARE, SessionKey.NAME_AND_CODE, "homeroom\x1f07"),
        (BARE, SessionKey.CODE, "07"),
        (BARE, SessionKey.NAME, "homeroom"),
        (Section("c3", "Homeroom"), SessionKey.NAME_AND_CODE, ""),
        (Section("c3", number="07"), SessionKey.NAME_AND_CODE, ""),
        (Section("c3", "Homeroom"), SessionKey.CODE, ""),
        (Section("c3", number="07"), SessionKey.NAME, ""),
    ],
)
def test_the_key_is_of_the_course_where_there_is_one_else_of_the_section(
    section: Section, option: SessionKey, key: str
) -> None:
    assert session_key(section, option) == key


def test_a_place_is_organization_primary_teacher_and_key() -> None:
    place = session_place(WHOLE, 2, Options())
    assert place == "2\x1ft1\x1falgebra 1\x1fma101"
    assert session_place(msgspec.structs.replace(WHOLE, number="04", period="5"), 2, Options()) == place
    assert session_place(msgspec.structs.replace(WHOLE, teachers=("t2", "t1")), 2, Options()) != place
    assert session_place(WHOLE, 3, Options()) != place
    assert session_place(WHOLE, None, Options()) == "\x1ft1\x1falgebra 1\x1fma101"


def test_without_a_teacher_or_a_key_or_the_option_a_class_stands_alone() -> None:
    assert session_place(msgspec.structs.replace(WHOLE, teachers=()), 2, Options()) == ""
    assert session_place(Section("c3", teachers=("t1",)), 2, Options()) == ""
    assert session_place(WHOLE, 2, Options(parent_child=False)) == ""


def test_one_class_stands_alone_and_two_come_under_a_new_parent() -> None:
    one, two, other = NewClass("c1", "here"), NewClass("c2", "here"), NewClass("c3", "there")
    assert arrange([one, other], {}, {}) == Arrangement([], {})
    assert arrange([one, other, two], {}, {}) == Arrangement([NewParent("here", ("c1", "c2"))], {})


def test_classes_without_a_place_are_never_brought_together() -> None:
    assert arrange([NewClass("c1", ""), NewClass("c2", "")], {"": 9}, {"": [1, 2]}) == Arrangement([], {})


def test_the_second_class_at_a_place_brings_the_first_one_under_a_new_parent() -> None:
    assert arrange([NewClass("c2", "here")], {}, {"here": [8, 7]}) == Arrangement(
        [NewParent("here", ("c2",), (7, 8))], {}
    )


def test_a_parent_that_is_there_is_joined_and_nobody_is_moved() -> None:
    added = [NewClass("c1", "here"), NewClass("c2", "here")]
    assert arrange(added, {"here": 5}, {"here": [7]}) == Arrangement([], {"c1": 5, "c2": 5})


@given(
    st.lists(st.sampled_from(["", "here", "there"]), max_size=6),
    st.dictionaries(st.sampled_from(["here", "there"]), st.integers(1, 9)),
)
def test_every_added_class_has_at_most_one_parent_and_no_parent_has_one_session(
    places: list[str], parents: dict[str, int]
) -> None:
    added = [NewClass(f"c{number}", place) for number, place in enumerate(places)]
    arranged = arrange(added, parents, {})
    placed = [source_id for parent in arranged.parents for source_id in parent.added] + list(arranged.joins)
    assert len(placed) == len(set(placed))
    assert all(len(parent.added) > 1 for parent in arranged.parents)
    assert {each.source_id for each in added if each.place in parents} == set(arranged.joins)


def test_a_parent_goes_with_its_last_session() -> None:
    sessions = {1: [11, 12], 2: [21, 22], 3: []}
    assert emptied(sessions, [11, 21, 22, 99]) == [2]
