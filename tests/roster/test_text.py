"""Folding of match keys, and names that agree, half agree or wholly differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sisportal.roster.text import Name, folded, name_words, names_agree, names_wholly_differ, plain

WORDS = ("ana", "maria", "Mary-Ann", "bob", "Robert", "j.", "Lopez", "de", "la", "Jr.", "II", "Zoë", "王", "小明")
PART = st.one_of(st.text(max_size=12), st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join))
NAMES = st.builds(Name, PART, PART, PART)


def sides(names: tuple[str, str, str, str]) -> tuple[Name, Name]:
    return Name(*names[:2]), Name(*names[2:])


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("", ""),
        ("   ", ""),
        (" Ann.Lee@Example.ORG ", "ann.lee@example.org"),
        ("Algebra\t 1\n", "algebra 1"),
        ("\u00a0Zoë\u3000", "zoë"),
        ("Zoe\u0308", "zoë"),
        ("\uff11\uff10\uff12\uff14", "1024"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("K", "k"),
        ("10\u200b24\ufeff", "1024"),
        ("\uff21\uff22\uff23\ufeff", "abc"),
    ],
)
def test_a_key_is_trimmed_case_folded_and_normal(value: str, key: str) -> None:
    assert folded(value) == key


@given(st.text())
def test_folding_twice_is_folding_once(value: str) -> None:
    assert folded(folded(value)) == folded(value)


@given(st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "P", "Zs"])))
def test_plain_text_folds_the_same_by_the_fast_way(value: str) -> None:
    assert folded(value) == folded(value + "\ufeff")


@pytest.mark.parametrize(
    ("name", "bare"), [("Zoë", "zoe"), ("Łukasz", "lukasz"), ("Ann", "ann"), ("Ærø", "aero"), ("Nguyễn", "nguyen")]
)
def test_plain_is_without_accents(name: str, bare: str) -> None:
    assert plain(name) == bare


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("O'Neil-Smith", ["oneil", "smith"]),
        ("St. Clair, Jr.", ["st", "clair", "jr"]),
        ("王小明", ["王小明"]),
        ("😀", ["😀"]),
        (" ", []),
    ],
)
def test_the_words_of_a_name(name: str, words: list[str]) -> None:
    assert name_words(name) == words


AGREE = [
    ("Ana", "Lopez", "Ana", "Lopez"),
    ("ana", "LOPEZ", "Ana", "Lopez"),
    ("José", "Núñez", "Jose", "Nunez"),
    ("Ana", "Lopez-Garcia", "Ana", "Lopez Garcia"),
    ("Ana", "Lopez-Garcia", "Ana", "Lopez"),
    ("Ana", "de la Cruz", "Ana", "Cruz"),
    ("Siobhan", "O'Neil", "Siobhan", "ONeil"),
    ("Maria Jose", "Lopez", "Maria", "Lopez"),
    ("Mary Ann", "Lee", "Maryann", "Lee"),
    ("Robert", "Hill", "Bob", "Hill"),
    ("Bobby", "Hill", "Rob", "Hill"),
    ("J.", "Hill", "Jane", "Hill"),
    ("John", "Hill Jr.", "John", "Hill"),
    ("Lopez", "Ana", "Ana", "Lopez"),
    ("", "Ana Lopez", "Ana", "Lopez"),
    ("小明", "王", "", "王小明"),
    ("Jan", "van der Berg", "Jan", "Vanderberg"),
]
HALF = [
    ("Ana", "Lopez", "Luis", "Lopez"),
    ("Mario", "Lopez", "Maria", "Lopez"),
    ("Maria Jose", "Lopez", "Maria Luz", "Lopez"),
    ("Jon", "Hill", "Joe", "Hill"),
    ("Ana", "Lopez", "Ana", "Smith"),
    ("John", "Hill II", "John", "Hill III"),
    ("", "Lopez", "Ana", "Lopez"),
    ("Ana", "Lopez", "Lopez", "Smith"),
]
DIFFER = [
    ("Ana", "Lopez", "Luis", "Smith"),
    ("Ana", "de la Cruz", "Luis", "de la Torre"),
    ("小明", "王", "Ana", "Lopez"),
]


@pytest.mark.parametrize("names", AGREE)
def test_names_that_are_written_differently_agree(names: tuple[str, str, str, str]) -> None:
    a, b = sides(names)
    assert names_agree(a, b)
    assert not names_wholly_differ(a, b)


@pytest.mark.parametrize("names", HALF)
def test_names_of_which_half_is_the_same_neither_agree_nor_wholly_differ(names: tuple[str, str, str, str]) -> None:
    a, b = sides(names)
    assert not names_agree(a, b)
    assert not names_wholly_differ(a, b)


@pytest.mark.parametrize("names", DIFFER)
def test_names_with_nothing_in_common_wholly_differ(names: tuple[str, str, str, str]) -> None:
    a, b = sides(names)
    assert not names_agree(a, b)
    assert names_wholly_differ(a, b)


def test_a_preferred_name_on_either_side_counts() -> None:
    assert names_agree(Name("Xiaoming", "Wang", "Kevin"), Name("Kevin", "Wang"))
    assert names_agree(Name("Kevin", "Wang"), Name("Xiaoming", "Wang", "Kevin"))
    assert not names_wholly_differ(Name("Xiaoming", "Wang", "Kevin"), Name("Kevin", "Smith"))


def test_a_name_that_is_not_known_neither_agrees_nor_differs() -> None:
    assert not names_agree(Name("", ""), Name("", ""))
    assert not names_agree(Name("", ""), Name("Ana", "Lopez"))
    assert not names_wholly_differ(Name("", ""), Name("Ana", "Lopez"))


@given(NAMES, NAMES)
def test_it_does_not_matter_which_side_comes_first(a: Name, b: Name) -> None:
    assert names_agree(a, b) == names_agree(b, a)
    assert names_wholly_differ(a, b) == names_wholly_differ(b, a)
    assert not (names_agree(a, b) and names_wholly_differ(a, b))
