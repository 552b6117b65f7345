"""Deciding a doubtful match: remembered for ever, and the prepared plan can be committed without another prepare."""

from typing import Any

import pytest

from sisportal.models import Account, AccountLink, Action, AuditEvent, MatchDecision, Membership, SyncState
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person
from sisportal.syncing.choosing import choose_fields, choose_value
from sisportal.syncing.deciding import Said, decide
from sisportal.syncing.states import NotAllowed
from tests.syncing.portal import WHO, Portal


@pytest.fixture
def student(district: District) -> Person:
    """Somebody with a student number who attends a section."""
    return next(p for p in district.people if p.student and p.student.number and district.taught_or_attended(p.id))


def by_hand(portal: Portal, person: Person, number: int = 0, *, named: bool = True, **values: Any) -> int:
    """An account made by hand that has the student's number."""
    names = {"first_name": person.first, "last_name": person.last} if named else {"last_name": "Quistorp"}
    given = names | {"student_id": person.as_student.number, **values}
    return portal.add_account("student", f"by.hand{number}", **given)


def of(portal: Portal, sync_id: int, source_id: str, verb: str = "") -> Any:
    rows = portal.rows(Action, Action.sync_id == sync_id, Action.source_id == source_id)
    return next(row for row in rows if verb in {"", row.verb})


def say(portal: Portal, sync_id: int, source_id: str, **said: Any) -> Any:
    decide(portal.engine, sync_id, of(portal, sync_id, source_id).id, Said(**said), WHO, portal.now)
    return of(portal, sync_id, source_id)


def committed(portal: Portal, sync_id: int, source_id: str) -> Any:
    """The account after the commit; nothing is left to do."""
    assert portal.commit(sync_id) is SyncState.COMMITTED, portal.sync(sync_id).note
    assert portal.actions(portal.prepare()) == {}
    return portal.account_of(source_id)


def places(portal: Portal, account_id: int) -> set[int]:
    where = (Membership.account_id == account_id, Membership.ended_by_sync.is_(None))
    return {row.class_id for row in portal.rows(Membership, *where)}


def test_the_same_person_is_linked_and_takes_their_places(portal: Portal, student: Person) -> None:
    chosen, other = by_hand(portal, student, 1), by_hand(portal, student, 2)
    sync_id = portal.prepare()
    before = portal.sync(sync_id).counts["student"]["add"]["planned"]

    action = say(portal, sync_id, student.id, same=chosen)

    assert (action.verb, action.held, action.target_id, action.evidence["rule"]) == ("edit", "", chosen, "decided")
    sync = portal.sync(sync_id)
    assert (sync.held, sync.counts["student"]["add"]["planned"], sync.counts["student"]["edit"]) == (
        [], before - 1, {"planned": 1},
    )  # fmt: skip
    account = committed(portal, sync_id, student.id)
    assert (account.id, account.username) == (chosen, "by.hand1")
    sections = portal.served.sandbox.district.taught_or_attended(student.id)
    assert places(portal, chosen) == {portal.class_of(section.id).id for section in sections}
    assert places(portal, other) == set()
    assert [row.details["same"] for row in portal.rows(AuditEvent, AuditEvent.event == "match-decided")] == [chosen]


def test_somebody_new_gets_an_account_with_a_username_that_nobody_has(portal: Portal, student: Person) -> None:
    held = by_hand(portal, student, named=False)
    portal.edit_account(held, username=student.email)
    sync_id = portal.prepare()

    action = say(portal, sync_id, student.id, create=True)

    assert (action.verb, action.held, action.target_id) == ("add", "", None)
    assert action.after["username"] != student.email
    account = committed(portal, sync_id, student.id)
    assert (account.id != held, account.username) == (True, action.after["username"])


def test_ruling_out_all_but_one_links_that_one_and_ruling_out_all_makes_a_new_one(
    quick_portal: Portal, student: Person
) -> None:
    one, two = by_hand(quick_portal, student, 1), by_hand(quick_portal, student, 2)
    sync_id = quick_portal.prepare()

    action = say(quick_portal, sync_id, student.id, not_same=(one,))
    assert (action.verb, action.target_id, action.held, action.evidence["rule"]) == ("edit", two, "", "key")
    action = say(quick_portal, sync_id, student.id, not_same=(two,))
    assert (action.verb, action.target_id, action.held) == ("add", None, "")

    assert committed(quick_portal, sync_id, student.id).id not in {one, two}
    said = [(row.decision, row.target_id) for row in quick_portal.rows(MatchDecision)]
    assert said == [("not-same", one), ("not-same", two)]


def test_where_more_remain_it_is_still_held(quick_portal: Portal, student: Person) -> None:
    first, *rest = [by_hand(quick_portal, student, number) for number in range(3)]
    sync_id = quick_portal.prepare()

    action = say(quick_portal, sync_id, student.id, not_same=(first,))

    assert action.held == "several-candidates"
    assert [each["id"] for each in action.evidence["candidates"]] == rest
    assert quick_portal.sync(sync_id).held[0]["count"] == 1


def test_a_decision_counts_as_much_in_the_next_plan(quick_portal: Portal, student: Person) -> None:
    by_hand(quick_portal, student, 1)
    chosen = by_hand(quick_portal, student, 2)
    sync_id = quick_portal.prepare()
    here = say(quick_portal, sync_id, student.id, same=chosen)

    again = of(quick_portal, quick_portal.prepare(), student.id)

    for name in ("verb", "target_id", "before", "after", "held", "evidence", "fingerprint"):
        assert getattr(again, name) == getattr(here, name), name


def test_link_instead_turns_a_possible_duplicate_into_a_link(quick_portal: Portal, student: Person) -> None:
    twin = by_hand(quick_portal, student, student_id="", grade=student.as_student.grade)
    sync_id = quick_portal.prepare()
    assert ("possible-duplicate", student.id, str(twin)) in quick_portal.warnings(sync_id)

    say(quick_portal, sync_id, student.id, same=twin)

    assert "possible-duplicate" not in {code for code, _, _ in quick_portal.warnings(sync_id)}
    assert committed(quick_portal, sync_id, student.id).id == twin


def test_two_cannot_be_one(quick_portal: Portal, district: District, student: Person) -> None:
    other = next(p for p in district.people if p.student and p is not student)
    other.as_student.number, other.first, other.last = student.as_student.number, student.first, student.last
    held = by_hand(quick_portal, student)
    sync_id = quick_portal.prepare()
    say(quick_portal, sync_id, student.id, same=held)

    with pytest.raises(NotAllowed, match="two cannot be one"):
        say(quick_portal, sync_id, other.id, same=held)
    say(quick_portal, sync_id, other.id, create=True)

    assert committed(quick_portal, sync_id, student.id).id == held
    assert quick_portal.account_of(other.id).id != held


def test_an_account_moves_to_another_id_when_its_own_is_gone(
    portal: Portal, district: District, student: Person
) -> None:
    """As where a district deletes a person and makes them again: nobody is archived, no place is lost."""
    portal.sync_all()
    account = portal.account_of(student.id)
    before = places(portal, account.id)
    sections = [section.id for section in district.taught_or_attended(student.id)]
    edits.leave(district, student.id)
    was, student.id = student.id, district.mint(student.created)
    district.put(student)
    for section in sections:
        edits.enrol(district, section, student.id)
    sync_id = portal.prepare()
    assert (of(portal, sync_id, student.id).held, of(portal, sync_id, was).verb) == ("linked-elsewhere", "delete")

    action = say(portal, sync_id, student.id, same=account.id)

    assert (action.before["identifiers"], action.after["identifiers"]) == ({"clever": was}, {"clever": student.id})
    assert was not in portal.states(sync_id)
    again = portal.prepare()
    assert ("student", "delete", was) not in portal.actions(again)
    now = committed(portal, again, student.id)
    assert (now.id, now.archived_at, places(portal, now.id)) == (account.id, None, before)
    assert portal.rows(AccountLink, AccountLink.source_id == was) == []


def test_an_account_is_not_taken_from_somebody_who_is_still_listed(
    quick_portal: Portal, district: District, student: Person
) -> None:
    quick_portal.sync_all()
    account = quick_portal.account_of(student.id)
    twin = next(p for p in district.people if p.student and p is not student)
    edits.leave(district, twin.id)
    twin.id, twin.as_student.number = district.mint(twin.created), student.as_student.number
    district.put(twin)
    sync_id = quick_portal.prepare()

    with pytest.raises(NotAllowed, match="which the SIS still lists"):
        say(quick_portal, sync_id, twin.id, same=account.id)

    assert quick_portal.rows(MatchDecision) == []
    assert of(quick_portal, sync_id, twin.id).held == "linked-elsewhere"


@pytest.fixture
def renamed(portal: Portal, district: District, student: Person) -> int:
    """A committed student whose id the SIS then gives a wholly other name; the sync that holds that."""
    portal.sync_all()
    edits.rename_person(district, student.id, first="Xaveria", last="Quistorp")
    sync_id = portal.prepare()
    assert of(portal, sync_id, student.id).held == "identity-changed"
    return sync_id


def test_the_same_person_under_another_name_is_renamed(portal: Portal, student: Person, renamed: int) -> None:
    account = portal.account_of(student.id)

    action = say(portal, renamed, student.id, same=account.id)

    assert (action.verb, action.held) == ("edit", "")
    now = committed(portal, renamed, student.id)
    assert (now.id, now.first_name, now.last_name) == (account.id, "Xaveria", "Quistorp")


@pytest.mark.parametrize("again", [False, True], ids=["in-place", "prepared-again"])
@pytest.mark.parametrize("said", ["not_same", "create"])
def test_another_person_under_the_same_id_gets_an_account_of_their_own(
    portal: Portal, student: Person, renamed: int, said: str, again: bool
) -> None:
    account = portal.account_of(student.id)
    before = places(portal, account.id)
    action = say(portal, renamed, student.id, **{said: True if said == "create" else (account.id,)})
    assert (action.verb, action.held, action.before) == ("add", "", {"replaces": account.id})

    now = committed(portal, portal.prepare() if again else renamed, student.id)

    assert (now.id != account.id, now.last_name, places(portal, now.id)) == (True, "Quistorp", before)
    old = next(row for row in portal.rows(Account) if row.id == account.id)
    assert (old.archived_at is not None, old.last_name, places(portal, old.id)) == (True, account.last_name, set())
    # The next wholly other name is a question again.
    edits.rename_person(portal.served.sandbox.district, student.id, first="Bogumil", last="Zwentibold")
    assert of(portal, portal.prepare(), student.id).held == "identity-changed"


@pytest.mark.parametrize("from_sis", [True, False])
def test_of_a_field_changed_on_both_sides_a_person_chooses_the_value(
    quick_portal: Portal, district: District, student: Person, from_sis: bool
) -> None:
    portal = quick_portal
    portal.sync_all()
    account = portal.account_of(student.id)
    portal.edit_account(account.id, email="here@example.org")
    edits.change_email(district, student.id, "there@example.org")
    sync_id = portal.prepare()
    assert of(portal, sync_id, student.id).held == "changed-on-both"

    choose_value(portal.engine, sync_id, of(portal, sync_id, student.id).id, from_sis, WHO, portal.now)

    assert portal.sync(sync_id).held == []
    chosen = [row.details["value"] for row in portal.rows(AuditEvent, AuditEvent.event == "value-chosen")]
    assert chosen == ["sis" if from_sis else "portal"]
    assert committed(portal, sync_id, student.id).email == ("there@example.org" if from_sis else "here@example.org")
    edits.change_email(district, student.id, "later@example.org")
    held = of(portal, portal.prepare(), student.id).held
    assert held == ("" if from_sis else "changed-on-both"), (
        "the next change there is a question where the value was kept"
    )


def test_of_each_field_changed_on_both_sides_another_side_may_be_taken(
    quick_portal: Portal, district: District, student: Person
) -> None:
    portal = quick_portal
    portal.sync_all()
    portal.edit_account(portal.account_of(student.id).id, email="here@example.org", last_name="Here")
    edits.change_email(district, student.id, "there@example.org")
    edits.rename_person(district, student.id, first=student.first, last="There")
    sync_id = portal.prepare()
    action = of(portal, sync_id, student.id)

    with pytest.raises(NotAllowed, match=r"grade\. In question: email, last_name"):
        choose_fields(portal.engine, sync_id, action.id, "sis", ["email", "grade"], WHO, portal.now)
    assert choose_fields(portal.engine, sync_id, action.id, "sis", ["email"], WHO, portal.now) == ["last_name"]
    held = of(portal, sync_id, student.id)
    assert (held.held, held.after) == ("changed-on-both", action.after), "nothing is decided in part"
    assert choose_fields(portal.engine, sync_id, action.id, "portal", ["last_name"], WHO, portal.now) == []

    assert portal.sync(sync_id).held == []
    account = committed(portal, sync_id, student.id)
    assert (account.email, account.last_name) == ("there@example.org", "Here")
    told = [
        (row.details["fields"], row.details["value"])
        for row in portal.rows(AuditEvent, AuditEvent.event == "value-chosen")
    ]
    assert told == [(["email"], "sis"), (["email", "last_name"], "mixed")]


@pytest.mark.parametrize("said", ["same", "create", "not_same"])
def test_a_section_held_between_two_classes_is_decided_with_its_roster(
    portal: Portal, district: District, said: str
) -> None:
    section = next(s for s in district.sections if len(s.students) > 2 and s.teachers)
    one, two = portal.add_class(section.name), portal.add_class(section.name)
    sync_id = portal.prepare()
    assert of(portal, sync_id, section.id).held == "several-candidates"

    answers: dict[str, Any] = {"same": two, "create": True, "not_same": (one,)}
    action = say(portal, sync_id, section.id, **{said: answers[said]})

    assert (action.verb, action.held) == ("add" if said == "create" else "edit", "")
    assert portal.commit(sync_id) is SyncState.COMMITTED
    class_ = portal.class_of(section.id)
    assert (class_.id in {one, two}, class_.id == two) == (said != "create", said != "create")
    assert set(portal.roster(section.id)) == {*section.teachers, *section.students}
    assert portal.actions(portal.prepare()) == {}


def test_what_is_no_doubtful_match_cannot_be_decided(quick_portal: Portal, student: Person) -> None:
    by_hand(quick_portal, student, 1), by_hand(quick_portal, student, 2)
    teacher = quick_portal.add_account("teacher", "by.hand.teacher")
    sync_id = quick_portal.prepare()

    for said, why in (
        (Said(same=teacher), "no account"),
        (Said(same=9_999), "no account"),
        (Said(not_same=(9_999,)), "none of"),
    ):
        with pytest.raises(NotAllowed, match=why):
            decide(quick_portal.engine, sync_id, of(quick_portal, sync_id, student.id).id, said, WHO, quick_portal.now)
    with pytest.raises(NotAllowed, match="has no action"):
        decide(quick_portal.engine, sync_id, 99_999, Said(create=True), WHO, quick_portal.now)
    quick_portal.option("blanks", "replace")
    with pytest.raises(NotAllowed, match="Prepare again"):
        say(quick_portal, sync_id, student.id, create=True)
    assert quick_portal.rows(MatchDecision) == []


def test_with_adds_left_out_somebody_new_leaves_the_plan(quick_portal: Portal, student: Person) -> None:
    quick_portal.sync_all()
    account = quick_portal.account_of(student.id)
    edits.rename_person(quick_portal.served.sandbox.district, student.id, first="Xaveria", last="Quistorp")
    quick_portal.option("changes", "edits,deletes")
    sync_id = quick_portal.prepare()

    decide(
        quick_portal.engine, sync_id, of(quick_portal, sync_id, student.id).id, Said(create=True), WHO, quick_portal.now
    )

    assert (quick_portal.actions(sync_id), quick_portal.sync(sync_id).counts) == ({}, {})
    assert quick_portal.account_of(student.id).id == account.id
