"""What was undone is not proposed again because a person, or a class, has another id meanwhile; and an undo finds them by it."""

import pytest

from sisportal.models import Account, Action, KeptBack, SyncState
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Section
from sisportal.syncing import kept_under
from sisportal.syncing.deciding import Said, decide
from sisportal.syncing.releasing import release_guards
from tests.syncing.portal import WHO, Portal
from tests.syncing.test_remade_ids import say_all, say_one_by_one


def a_section(district: District) -> Section:
    """One with students and teachers to spare."""
    return next(s for s in district.sections if len(s.students) > 3 and len(s.teachers) > 1)


def take_out(district: District, section: Section, who: str) -> str:
    """Somebody of the section, a teacher or a student as ``who`` says, whom the SIS lists there no more."""
    gone = str(getattr(section, who)[-1])
    if who == "students":
        edits.withdraw(district, section.id, gone)
    else:
        edits.set_teachers(district, section.id, [id_ for id_ in section.teachers if id_ != gone])
    return gone


def remade(portal: Portal, district: District) -> tuple[int, dict[str, str]]:
    """Everybody gets another id and is said to be who they were: the committed sync, and the ids of now by those of before."""
    now = edits.remake_ids(district)
    sync_id = portal.prepare()
    say_all(portal, sync_id)
    say_one_by_one(portal, sync_id, now)
    release_guards(portal.engine, sync_id, WHO, portal.now)
    assert portal.commit(sync_id) is SyncState.COMMITTED
    return sync_id, now


def made_anew(portal: Portal, district: District, section: Section) -> tuple[int, Section]:
    """The section is dropped and listed under another id, and said to be the class that it was: the sync, and the section."""
    class_id = portal.class_of(section.id).id
    new = edits.add_section(district, section, section.students)
    new.name, new.sis_id, new.teachers = section.name, section.sis_id, list(section.teachers)
    edits.drop_section(district, section.id)
    sync_id = portal.prepare()
    [action] = portal.rows(Action, Action.sync_id == sync_id, Action.source_id == new.id)
    decide(portal.engine, sync_id, action.id, Said(same=class_id), WHO, portal.now)
    assert portal.commit(sync_id) is SyncState.COMMITTED
    assert portal.class_of(new.id).id == class_id
    return sync_id, new


@pytest.mark.parametrize("who", ["students", "teachers"])
def test_a_leave_that_was_undone_stays_undone_under_the_new_id(portal: Portal, district: District, who: str) -> None:
    section = a_section(district)
    portal.sync_all()
    was = take_out(district, section, who)
    portal.undo(portal.sync_all())

    moved, now = remade(portal, district)

    assert now[was] in portal.roster(section.id)
    assert portal.actions(portal.prepare()) == {}
    portal.undo(moved)
    assert was in portal.roster(section.id)
    assert portal.actions(portal.prepare()) == {}
    portal.propose_again()
    portal.sync_all()
    assert now[was] not in portal.roster(section.id)


@pytest.mark.parametrize("who", ["students", "teachers"])
def test_a_join_that_was_undone_stays_undone_under_the_new_id(
    quick_portal: Portal, district: District, who: str
) -> None:
    section, portal = a_section(district), quick_portal
    came = str(getattr(section, who)[-1])
    take_out(district, section, who)
    portal.sync_all()
    if who == "students":
        edits.enrol(district, section.id, came)
    else:
        edits.set_teachers(district, section.id, [*section.teachers, came])
    portal.undo(portal.sync_all())
    assert portal.actions(portal.prepare()) == {}

    _, now = remade(portal, district)

    assert now[came] not in portal.roster(section.id)
    assert portal.actions(portal.prepare()) == {}
    portal.propose_again()
    portal.sync_all()
    assert now[came] in portal.roster(section.id)


def test_a_value_that_was_undone_stays_undone_under_the_new_id(portal: Portal, district: District) -> None:
    student = next(p for p in district.people if p.student and not p.teacher)
    edits.change_email(district, student.id, "old@example.org")
    portal.sync_all()
    edits.change_email(district, student.id, "new@example.org")
    portal.undo(portal.sync_all())
    was = student.id

    moved, now = remade(portal, district)

    assert portal.account_of(now[was]).email == "old@example.org"
    assert portal.actions(portal.prepare()) == {}
    portal.undo(moved)
    assert portal.account_of(was).email == "old@example.org"
    assert portal.actions(portal.prepare()) == {}
    portal.propose_again()
    portal.sync_all()
    assert portal.account_of(now[was]).email == "new@example.org"


def test_what_was_undone_of_a_section_stays_undone_once_it_is_made_anew(portal: Portal, district: District) -> None:
    section = a_section(district)
    portal.sync_all()
    name, was = portal.class_of(section.id).name, take_out(district, section, "students")
    edits.rename_section(district, section.id, f"{section.name} renamed")
    portal.undo(portal.sync_all())

    moved, new = made_anew(portal, district, section)

    assert was in portal.roster(new.id)
    assert portal.class_of(new.id).name == name
    assert portal.actions(portal.prepare()) == {}
    portal.undo(moved)
    assert portal.actions(portal.prepare()) == {}
    assert was in portal.roster(section.id)


@pytest.mark.parametrize("who", ["students", "teachers"])
def test_an_undo_of_what_came_before_the_new_ids_finds_people_by_them(
    portal: Portal, district: District, who: str
) -> None:
    section = a_section(district)
    portal.sync_all()
    was = take_out(district, section, who)
    edits.rename_section(district, section.id, "Renamed as well")
    left = portal.sync_all()
    _, now = remade(portal, district)

    undo = portal.undo(left)

    assert now[was] in portal.roster(section.id)
    assert portal.actions(portal.prepare()) == {}
    portal.undo(undo)
    assert now[was] not in portal.roster(section.id)
    assert portal.actions(portal.prepare()) == {}
    assert portal.rows(KeptBack) == []
    portal.undo(left)
    portal.propose_again()
    portal.sync_all()
    assert now[was] not in portal.roster(section.id)


def test_what_is_unticked_of_such_an_undo_is_found_by_the_new_id_too(quick_portal: Portal, district: District) -> None:
    portal, section = quick_portal, a_section(district)
    portal.sync_all()
    first, second = take_out(district, section, "students"), take_out(district, section, "students")
    left = portal.sync_all()
    _, now = remade(portal, district)
    undo = portal.prepare_undo(left)
    [action] = portal.rows(Action, Action.sync_id == undo)
    assert sorted(action.roster["join"]) == sorted([now[first], now[second]])

    portal._change(Action, Action.id == action.id, roster=action.roster | {"unticked": [now[first]]})
    portal.commit(undo)

    assert (now[first] in portal.roster(section.id), now[second] in portal.roster(section.id)) == (False, True)
    assert portal.actions(portal.prepare()) == {}


def test_a_class_that_a_sync_made_goes_with_its_undo_though_its_people_have_new_ids(
    quick_portal: Portal, district: District
) -> None:
    portal, like = quick_portal, a_section(district)
    portal.sync_all()
    new = edits.add_section(district, like, like.students)
    made = portal.sync_all()
    remade(portal, district)
    class_id = portal.class_of(new.id).id

    undo = portal.undo(made)

    assert portal.warnings(undo) == []
    assert {row.id for row in portal.rows(Account) if row.archived_at} == set()
    assert new.id not in portal.classes(), "nobody came and nobody left since"
    assert portal.actions(portal.prepare()) == {}
    portal.propose_again()
    portal.sync_all()
    assert portal.class_of(new.id).id == class_id


def test_an_undo_of_a_value_from_before_the_new_id_is_kept_back_under_it(portal: Portal, district: District) -> None:
    student = next(p for p in district.people if p.student and not p.teacher)
    edits.change_email(district, student.id, "old@example.org")
    portal.sync_all()
    edits.change_email(district, student.id, "new@example.org")
    changed = portal.sync_all()
    was = student.id
    _, now = remade(portal, district)

    portal.undo(changed)

    assert portal.account_of(now[was]).email == "old@example.org"
    assert portal.actions(portal.prepare()) == {}
    assert {row.source_id for row in portal.rows(KeptBack)} == {now[was]}


def test_where_one_takes_the_id_that_another_gives_up_each_keeps_what_was_undone_of_it(
    quick_portal: Portal, district: District
) -> None:
    portal, (first, second) = quick_portal, [p.id for p in district.people if p.student and not p.teacher][:2]
    for id_, email in ((first, "one@old.example"), (second, "two@old.example")):
        edits.change_email(district, id_, email)
    portal.sync_all()
    for id_, email in ((first, "one@new.example"), (second, "two@new.example")):
        edits.change_email(district, id_, email)
    changed = portal.sync_all()
    portal.undo(changed)
    moves = {first: second, second: "another"}
    for was, now in moves.items():
        ids = {"before": {"identifiers": {"clever": was}}, "after": {"identifiers": {"clever": now}}}
        portal._change(Action, Action.sync_id == changed, Action.source_id == was, **ids)

    with writing(portal.engine).begin() as connection:
        kept_under.follow(connection, portal.connection_id, changed, "clever", is_undo=False)

    kept = {row.source_id: row.fields for row in portal.rows(KeptBack)}
    assert kept == {second: {"email": "one@new.example"}, "another": {"email": "two@new.example"}}


def test_an_undo_says_that_somebody_changed_a_value_by_hand_under_the_new_id(
    quick_portal: Portal, district: District
) -> None:
    portal, student = quick_portal, next(p for p in district.people if p.student and not p.teacher)
    was = student.id
    portal.sync_all()
    edits.change_email(district, was, "first@example.org")
    first = portal.sync_all()
    edits.change_email(district, was, "second@example.org")
    portal.sync_all()
    _, now = remade(portal, district)
    portal.edit_account(portal.account_of(now[was]).id, email="by.hand@example.org")

    undo = portal.prepare_undo(first)

    [(_, _, kept)] = portal.warnings(undo)
    assert kept.endswith(": changed since, by hand in the portal: E-mail")
