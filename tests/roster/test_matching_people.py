"""Matching people: each key, each reason to hold, and that nobody is merged wrongly."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sisportal.roster.matching import NEW, Claims, Decision, Match, Outcome, Reason
from sisportal.roster.matching_people import Candidate, DuplicateIndex, KeyIndex, match_person, match_value
from sisportal.roster.options import Options, StudentIdTarget, StudentKey, TeacherIdTarget, TeacherKey
from sisportal.roster.records import Person, Role

BY_EMAIL = Options(match_students=StudentKey.EMAIL)


def student(source_id: str = "s1", **values: Any) -> Person:
    return Person(source_id, Role.STUDENT, **{"first_name": "Ana", "last_name": "Lopez", "number": "1001"} | values)


def account(id: int = 1, **values: Any) -> Candidate:
    return Candidate(
        id, **{"role": "student", "first_name": "Ana", "last_name": "Lopez", "student_id": "1001"} | values
    )


def outcome(match: Match) -> tuple[Outcome, int | None, Reason | None]:
    return match.outcome, match.target, match.reason


def test_the_only_account_with_the_key_and_an_agreeing_name_is_linked_and_the_evidence_says_why() -> None:
    index = KeyIndex([account(), account(2, student_id="1002")], Options())
    assert match_person(student(), index) == Match(
        Outcome.LINK,
        1,
        (1,),
        None,
        {
            "rule": "key",
            "key": "student_id",
            "value": "1001",
            "candidates": [{"id": 1, "name": "Ana Lopez", "names_agree": True, "linked_to": "", "archived": False}],
        },
    )


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ([], (Outcome.NEW, None, None)),
        ([account(student_id="1002")], (Outcome.NEW, None, None)),
        ([account(student_id=" 1001 ")], (Outcome.LINK, 1, None)),
        ([account(archived=True)], (Outcome.LINK, 1, None)),
        ([account(role="teacher", teacher_id="1001")], (Outcome.NEW, None, None)),
        ([account(role="administrator")], (Outcome.NEW, None, None)),
        ([account(), account(2)], (Outcome.HELD, None, Reason.SEVERAL_CANDIDATES)),
        ([account(), account(2, first_name="Luis")], (Outcome.HELD, None, Reason.SEVERAL_CANDIDATES)),
        ([account(linked_to="s9")], (Outcome.HELD, None, Reason.LINKED_ELSEWHERE)),
        ([account(first_name="Luis", linked_to="s9")], (Outcome.HELD, None, Reason.LINKED_ELSEWHERE)),
        ([account(), account(2, linked_to="s9")], (Outcome.HELD, None, Reason.LINKED_ELSEWHERE)),
        ([account(), account(2, first_name="Luis", linked_to="s9")], (Outcome.LINK, 1, None)),
        ([account(first_name="Luis", last_name="Smith")], (Outcome.HELD, None, Reason.NAMES_DISAGREE)),
        ([account(first_name="Luis")], (Outcome.HELD, None, Reason.NAMES_DISAGREE)),
        ([account(last_name="Smith")], (Outcome.HELD, None, Reason.NAMES_DISAGREE)),
        ([account(first_name="ANA", last_name="Lopez-Garcia")], (Outcome.LINK, 1, None)),
        ([account(first_name="Xiu", preferred_name="Ana")], (Outcome.LINK, 1, None)),
    ],
)
def test_a_student_is_linked_new_or_held(
    held: list[Candidate], expected: tuple[Outcome, int | None, Reason | None]
) -> None:
    assert outcome(match_person(student(), KeyIndex(held, Options()))) == expected


@pytest.mark.parametrize(
    ("birth_dates", "held", "linked"),
    [
        (("2011-05-01", "2011-05-01"), {"last_name": "Smith"}, True),
        (("2011-05-01", ""), {"last_name": "Smith"}, False),
        (("2011-05-01", "2011-05-02"), {}, False),
        (("2011-05-01", "2011-05-01"), {"first_name": "Luis"}, False),
    ],
)
def test_a_birth_date_decides_over_a_changed_surname_and_against_an_equal_name(
    birth_dates: tuple[str, str], held: dict[str, Any], linked: bool
) -> None:
    index = KeyIndex([account(birth_date=birth_dates[1], **held)], Options())
    match = match_person(student(birth_date=birth_dates[0]), index)
    assert (match.outcome is Outcome.LINK) == linked


def test_a_blank_never_matches_a_blank() -> None:
    index = KeyIndex([account(student_id=" ", email="")], Options())
    assert match_person(student(number=""), index) is NEW
    assert match_person(student(number=" "), KeyIndex([account()], Options())) is NEW


TEACHER = Person(
    "t1", Role.TEACHER, "Hill", "Bob", email="Bob.Hill@School.org", number="77", sis_id="9", legacy_id="old"
)


@pytest.mark.parametrize(
    ("options", "held"),
    [
        (Options(), {"email": "bob.hill@school.org"}),
        (Options(match_teachers=TeacherKey.TEACHER_ID), {"teacher_id": "77"}),
        (Options(match_teachers=TeacherKey.SIS_ID), {"sis_id": "9"}),
        (Options(match_teachers=TeacherKey.SOURCE_ID), {"source_id": "T1"}),
        (Options(match_teachers=TeacherKey.SIS_ID, map_teacher_id=TeacherIdTarget.SIS_ID), {"sis_id": "77"}),
        (Options(match_teachers=TeacherKey.TEACHER_ID, map_teacher_id=TeacherIdTarget.SIS_ID), {"sis_id": "77"}),
        (Options(match_teachers=TeacherKey.TEACHER_ID, map_teacher_id=TeacherIdTarget.SIS_ID), {"teacher_id": "77"}),
    ],
)
def test_teachers_are_matched_by_the_key_of_the_options(options: Options, held: dict[str, Any]) -> None:
    values: dict[str, Any] = {"email": "x", "teacher_id": "x", "sis_id": "x", "source_id": "x"} | held
    index = KeyIndex([Candidate(5, "teacher", "Robert", "Hill", **values)], options)
    assert outcome(match_person(TEACHER, index)) == (Outcome.LINK, 5, None)


@pytest.mark.parametrize(
    ("options", "held"),
    [
        (BY_EMAIL, {"email": "ANA@school.org"}),
        (Options(), {"student_id": "1001"}),
        (Options(match_students=StudentKey.SIS_ID), {"sis_id": "4"}),
        (Options(match_students=StudentKey.SOURCE_ID), {"source_id": "s1"}),
        (Options(match_students=StudentKey.SIS_ID, map_student_id=StudentIdTarget.SIS_ID), {"sis_id": "1001"}),
        (Options(map_student_id=StudentIdTarget.SIS_ID), {"sis_id": "1001"}),
    ],
)
def test_students_are_matched_by_the_key_of_the_options(options: Options, held: dict[str, Any]) -> None:
    values = {"email": "x", "student_id": "x", "sis_id": "x", "source_id": "x"} | held
    index = KeyIndex([account(**values)], options)
    assert outcome(match_person(student(email="ana@school.org", sis_id="4"), index)) == (Outcome.LINK, 1, None)


def test_an_account_whose_two_fields_both_hold_the_number_is_one_candidate() -> None:
    options = Options(map_student_id=StudentIdTarget.SIS_ID)
    assert outcome(match_person(student(), KeyIndex([account(sis_id="1001")], options))) == (Outcome.LINK, 1, None)


def test_an_index_of_what_is_wanted_holds_nothing_else() -> None:
    wanted = {match_value(student(), Options())}
    assert not KeyIndex([account(student_id="1002")], Options(), wanted)
    assert KeyIndex([account()], Options(), wanted)


def test_not_the_same_is_remembered_and_the_next_candidate_or_a_new_account_remains() -> None:
    index = KeyIndex([account(), account(2)], Options())
    assert outcome(match_person(student(), index, Decision(not_same=frozenset({1})))) == (Outcome.LINK, 2, None)
    assert match_person(student(), index, Decision(not_same=frozenset({1, 2}))) is NEW


def test_a_decision_wins_over_any_rule() -> None:
    index = KeyIndex([account(), account(2)], Options())
    assert outcome(match_person(student(), index, Decision(same=9))) == (Outcome.LINK, 9, None)
    created = match_person(student(), index, Decision(create=True))
    assert (created.outcome, created.evidence) == (Outcome.NEW, {"rule": "decided", "decision": "create"})


def test_siblings_who_share_an_email_are_both_held() -> None:
    index = KeyIndex([account(email="family@home.org")], BY_EMAIL)
    siblings = [student(email="family@home.org"), student("s2", first_name="Luis", email="family@home.org")]
    claims = Claims()
    for sibling in siblings:
        claims.note(match_person(sibling, index))
    reasons = [claims.settle(match_person(sibling, index)).reason for sibling in siblings]
    assert reasons == [Reason.CLAIMED_TWICE, Reason.NAMES_DISAGREE]


def test_ids_that_two_people_have_swapped_link_nobody() -> None:
    index = KeyIndex([account(), account(2, first_name="Luis", student_id="1002")], Options())
    swapped = [student(number="1002"), student("s2", first_name="Luis", number="1001")]
    assert [match_person(each, index).reason for each in swapped] == [Reason.NAMES_DISAGREE, Reason.NAMES_DISAGREE]


PEOPLE = st.lists(
    st.builds(
        student,
        source_id=st.uuids().map(str),
        number=st.sampled_from(["", "1", "2", "3"]),
        first_name=st.sampled_from(["Ana", "Luis"]),
    ),
    max_size=8,
)
HELD = st.lists(
    st.builds(
        account,
        id=st.integers(1, 9),
        student_id=st.sampled_from(["", "1", "2", "3"]),
        first_name=st.sampled_from(["Ana", "Luis"]),
        linked_to=st.sampled_from(["", "s99"]),
    ),
    max_size=8,
    unique_by=lambda held: held.id,
)


@given(PEOPLE, HELD)
def test_no_account_is_given_to_two_people_nor_one_that_is_linked_nor_one_of_another_name(
    people: list[Person], held: list[Candidate]
) -> None:
    index, claims = KeyIndex(held, Options()), Claims()
    for person in people:
        claims.note(match_person(person, index))
    matches = [claims.settle(match_person(person, index)) for person in people]
    targets = [match.target for match in matches if match.target is not None]
    assert len(targets) == len(set(targets))
    by_id = {each.id: each for each in held}
    for person, match in zip(people, matches, strict=True):
        assert (match.target is not None) == (match.outcome is Outcome.LINK)
        assert (match.reason is not None) == (match.outcome is Outcome.HELD)
        if match.target is not None:
            linked = by_id[match.target]
            assert (linked.linked_to, linked.first_name, linked.student_id) == ("", person.first_name, person.number)


def test_a_planned_add_with_name_grade_and_school_of_an_unlinked_account_may_be_a_duplicate() -> None:
    index = DuplicateIndex(
        [
            account(4, grade="9", organization=2),
            account(3, grade="9", organization=2, first_name="ANA "),
            account(5, grade="9", organization=2, linked_to="s9"),
            account(6, grade="8", organization=2),
            account(7, grade="9", organization=1),
            account(8, grade="9", organization=2, role="teacher"),
        ]
    )
    ana = student(grade="9")
    assert index.find(ana, 2) == (3, 4)
    assert index.find(ana, 2, Decision(not_same=frozenset({3}))) == (4,)
    assert index.find(ana, 2, Decision(create=True)) == ()
    assert index.find(ana, None) == ()
    assert index.find(student(first_name="", last_name="", grade="9"), 2) == ()
    assert DuplicateIndex([]).find(ana, 2) == ()
