"""Prepare again, keep my ticks: decisions that still mean the same go over to the newer plan."""

from sqlalchemy import select, update

from sisportal.models import Action
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.syncing.prepare import prepare, request_sync
from tests.syncing.portal import Portal


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
