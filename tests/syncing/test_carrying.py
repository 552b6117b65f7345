"""Prepare again, keep my ticks: decisions that still mean the same go over to the newer plan."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from sisportal.models import Action
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.syncing import running
from sisportal.syncing.choosing import choose_fields, choose_value
from sisportal.syncing.prepare import prepare, request_sync
from sisportal.syncing.releasing import release_guards
from sisportal.syncing.review import Who, tick
from sisportal.syncing.states import NotAllowed
from tests.syncing.portal import WHO, Portal


def prepare_again(portal: Portal, older: int) -> int:
    """A newer plan that keeps the ticks of the older one."""
    sync_id = request_sync(portal.engine, portal.connection_id, portal.now, keep_ticks_of=older)
    prepare(portal.engine, sync_id, portal.open_provider, lambda: portal.now)
    return sync_id


def unticked(portal: Portal, sync_id: int) -> set[str]:
    """Whom the plan leaves out."""
    with portal.engine.connect() as connection:
        chosen = select(Action.source_id).where(Action.sync_id == sync_id, Action.ticked.is_(False))
        return set(connection.scalars(chosen))


def test_what_was_unticked_stays_unticked_where_it_still_means_the_same(
    quick_portal: Portal, district: District
) -> None:
    same, renamed, left = [person.id for person in district.people if person.student][:3]
    older = quick_portal.prepare()
    quick_portal.untick(older, same, renamed, left)
    edits.rename_person(district, renamed, last="Another")
    edits.leave(district, left)

    newer = prepare_again(quick_portal, older)

    assert unticked(quick_portal, newer) == {same}


def test_single_places_in_rosters_stay_unticked_while_they_are_planned(
    quick_portal: Portal, district: District
) -> None:
    section = next(each for each in district.sections if len(each.students) > 1)
    out, gone = section.students[:2]
    older = quick_portal.prepare()
    with writing(quick_portal.engine).begin() as connection:
        chosen = (Action.sync_id == older, Action.source_id == section.id)
        roster = connection.scalars(select(Action.roster).where(*chosen)).one()
        connection.execute(update(Action).where(*chosen).values(roster=roster | {"unticked": [out, gone]}))
    edits.withdraw(district, section.id, gone)

    newer = prepare_again(quick_portal, older)

    with quick_portal.engine.connect() as connection:
        chosen = (Action.sync_id == newer, Action.source_id == section.id)
        assert connection.scalars(select(Action.roster).where(*chosen)).one()["unticked"] == [out]


def test_without_asking_every_action_is_ticked_again(quick_portal: Portal, district: District) -> None:
    somebody = next(person.id for person in district.people if person.student)
    older = quick_portal.prepare()
    quick_portal.untick(older, somebody)

    assert unticked(quick_portal, quick_portal.prepare()) == set()


def carried(portal: Portal, sync_id: int) -> dict[str, Any]:
    """What the newer plan keeps of what went over from the older one."""
    found: list[dict[str, Any]] = portal.sync(sync_id).request["carried"]
    return found[0]


def test_what_could_not_go_over_is_told_with_the_reason(quick_portal: Portal, district: District) -> None:
    same, renamed, left = [person.id for person in district.people if person.student][:3]
    older = quick_portal.prepare()
    quick_portal.untick(older, same, renamed, left)
    labels = {row.source_id: row.label for row in quick_portal.rows(Action, Action.sync_id == older)}
    edits.rename_person(district, renamed, last="Another")
    edits.leave(district, left)

    found = carried(quick_portal, prepare_again(quick_portal, older))

    assert (found["older"], found["unticked"], found["lost"]) == (older, 1, 2)
    assert {(each["label"], each["why"]) for each in found["examples"]} == {
        (labels[renamed], "planned-otherwise"),
        (labels[left], "not-planned"),
    }


def changed_twice(portal: Portal, district: District) -> str:
    """A student whose last name and e-mail address were changed here and in the SIS."""
    portal.sync_all()
    student = next(p.id for p in district.people if p.student and p.email)
    portal.edit_account(portal.account_of(student).id, last_name="Here", email="here@example.org")
    edits.rename_person(district, student, last="There")
    edits.change_email(district, student, "there@example.org")
    return student


@pytest.mark.parametrize("from_sis", [True, False, frozenset({"email"})])
def test_a_chosen_value_goes_over_while_its_three_values_are_the_same(
    quick_portal: Portal, district: District, from_sis: bool | frozenset[str]
) -> None:
    student = changed_twice(quick_portal, district)
    older = quick_portal.prepare()
    action = quick_portal.actions(older)["student", "edit", student]
    choose_value(quick_portal.engine, older, action.id, from_sis, WHO, quick_portal.now)
    decided = quick_portal.actions(older)["student", "edit", student]

    newer = prepare_again(quick_portal, older)

    again = quick_portal.actions(newer)["student", "edit", student]
    assert (again.held, again.before, again.after, again.evidence) == (
        "", decided.before, decided.after, decided.evidence,
    )  # fmt: skip
    assert (carried(quick_portal, newer)["chosen"], carried(quick_portal, newer)["lost"]) == (1, 0)
    quick_portal.now += timedelta(minutes=1)
    quick_portal.commit(newer)
    account = quick_portal.account_of(student)
    assert (account.last_name, account.email) == (
        "There" if from_sis is True else "Here", "there@example.org" if from_sis else "here@example.org",
    )  # fmt: skip
    assert quick_portal.actions(quick_portal.prepare()) == {}


def test_a_value_that_changed_once_more_is_asked_again(quick_portal: Portal, district: District) -> None:
    student = changed_twice(quick_portal, district)
    older = quick_portal.prepare()
    action = quick_portal.actions(older)["student", "edit", student]
    choose_value(quick_portal.engine, older, action.id, True, WHO, quick_portal.now)
    edits.rename_person(district, student, last="Elsewhere")

    newer = prepare_again(quick_portal, older)

    assert quick_portal.actions(newer)["student", "edit", student].held == "changed-on-both"
    found = carried(quick_portal, newer)
    assert (found["chosen"], found["lost"]) == (0, 1)
    assert [each["why"] for each in found["examples"]] == ["changed-again"]


def test_what_was_said_of_some_fields_goes_over_and_the_others_are_still_asked(
    quick_portal: Portal, district: District
) -> None:
    quick_portal.sync_all()
    one = next(person for person in district.people if person.student)
    quick_portal.edit_account(quick_portal.account_of(one.id).id, last_name="By Hand", grade="3")
    edits.rename_person(district, one.id, last="By The SIS")
    district.note(one)
    one.as_student.grade = "7"
    older = quick_portal.prepare()
    before = quick_portal.actions(older)["student", "edit", one.id]
    assert choose_fields(quick_portal.engine, older, before.id, "sis", ["grade"], WHO, quick_portal.now) == [
        "last_name"
    ]

    newer = prepare_again(quick_portal, older)

    action = quick_portal.actions(newer)["student", "edit", one.id]
    assert (action.held, action.evidence["said"]) == ("changed-on-both", {"grade": "sis"})
    assert choose_fields(quick_portal.engine, newer, action.id, "portal", ["last_name"], WHO, quick_portal.now) == []
    quick_portal.commit(newer)
    account = quick_portal.account_of(one.id)
    assert (account.last_name, account.grade) == ("By Hand", "7")


def test_who_unticked_it_is_known_in_the_newer_plan_too(quick_portal: Portal, district: District) -> None:
    ada = Who("ada", quick_portal.add_administrator())
    one = next(person.id for person in district.people if person.student)
    older = quick_portal.prepare()
    tick(
        quick_portal.engine,
        older,
        [quick_portal.actions(older)["student", "add", one].id],
        False,
        ada,
        quick_portal.now,
    )

    newer = prepare_again(quick_portal, older)

    assert quick_portal.actions(newer)["student", "add", one].decided_by == ada.id


def test_an_unticked_join_is_no_word_on_the_same_person_leaving(quick_portal: Portal, district: District) -> None:
    quick_portal.sync_all()
    section = next(each for each in district.sections if len(each.students) > 3)
    joiner = next(p.id for p in district.people if p.student and p.id not in section.students)
    edits.enrol(district, section.id, joiner)
    older = quick_portal.prepare()
    quick_portal.commit(older)
    edits.withdraw(district, section.id, joiner)
    with writing(quick_portal.engine).begin() as connection:
        chosen = (Action.sync_id == older, Action.source_id == section.id)
        connection.execute(update(Action).where(*chosen).values(roster={"join": [joiner], "unticked": [joiner]}))

    newer = prepare_again(quick_portal, older)

    roster = quick_portal.actions(newer)["section", "edit", section.id].roster
    assert (roster["leave"], roster.get("unticked", [])) == ([joiner], [])


def test_a_release_is_for_one_plan_only(quick_portal: Portal, district: District) -> None:
    quick_portal.sync_all()
    for person in [person for person in district.people if person.student][:20]:
        edits.leave(district, person.id)
    older = quick_portal.prepare()
    assert release_guards(quick_portal.engine, older, WHO, quick_portal.now) > 0
    assert not any(row.held for row in quick_portal.rows(Action, Action.sync_id == older))

    newer = prepare_again(quick_portal, older)

    assert carried(quick_portal, newer)["released"]
    assert any(row.held == "guard-deletes" for row in quick_portal.rows(Action, Action.sync_id == newer))


def test_a_plan_that_is_prepared_again_is_of_the_same_schools(quick_portal: Portal) -> None:
    older = request_sync(quick_portal.engine, 1, quick_portal.now, schools=["n1"], since="beginning")
    assert running.again(quick_portal.engine, 1, older) == {"keep_ticks_of": older, "schools": ["n1"]}
    with pytest.raises(NotAllowed, match="There is no sync"):
        running.again(quick_portal.engine, 2, older)
    other = request_sync(quick_portal.engine, 1, quick_portal.now, file="/nowhere/at/all.zip")
    with pytest.raises(NotAllowed, match="Upload it again"):
        running.again(quick_portal.engine, 1, other)
