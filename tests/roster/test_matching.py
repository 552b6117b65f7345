"""Matching: decisions, claims and the check of an id whose name changed."""

import pytest

from sisportal.roster.matching import (
    NEW,
    Claims,
    Decision,
    Match,
    Outcome,
    Reason,
    as_decided,
    decisions,
    identity_check,
)
from sisportal.roster.text import Name


def found(target: int) -> Match:
    return Match(Outcome.LINK, target, (target,), None, {"rule": "key"})


def same(target: int) -> Match:
    match = as_decided(Decision(same=target))
    assert match is not None
    return match


def settled(*matches: Match) -> list[Match]:
    claims = Claims()
    for match in matches:
        claims.note(match)
    return [claims.settle(match) for match in matches]


def test_records_that_want_different_accounts_get_them() -> None:
    assert settled(found(1), found(2), NEW) == [found(1), found(2), NEW]


def test_two_records_that_want_one_account_are_both_held() -> None:
    both = settled(found(1), found(1))
    assert [(match.outcome, match.target, match.reason) for match in both] == [
        (Outcome.HELD, None, Reason.CLAIMED_TWICE),
        (Outcome.HELD, None, Reason.CLAIMED_TWICE),
    ]
    assert both[0].candidates == (1,)


def test_a_record_that_is_held_still_claims_its_candidates() -> None:
    doubtful = Match(Outcome.HELD, None, (1, 2), Reason.SEVERAL_CANDIDATES)
    assert [match.outcome for match in settled(found(1), doubtful)] == [Outcome.HELD, Outcome.HELD]


def test_what_a_person_decided_goes_before_what_a_rule_found() -> None:
    assert [match.outcome for match in settled(same(1), found(1))] == [Outcome.LINK, Outcome.HELD]


def test_two_records_decided_to_be_one_account_are_both_held() -> None:
    assert [match.reason for match in settled(same(1), same(1))] == [Reason.CLAIMED_TWICE, Reason.CLAIMED_TWICE]


def test_a_record_decided_to_be_new_claims_nothing() -> None:
    new = as_decided(Decision(create=True))
    assert new is not None
    assert settled(new, found(1)) == [new, found(1)]
    assert as_decided(Decision(not_same=frozenset({3}))) is None


@pytest.mark.parametrize(
    ("rows", "decision"),
    [
        ([("same", 1)], Decision(same=1)),
        ([("same", 1), ("same", 2)], Decision(same=2)),
        ([("same", 1), ("not-same", 1)], Decision(not_same=frozenset({1}))),
        ([("same", 1), ("not-same", 2)], Decision(same=1, not_same=frozenset({2}))),
        ([("not-same", 1), ("not-same", 2)], Decision(not_same=frozenset({1, 2}))),
        ([("not-same", 1), ("same", 1)], Decision(same=1)),
        ([("same", 1), ("create", 0)], Decision(create=True)),
        ([("not-same", 1), ("create", 0)], Decision(not_same=frozenset({1}), create=True)),
        ([("create", 0), ("same", 1)], Decision(same=1)),
        ([("create", 0), ("not-same", 1)], Decision(not_same=frozenset({1}), create=True)),
    ],
)
def test_of_several_decisions_the_last_counts_and_not_the_same_stays(
    rows: list[tuple[str, int]], decision: Decision
) -> None:
    assert decisions([("p1", said, target) for said, target in rows]) == {"p1": decision}


def test_decisions_are_kept_apart_by_record() -> None:
    assert decisions([("p1", "same", 1), ("p2", "create", 0)]) == {"p1": Decision(same=1), "p2": Decision(create=True)}


ANA, LUIS = Name("Ana", "Lopez"), Name("Luis", "Smith")


def test_a_linked_person_whose_name_is_wholly_another_is_held() -> None:
    assert identity_check(7, LUIS, ANA) == Match(
        Outcome.HELD,
        None,
        (7,),
        Reason.IDENTITY_CHANGED,
        {"rule": "identity", "incoming": "Luis Smith", "held": "Ana Lopez"},
    )


@pytest.mark.parametrize("incoming", [ANA, Name("Ana", "Smith"), Name("Anna", "Lopez"), Name("", "")])
def test_a_linked_person_whose_name_changed_in_part_is_not_held(incoming: Name) -> None:
    assert identity_check(7, incoming, ANA) is None


def test_a_decision_settles_a_name_that_is_wholly_another() -> None:
    assert identity_check(7, LUIS, ANA, Decision(same=7)) is None
    assert identity_check(7, LUIS, ANA, Decision(not_same=frozenset({7}))) == as_decided(Decision(create=True))
    assert identity_check(7, LUIS, ANA, Decision(create=True)) == as_decided(Decision(create=True))
    other = identity_check(7, LUIS, ANA, Decision(same=8))
    assert other is not None
    assert other.outcome is Outcome.HELD
