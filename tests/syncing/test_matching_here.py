"""Accounts and classes made by hand: found by the keys of the options, linked where it is certain, else held."""

import pytest
from sqlalchemy import insert

from sisportal.models import AccountLink, Action, MatchDecision, SchoolClass, SyncState
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person
from tests.syncing.portal import Portal


@pytest.fixture
def student(district: District) -> Person:
    """Somebody with a student number."""
    return next(p for p in district.people if p.student and p.student.number and p.first and p.email)


@pytest.fixture
def teacher(district: District) -> Person:
    return next(p for p in district.people if p.teacher and p.email and p.teacher.number)


def decide(portal: Portal, source_id: str, decision: str, target: int = 0) -> None:
    """What a person said of a doubtful match."""
    values = {"connection_id": portal.connection_id, "collection": "people", "source_id": source_id}
    values |= {"decision": decision, "target_id": target, "decided_at": portal.now}
    with writing(portal.engine).begin() as connection:
        connection.execute(insert(MatchDecision).values(values))


def of(portal: Portal, sync_id: int, source_id: str) -> Action:
    found: Action = portal.rows(Action, Action.sync_id == sync_id, Action.source_id == source_id)[0]
    return found


def test_an_account_made_by_hand_is_found_by_the_student_id(portal: Portal, student: Person) -> None:
    number = f" {student.as_student.number} "
    by_hand = portal.add_account(
        "student", "by.hand", first_name=student.first, last_name=student.last, student_id=number
    )

    sync_id = portal.prepare()

    action = of(portal, sync_id, student.id)
    assert (action.verb, action.target_id, action.held) == ("edit", by_hand, "")
    assert (action.before["identifiers"], action.after["identifiers"]) == ({"clever": ""}, {"clever": student.id})
    assert (action.evidence["rule"], action.evidence["key"]) == ("key", "student_id")
    assert portal.commit(sync_id) is SyncState.COMMITTED
    account = portal.account_of(student.id)
    assert (account.id, account.username, account.email, account.source) == (by_hand, "by.hand", student.email, "hand")
    section = next(s.id for s in portal.served.sandbox.district.sections if student.id in s.students)
    assert student.id in portal.roster(section)
    assert portal.actions(portal.prepare()) == {}


def test_a_teacher_is_found_by_the_email_address_whatever_its_case(quick_portal: Portal, teacher: Person) -> None:
    email = (teacher.email or "").upper()
    by_hand = quick_portal.add_account(
        "teacher", "by.hand", first_name=teacher.first, last_name=teacher.last, email=email
    )

    quick_portal.sync_all()

    assert quick_portal.account_of(teacher.id).id == by_hand
    assert quick_portal.actions(quick_portal.prepare()) == {}


def test_what_a_person_wrote_is_not_lost_when_the_account_is_linked(quick_portal: Portal, student: Person) -> None:
    names = {"first_name": student.first, "last_name": student.last, "middle_name": "By Hand"}
    quick_portal.add_account("student", "by.hand", student_id=student.as_student.number, **names)
    student.middle = ""

    quick_portal.sync_all()

    assert quick_portal.account_of(student.id).middle_name == "By Hand"


def test_a_student_never_matches_a_teacher(quick_portal: Portal, student: Person) -> None:
    by_hand = quick_portal.add_account(
        "teacher", "by.hand", last_name=student.last, student_id=student.as_student.number
    )

    quick_portal.sync_all()

    assert quick_portal.account_of(student.id).id != by_hand


def test_a_blank_matches_nobody(quick_portal: Portal, district: District) -> None:
    blank = next(p for p in district.people if p.student and not p.student.number)
    by_hand = quick_portal.add_account("student", "by.hand", first_name=blank.first, last_name=blank.last)

    sync_id = quick_portal.prepare()

    assert of(quick_portal, sync_id, blank.id).verb == "add"
    quick_portal.commit(sync_id)
    assert quick_portal.account_of(blank.id).id != by_hand


def test_the_same_name_grade_and_school_without_a_key_is_a_possible_duplicate(
    quick_portal: Portal, student: Person
) -> None:
    names = {"first_name": student.first, "last_name": student.last, "grade": student.as_student.grade}
    by_hand = quick_portal.add_account("student", "by.hand", **names)

    sync_id = quick_portal.prepare()

    assert of(quick_portal, sync_id, student.id).verb == "add"
    assert ("possible-duplicate", student.id, str(by_hand)) in quick_portal.warnings(sync_id)


HELD = {
    "several-candidates": [{"same": True}, {"same": True}],
    "names-disagree": [{"same": False}],
}


@pytest.mark.parametrize("reason", HELD)
def test_a_doubtful_match_is_held_and_nothing_is_made(quick_portal: Portal, student: Person, reason: str) -> None:
    for number, each in enumerate(HELD[reason]):
        name = (student.first, student.last) if each["same"] else ("Somebody", "Else")
        names = {"first_name": name[0], "last_name": name[1]}
        quick_portal.add_account("student", f"by.hand{number}", student_id=student.as_student.number, **names)

    sync_id = quick_portal.prepare()

    action = of(quick_portal, sync_id, student.id)
    assert (action.verb, action.held, action.target_id) == ("add", reason, None)
    assert len(action.evidence["candidates"]) == len(HELD[reason])
    assert {"type": "student", "reason": reason, "count": 1}.items() <= quick_portal.sync(sync_id).held[0].items()
    assert quick_portal.commit(sync_id) is SyncState.PARTLY_COMMITTED
    assert quick_portal.rows(AccountLink, AccountLink.source_id == student.id) == []
    assert quick_portal.sync(sync_id).note == "1 held, waiting for a decision."
    again = quick_portal.prepare()
    assert of(quick_portal, again, student.id).held == reason


def test_two_people_who_claim_one_account_are_both_held(
    quick_portal: Portal, district: District, student: Person
) -> None:
    other = next(p for p in district.people if p.student and p is not student)
    other.as_student.number = student.as_student.number
    other.first, other.last = student.first, student.last
    names = {"first_name": student.first, "last_name": student.last}
    quick_portal.add_account("student", "by.hand", student_id=student.as_student.number, **names)

    sync_id = quick_portal.prepare()

    assert {of(quick_portal, sync_id, p.id).held for p in (student, other)} <= {"claimed-twice", "names-disagree"}
    assert "claimed-twice" in {of(quick_portal, sync_id, p.id).held for p in (student, other)}


def test_an_account_of_another_id_is_not_taken_away(portal: Portal, district: District, student: Person) -> None:
    portal.sync_all()
    twin = next(p for p in district.people if p.student and p is not student)
    edits.leave(district, twin.id)
    twin.id = district.mint(twin.created)
    twin.as_student.number = student.as_student.number
    twin.first, twin.last = student.first, student.last
    district.put(twin)

    sync_id = portal.prepare()

    assert of(portal, sync_id, twin.id).held == "linked-elsewhere"


def test_a_wholly_different_name_under_the_same_id_is_held(
    quick_portal: Portal, district: District, student: Person
) -> None:
    quick_portal.sync_all()
    edits.rename_person(district, student.id, first="Xaveria", last="Quistorp")

    sync_id = quick_portal.prepare()

    assert of(quick_portal, sync_id, student.id).held == "identity-changed"
    quick_portal.commit(sync_id)
    assert quick_portal.account_of(student.id).first_name != "Xaveria"


def test_what_a_person_decided_counts_for_ever(quick_portal: Portal, student: Person) -> None:
    by_hand = quick_portal.add_account(
        "student", "by.hand", first_name="Somebody", last_name="Else", student_id=student.as_student.number
    )
    decide(quick_portal, student.id, "same", by_hand)

    quick_portal.sync_all()

    assert quick_portal.account_of(student.id).id == by_hand
    assert quick_portal.actions(quick_portal.prepare()) == {}


@pytest.mark.parametrize("decision", ["not-same", "create"])
def test_somebody_said_to_be_another_gets_an_account_of_their_own(
    quick_portal: Portal, student: Person, decision: str
) -> None:
    by_hand = quick_portal.add_account(
        "student", "by.hand", first_name="Somebody", last_name="Else", student_id=student.as_student.number
    )
    decide(quick_portal, student.id, decision, by_hand if decision == "not-same" else 0)

    sync_id = quick_portal.sync_all()

    assert of(quick_portal, sync_id, student.id).verb == "add"
    assert quick_portal.account_of(student.id).id != by_hand


def test_a_class_made_by_hand_is_found_by_its_name_and_keeps_its_guests(portal: Portal, district: District) -> None:
    section = next(s for s in district.sections if len(s.students) > 2)
    by_hand = portal.add_class(section.name.upper())
    guest = portal.add_account("student", "guest")
    portal.put_into_class(by_hand, guest)

    sync_id = portal.prepare()

    action = of(portal, sync_id, section.id)
    assert (action.verb, action.target_id) == ("edit", by_hand)
    assert set(action.roster["join"]) == {*section.teachers, *section.students}
    portal.commit(sync_id)
    held = portal.class_of(section.id)
    assert (held.id, held.name, held.style) == (by_hand, section.name, "instructor")
    assert set(portal.roster(section.id)) == {*section.teachers, *section.students, f"account {guest}"}
    assert portal.classes()[section.id]["teachers"] == section.teachers
    assert portal.actions(portal.prepare()) == {}


def test_two_classes_of_one_name_are_held(quick_portal: Portal, district: District) -> None:
    section = next(s for s in district.sections if s.students)
    for _ in range(2):
        quick_portal.add_class(section.name)

    sync_id = quick_portal.prepare()

    assert of(quick_portal, sync_id, section.id).held == "several-candidates"
    quick_portal.commit(sync_id)
    assert len(quick_portal.rows(SchoolClass, SchoolClass.source == "hand")) == 2
