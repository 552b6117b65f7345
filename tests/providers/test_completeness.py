"""When a list counts as whole."""

import pytest

from sisportal.providers.completeness import Part, doubt, seal
from sisportal.providers.paging import Tally
from sisportal.roster.records import Collection, Seal
from tests.providers.canned import Canned, gathered, json_answer, opened


@pytest.mark.parametrize(
    ("tally", "claimed", "reason"),
    [
        (Tally(1, 5, 5), 5, ""),
        (Tally(1, 5, 5), None, ""),
        (Tally(1, 4, 4), 5, "The SIS says that it has 5 students, and 4 could be read."),
        (Tally(2, 6, 6), 5, "The SIS says that it has 5 students, and 6 could be read."),
        (Tally(1, 6, 5, repeated=1), 5, ""),
        (Tally(1, 6, 5, repeated=1), None, "1 of the students were listed more than once."),
        (Tally(1, 5, 5, unread=1), 5, "1 of the 5 students listed could not be read or have no id."),
        (Tally(1, 0, 0), 0, ""),
        (Tally(1, 0, 0), None, "The SIS listed no students and did not confirm that it has none."),
        (Tally(2, 5, 5, doubts=["A page was empty."]), 5, ""),
        (Tally(2, 5, 5, doubts=["A page was empty."]), None, "A page was empty."),
    ],
)
def test_a_list_is_doubted_for_a_reason(tally: Tally, claimed: int | None, reason: str) -> None:
    assert doubt(Part(tally, claimed, "students")) == reason


def test_a_collection_of_two_lists_is_sealed_once() -> None:
    parts = [Part(Tally(2, 10, 9, repeated=1), 9, "students"), Part(Tally(1, 3, 3), 4, "teachers")]
    assert seal(Collection.PEOPLE, parts) == Seal(
        Collection.PEOPLE,
        complete=False,
        reason="The SIS says that it has 4 teachers, and 3 could be read.",
        pages=3,
        rows=13,
        distinct=12,
        claimed=13,
    )


def test_nobody_at_all_is_never_proven_though_the_server_says_so() -> None:
    parts = [Part(Tally(1), 0, "students"), Part(Tally(1), 0, "teachers")]
    assert seal(Collection.PEOPLE, parts).reason == "The SIS listed no students and no teachers at all."


def test_a_district_without_terms_is_whole_unless_the_server_claims_some() -> None:
    assert seal(Collection.TERMS, [Part(Tally(1), None, "terms")], may_be_empty=True).complete
    assert not seal(Collection.TERMS, [Part(Tally(1), 3, "terms")], may_be_empty=True).complete


def test_a_list_that_grew_during_the_walk_is_counted_again() -> None:
    session = Canned({"/v3.1/schools": [{"id": "a"}, {"id": "b"}]})
    session.scripted["/v3.1/schools?count=true&limit=1"] = [json_answer({"count": 1})]
    assert gathered(opened(session)).seals[Collection.SCHOOLS] == Seal(Collection.SCHOOLS, True, "", 1, 2, 2, 2)
