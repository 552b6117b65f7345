"""Usernames: which one is proposed, and that no two are alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sisportal.roster.records import Person, Role
from sisportal.roster.usernames import LONGEST, Usernames, candidates, propose


def person(**values: str) -> Person:
    return Person("5f1", Role.STUDENT, **values)  # type: ignore[arg-type]  # only text fields are given


@pytest.mark.parametrize(
    ("values", "username"),
    [
        ({"username": "alopez09", "email": "ana@school.org", "first_name": "Ana"}, "alopez09"),
        ({"username": " ", "email": "ana@school.org", "first_name": "Ana"}, "ana@school.org"),
        ({"first_name": "Ana", "last_name": "Lopez"}, "ana.lopez"),
        ({"first_name": "Zoë", "last_name": "O'Neil-Ångström"}, "zoe.oneilangstrom"),
        ({"first_name": "María José", "last_name": "de la Cruz"}, "mariajose.delacruz"),
        ({"last_name": "Lopez"}, "lopez"),
        ({"first_name": "小明", "last_name": "王", "number": "1024"}, "student-1024"),
        ({"first_name": "小明", "sis_id": "77"}, "student-77"),
        ({}, "student-5f1"),
        ({"username": "a\tb\u200e  c"}, "a b c"),
        ({"username": "x" * 400}, "x" * LONGEST),
        ({"first_name": "y" * 400}, "y" * LONGEST),
    ],
)
def test_the_sis_username_comes_first_then_the_email_then_the_name(values: dict[str, str], username: str) -> None:
    assert propose(person(**values)) == username


def test_a_person_of_another_role_without_a_name_is_still_called_something() -> None:
    assert propose(Person("5970d4de35e9e69741000277", Role.TEACHER)) == "teacher-41000277"
    assert propose(Person("x-9", Role.STAFF)) == "user-x9"
    assert propose(Person("王", Role.STUDENT)) == "student"


def test_a_username_that_is_taken_gives_way_to_the_email_and_that_to_the_name_with_a_number() -> None:
    usernames = Usernames(["ALopez"])
    ana = person(username="alopez", email="ana@school.org", first_name="Ana", last_name="Lopez")
    assert [usernames.allocate(ana) for _ in range(4)] == ["ana@school.org", "ana.lopez", "ana.lopez2", "ana.lopez3"]


def test_numbers_that_are_taken_are_passed_over() -> None:
    usernames = Usernames(["ana.lopez", "Ana.Lopez2", "ana.lopez4"])
    ana = person(first_name="Ana", last_name="Lopez")
    assert [usernames.allocate(ana) for _ in range(3)] == ["ana.lopez3", "ana.lopez5", "ana.lopez6"]


def test_a_username_can_be_taken_once_and_released() -> None:
    usernames = Usernames()
    assert usernames.take("Ana")
    assert not usernames.take("aNA")
    assert "ANA" in usernames
    usernames.release("ana")
    assert "Ana" not in usernames


def test_an_email_that_is_the_username_too_is_one_candidate() -> None:
    assert candidates(person(username="ana@school.org", email="ana@school.org", first_name="Ana")) == [
        "ana@school.org",
        "ana",
    ]


PEOPLE = st.lists(
    st.builds(
        Person,
        source_id=st.text(min_size=1, max_size=8),
        role=st.sampled_from([Role.STUDENT, Role.TEACHER]),
        first_name=st.sampled_from(["Ana", "ana", "Ána", "王", "", "x" * 200]),
        last_name=st.sampled_from(["Lopez", "", "李"]),
        email=st.sampled_from(["", "ana@school.org", "ANA@school.org"]),
        username=st.one_of(st.just(""), st.text(max_size=200)),
    ),
    max_size=30,
)


@given(PEOPLE)
def test_no_two_people_get_usernames_that_differ_only_in_case_and_none_is_too_long(people: list[Person]) -> None:
    usernames = Usernames(["ana.lopez"])
    given_out = [usernames.allocate(each) for each in people]
    again = Usernames(["ana.lopez"])
    assert given_out == [again.allocate(each) for each in people]
    assert len({username.lower() for username in given_out}) == len(people)
    assert all(0 < len(username) <= LONGEST and username == username.strip() for username in given_out)
