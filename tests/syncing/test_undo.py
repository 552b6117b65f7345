"""Undo: a plan like any other that puts back what a sync changed, and what was undone is not proposed again."""

from sisportal.models import AccountLink, ClassLink, KeptBack, Notification
from tests.syncing.portal import Portal
from tests.syncing.test_killed import a_first_sync, a_later_sync


def as_before(portal: Portal, before: dict[str, dict[int, dict[str, object]]]) -> None:
    """The export is what it was; records that were made since are archived, and nothing links to them."""
    now = portal.exported()
    for name, records in before.items():
        assert {id_: now[name][id_] for id_ in records} == records
        made = [record for id_, record in now[name].items() if id_ not in records]
        assert [record for record in made if not record["archived"] or record["identifiers"]] == []


def links(portal: Portal) -> list[object]:
    return [tuple(row) for model in (AccountLink, ClassLink) for row in portal.rows(model)]


def test_undoing_a_first_sync_archives_what_it_made_and_frees_its_ids(portal: Portal) -> None:
    a_first_sync(portal)
    before = portal.exported()
    first = portal.sync_all()

    undo = portal.undo(first)

    as_before(portal, before)
    assert links(portal) == []
    assert {verb for _, verb, _ in portal.actions(undo)} == {"delete"}
    assert portal.actions(portal.prepare()) == {}


def test_undoing_a_later_sync_puts_every_field_link_and_place_back(portal: Portal) -> None:
    a_later_sync(portal)
    before, linked, held = portal.exported(), links(portal), portal.dump()
    sync_id = portal.sync_all()
    after = portal.dump()

    undo = portal.undo(sync_id)

    as_before(portal, before)
    assert links(portal) == linked
    assert {key[1] for key in portal.actions(undo)} == {"edit", "delete", "reactivate"}
    assert held != after
    quiet = portal.prepare()
    assert portal.actions(quiet) == {}
    assert portal.sync(quiet).kept_back


def test_an_undo_can_be_undone_and_that_undone_again(portal: Portal) -> None:
    a_later_sync(portal)
    before = portal.exported()
    sync_id = portal.sync_all()
    after = portal.exported()

    undo = portal.undo(sync_id)
    again = portal.undo(undo)

    assert portal.exported() == after
    assert portal.rows(KeptBack) == []
    assert portal.actions(portal.prepare()) == {}
    portal.undo(again)
    as_before(portal, before)
    assert portal.actions(portal.prepare()) == {}


def test_what_was_undone_is_proposed_once_somebody_says_so(portal: Portal) -> None:
    a_later_sync(portal)
    sync_id = portal.sync_all()
    after = portal.exported()
    portal.undo(sync_id)
    assert portal.actions(portal.prepare()) == {}

    assert portal.propose_again() > 0
    portal.sync_all()

    assert portal.exported() == after
    assert portal.actions(portal.prepare()) == {}


def test_the_notification_names_the_undone_sync_once(portal: Portal) -> None:
    portal.add_administrator()
    portal.connect()
    sync_id = portal.sync_all()

    portal.prepare_undo(sync_id)

    told = portal.rows(Notification)[-1].text
    assert told.startswith(f"The undo of sync {sync_id} is prepared: ")
    assert told.lower().count(f"undo of sync {sync_id}") == 1
