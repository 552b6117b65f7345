"""Guards: each threshold from both sides, and which actions wait."""

import pytest

from sisportal.roster.guards import Counted, Guard, GuardedAction, Hold, class_hold, evaluate, scope_holds
from sisportal.roster.options import Options


def guards(counted: Counted, options: Options | None = None, *, first_sync: bool = False) -> list[Guard]:
    return [hold.guard for hold in scope_holds("student", "h1", counted, options or Options(), first_sync=first_sync)]


@pytest.mark.parametrize(
    ("held", "deletes", "holds"),
    [
        (100, 10, False),
        (100, 11, True),
        (1000, 50, False),
        (1000, 51, True),
        (4, 4, False),
        (5, 2, False),
        (5, 3, True),
        (29, 3, True),
        (30, 3, False),
        (0, 3, False),
        (100, 0, False),
    ],
)
def test_deletes_are_held_above_a_share_or_a_number(held: int, deletes: int, *, holds: bool) -> None:
    assert guards(Counted(held, deletes=deletes)) == ([Guard.DELETES] if holds else [])


@pytest.mark.parametrize(
    ("held", "adds", "holds"), [(100, 25, False), (100, 26, True), (19, 19, False), (20, 5, False), (20, 6, True)]
)
def test_adds_are_held_above_a_share_but_not_at_the_first_sync(held: int, adds: int, *, holds: bool) -> None:
    assert guards(Counted(held, adds=adds)) == ([Guard.ADDS] if holds else [])
    assert guards(Counted(held, adds=adds), first_sync=True) == []


@pytest.mark.parametrize(("held", "changed", "holds"), [(100, 5, False), (100, 6, True), (10, 1, True), (0, 1, False)])
def test_changed_ids_are_held_above_a_share(held: int, changed: int, *, holds: bool) -> None:
    assert guards(Counted(held, changed_ids=changed)) == ([Guard.IDS] if holds else [])


def test_thresholds_are_those_of_the_options() -> None:
    strict = Options(guard_deletes_percent=0, guard_deletes_from=1, guard_deletes_least=0, guard_adds_percent=0)
    assert guards(Counted(100, deletes=1), strict) == [Guard.DELETES]
    assert guards(Counted(100, deletes=0), strict) == []
    assert guards(Counted(100, adds=1), strict) == [Guard.ADDS]
    lax = Options(guard_deletes_percent=100, guard_deletes_count=1000, guard_adds_percent=10_000, guard_ids_percent=100)
    assert guards(Counted(100, 100, 500, 100), lax) == []


@pytest.mark.parametrize(
    ("students", "leaving", "holds"), [(10, 5, False), (10, 6, True), (4, 4, False), (5, 3, True), (5, 2, False)]
)
def test_a_class_that_loses_more_than_half_is_held(students: int, leaving: int, *, holds: bool) -> None:
    action = GuardedAction(7, "section", "edit", students=students, leaving=leaving)
    assert (class_hold(action, Options()) is not None) == holds


def test_holds_say_what_why_and_how_many() -> None:
    holds = scope_holds("student", "h1", Counted(1200, 214, 600, 61), Options())
    assert holds == [
        Hold(Guard.DELETES, "student", "h1", "214 of 1,200 students would be archived, more than 10 %.", 214),
        Hold(Guard.ADDS, "student", "h1", "600 students would be added to 1,200, more than 25 %.", 600),
        Hold(Guard.IDS, "student", "h1", "The ids of 61 of 1,200 students would change, more than 5 %.", 61),
    ]
    assert scope_holds("section", "", Counted(2000, 51), Options())[0].reason == (
        "51 of 2,000 classes would be archived, more than 50."
    )


def test_only_the_guarded_actions_of_the_school_and_type_are_held() -> None:
    actions = [
        *(GuardedAction(index, "student", "delete", "h1") for index in range(4)),
        GuardedAction(10, "student", "edit", "h1"),
        GuardedAction(11, "student", "add", "h1"),
        GuardedAction(12, "student", "delete", "h2"),
        GuardedAction(13, "teacher", "delete", "h1"),
        GuardedAction(14, "section", "edit", "h1", students=10, leaving=6),
        GuardedAction(15, "section", "delete", "h1", students=10, leaving=10),
        GuardedAction(16, "teacher", "edit", "h1", changes_id=True),
        GuardedAction(17, "teacher", "edit", "h2", changes_id=True, names_disagree=True),
    ]
    held = {
        ("student", "h1"): 20,
        ("student", "h2"): 20,
        ("teacher", "h1"): 20,
        ("teacher", "h2"): 20,
        ("section", "h1"): 20,
    }
    assert [
        (hold.guard, hold.type, hold.scope, hold.count, hold.actions) for hold in evaluate(actions, held, Options())
    ] == [
        (Guard.CLASS, "section", "14", 6, (14,)),
        (Guard.ID_NAMES, "teacher", "17", 1, (17,)),
        (Guard.DELETES, "student", "h1", 4, (0, 1, 2, 3)),
    ]


def test_reactivations_count_as_adds() -> None:
    actions = [GuardedAction(index, "student", verb, "h1") for index, verb in enumerate(["add", "reactivate"] * 3)]
    assert [hold.actions for hold in evaluate(actions, {("student", "h1"): 20}, Options())] == [(0, 1, 2, 3, 4, 5)]
    assert evaluate(actions, {("student", "h1"): 20}, Options(), first_sync=True) == []
    assert evaluate(actions, {}, Options()) == []
