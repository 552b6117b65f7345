"""A SIS that remakes all its ids: whoever is the same by number and full name is decided at once, and nobody else is."""

from typing import Any

import pytest
from sqlalchemy import event

from sisportal.models import (
    Account,
    AccountLink,
    Action,
    AuditEvent,
    MatchDecision,
    Membership,
    Pin,
    RecordKind,
    SyncState,
)
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.syncing import pins
from sisportal.syncing.deciding import Said, decide
from sisportal.syncing.deciding_all import agreeing, decide_agreeing
from sisportal.syncing.releasing import count_guarded, release_guards
from sisportal.syncing.replanning import known
from sisportal.syncing.states import NotAllowed
from tests.syncing.portal import WHO, Portal


def agree(portal: Portal, sync_id: int) -> list[str]:
    """Whoever could be decided at once, by the id of now."""
    with portal.engine.connect() as connection:
        return [each.incoming.record.source_id for each in agreeing(connection, known(connection, sync_id))]


def say_all(portal: Portal, sync_id: int) -> int:
    return decide_agreeing(portal.engine, sync_id, len(agree(portal, sync_id)), WHO, portal.now)


def waiting(portal: Portal, sync_id: int) -> set[str]:
    return {
        row.source_id
        for row in portal.rows(Action, Action.sync_id == sync_id)
        if row.held in {"linked-elsewhere", "listed-anew"}
    }


def say_one_by_one(portal: Portal, sync_id: int, now: dict[str, str]) -> None:
    """Of those who are left, that each is who they were."""
    was = {new: old for old, new in now.items()}
    for source_id in waiting(portal, sync_id):
        [action] = portal.rows(Action, Action.sync_id == sync_id, Action.source_id == source_id)
        decide(portal.engine, sync_id, action.id, Said(same=portal.account_of(was[source_id]).id), WHO, portal.now)


def links(portal: Portal) -> dict[int, str]:
    return {link.account_id: link.source_id for link in portal.rows(AccountLink)}


def places(portal: Portal) -> set[tuple[int, int, int]]:
    return {(p.class_id, p.account_id, p.position) for p in portal.rows(Membership) if p.ended_by_sync is None}


def test_the_same_accounts_go_on_under_the_new_ids_and_an_undo_brings_the_old_ones_back(
    portal: Portal, district: District
) -> None:
    portal.sync_all()
    before, was, in_classes = portal.exported(), links(portal), places(portal)
    now = edits.remake_ids(district)
    sync_id = portal.prepare()
    asked = len(waiting(portal, sync_id))

    said = say_all(portal, sync_id)

    assert asked > said > asked * 0.9, "namesakes are asked about one by one"
    left = waiting(portal, sync_id)
    assert len(left) == asked - said
    say_one_by_one(portal, sync_id, now)
    held = {row.type: row.held for row in portal.rows(Action, Action.sync_id == sync_id)}
    assert held == {"student": "guard-ids", "teacher": "guard-ids", "section": ""}, "no class loses anybody"
    with portal.engine.connect() as connection:
        assert count_guarded(connection, sync_id) == asked
    assert release_guards(portal.engine, sync_id, WHO, portal.now) == asked, (
        "that so many ids change is released by itself"
    )
    assert {verb for type_, verb, _ in portal.actions(sync_id)} == {"edit"}
    assert portal.commit(sync_id) is SyncState.COMMITTED
    assert links(portal) == {account: now[id_] for account, id_ in was.items()}
    assert [row for row in portal.rows(Account) if row.archived_at] == []
    assert places(portal) == in_classes
    assert portal.actions(portal.prepare()) == {}

    portal.undo(sync_id)

    assert links(portal) == was
    assert places(portal) == in_classes
    assert portal.exported() == before
    assert portal.actions(portal.prepare()) == {}


@pytest.mark.parametrize("how", ["held", "unticked"])
def test_whose_new_id_is_not_applied_keeps_account_and_classes_under_the_old_one(
    quick_portal: Portal, district: District, how: str
) -> None:
    quick_portal.sync_all()
    was, in_classes = links(quick_portal), places(quick_portal)
    now = edits.remake_ids(district)
    sync_id = quick_portal.prepare()
    say_all(quick_portal, sync_id)
    say_one_by_one(quick_portal, sync_id, now)
    if how == "unticked":
        release_guards(quick_portal.engine, sync_id, WHO, quick_portal.now)
        quick_portal.untick(sync_id, *now.values())

    quick_portal.commit(sync_id)

    assert links(quick_portal) == was
    assert places(quick_portal) == in_classes
    again = quick_portal.prepare()
    release_guards(quick_portal.engine, again, WHO, quick_portal.now)
    assert quick_portal.commit(again) is SyncState.COMMITTED
    assert links(quick_portal) == {account: now[id_] for account, id_ in was.items()}
    assert places(quick_portal) == in_classes
    assert quick_portal.actions(quick_portal.prepare()) == {}


@pytest.mark.parametrize("who", ["students", "teachers"])
def test_who_leaves_a_class_as_their_id_changes_is_out_of_it(
    quick_portal: Portal, district: District, who: str
) -> None:
    section = next(s for s in district.sections if len(s.students) > 2 and len(s.teachers) > 1)
    quick_portal.sync_all()
    before, was = quick_portal.exported(), getattr(section, who)[-1]
    account, others = quick_portal.account_of(was), len(quick_portal.roster(section.id)) - 1
    now = edits.remake_ids(district)
    if who == "students":
        edits.withdraw(district, section.id, now[was])
    else:
        edits.set_teachers(district, section.id, [id_ for id_ in section.teachers if id_ != now[was]])
    sync_id = quick_portal.prepare()
    say_all(quick_portal, sync_id)
    say_one_by_one(quick_portal, sync_id, now)
    release_guards(quick_portal.engine, sync_id, WHO, quick_portal.now)

    assert quick_portal.commit(sync_id) is SyncState.COMMITTED

    assert quick_portal.account_of(now[was]).id == account.id
    roster = quick_portal.roster(section.id)
    assert (now[was] in roster, len(roster)) == (False, others)
    assert quick_portal.actions(quick_portal.prepare()) == {}
    quick_portal.undo(sync_id)
    assert quick_portal.exported() == before
    assert quick_portal.actions(quick_portal.prepare()) == {}


def test_it_is_in_the_audit_log_remembered_for_ever_and_counted(quick_portal: Portal, district: District) -> None:
    quick_portal.sync_all()
    edits.remake_ids(district)
    sync_id = quick_portal.prepare()
    who = agree(quick_portal, sync_id)

    say_all(quick_portal, sync_id)

    assert {row.source_id for row in quick_portal.rows(MatchDecision, MatchDecision.decision == "same")} == set(who)
    [line] = quick_portal.rows(AuditEvent, AuditEvent.event == "matches-decided")
    assert (line.actor, line.details["same"]) == (WHO.name, len(who))
    rows = quick_portal.rows(Action, Action.sync_id == sync_id)
    counted = {
        (type_, verb): numbers["planned"]
        for type_, verbs in quick_portal.sync(sync_id).counts.items()
        for verb, numbers in verbs.items()
    }
    assert counted == {key: sum((row.type, row.verb) == key for row in rows) for key in counted}
    assert sum(counted.values()) == len(rows)
    again = quick_portal.prepare()
    assert set(who).isdisjoint(waiting(quick_portal, again)), "what was said is remembered"


@pytest.mark.parametrize(
    ("field", "value"),
    [("first", "Somebodyelse"), ("birth_date", "2001-02-03"), ("state_id", "another"), ("number", "987654")],
)
def test_whoever_differs_in_anything_known_stays_to_be_decided_one_by_one(
    quick_portal: Portal, district: District, field: str, value: str
) -> None:
    quick_portal.sync_all()
    now = edits.remake_ids(district)
    before = agree(quick_portal, quick_portal.prepare())
    person = next(p for p in district.people if p.student and p.id in before)
    district.note(person)
    setattr(person if field == "first" else person.as_student, field, value)

    sync_id = quick_portal.prepare()

    assert person.id in now.values()
    assert sorted(agree(quick_portal, sync_id)) == sorted({*before} - {person.id})
    say_all(quick_portal, sync_id)
    assert next(iter(quick_portal.rows(Action, Action.sync_id == sync_id, Action.source_id == person.id))).verb == "add"


def test_another_number_than_the_one_that_is_shown_changes_nothing(quick_portal: Portal, district: District) -> None:
    quick_portal.sync_all()
    edits.remake_ids(district)
    sync_id = quick_portal.prepare()
    was = quick_portal.everything()

    with pytest.raises(NotAllowed, match="type that number"):
        decide_agreeing(quick_portal.engine, sync_id, 3, WHO, quick_portal.now)

    assert quick_portal.everything() == was


def test_what_somebody_changed_by_hand_stays_pinned_under_the_new_id(quick_portal: Portal, district: District) -> None:
    quick_portal.sync_all()
    edits.remake_ids(district)
    sync_id = quick_portal.prepare()
    chosen = agree(quick_portal, sync_id)[0]
    [action] = quick_portal.rows(Action, Action.sync_id == sync_id, Action.source_id == chosen)
    account_id = action.evidence["candidates"][0]["id"]
    quick_portal.edit_account(account_id, email="by.hand@example.org")
    with writing(quick_portal.engine).begin() as connection:
        pins.edited(connection, RecordKind.ACCOUNT, account_id, ["email"], WHO, quick_portal.now)
    sync_id = quick_portal.prepare()

    say_all(quick_portal, sync_id)
    release_guards(quick_portal.engine, sync_id, WHO, quick_portal.now)
    quick_portal.commit(sync_id)

    account = quick_portal.account_of(chosen)
    assert (account.id, account.email) == (account_id, "by.hand@example.org")
    assert [(pin.source_id, pin.field) for pin in quick_portal.rows(Pin)] == [(chosen, "email")]
    assert ("student", "edit", chosen) not in quick_portal.actions(quick_portal.prepare())


def test_all_of_them_take_as_few_statements_as_a_few(quick_portal: Portal, district: District) -> None:
    quick_portal.sync_all()
    edits.remake_ids(district)
    sync_id = quick_portal.prepare()
    number, made = len(agree(quick_portal, sync_id)), list[str]()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        made.append(statement)

    event.listen(quick_portal.engine, "before_cursor_execute", note)
    decide_agreeing(quick_portal.engine, sync_id, number, WHO, quick_portal.now)
    event.remove(quick_portal.engine, "before_cursor_execute", note)

    assert number > 50
    assert len(made) < 40, "\n".join(each[:100] for each in made)
