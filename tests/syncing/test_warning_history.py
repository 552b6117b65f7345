"""Warnings compared with the sync before: new, still there, mended; and what is not told where nobody looked."""

from typing import Any

from sqlalchemy import update

from sisportal.models import Sync, SyncMode, SyncWarning
from sisportal.models.database import writing
from sisportal.roster.records import Collection, Seal
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.syncing.warning_history import Compared, compare_warnings
from tests.syncing.plans import make_sync, warn
from tests.syncing.portal import Portal

WHOLE = tuple(Seal(collection, complete=True) for collection in Collection)
A, B, C = ({"external_id": name, "field": "email"} for name in "abc")


def sync(
    quick_portal: Portal, *warnings: dict[str, Any], mode: str = "full", seals: Any = WHOLE
) -> tuple[int, Compared]:
    """A sync with these warnings, compared with the ones before it."""
    sync_id = make_sync(quick_portal.engine, 1, mode=mode)
    for each in warnings:
        warn(quick_portal.engine, sync_id, None, **each)
    with writing(quick_portal.engine).begin() as connection:
        return sync_id, compare_warnings(connection, sync_id, 1, SyncMode(mode), seals)


def standing(quick_portal: Portal, sync_id: int) -> dict[str, tuple[bool | None, int | None]]:
    """(new, mended in) of each warning of a sync."""
    rows = quick_portal.rows(SyncWarning, SyncWarning.sync_id == sync_id)
    return {row.external_id: (row.is_new, row.mended_in) for row in rows}


def test_the_first_sync_has_nothing_to_be_compared_with(quick_portal: Portal) -> None:
    first, compared = sync(quick_portal, A, B)
    assert compared == Compared(None, 2)
    assert standing(quick_portal, first) == {"a": (None, None), "b": (None, None)}


def test_new_still_there_and_mended_are_told_apart(quick_portal: Portal) -> None:
    first, _ = sync(quick_portal, A, B)
    second, compared = sync(quick_portal, B | {"value": "other by now"}, C)

    assert compared == Compared(first, total=2, new=1, still=1, mended=1)
    assert standing(quick_portal, second) == {"b": (False, None), "c": (True, None)}
    assert standing(quick_portal, first) == {"a": (None, second), "b": (None, None)}


def test_what_came_back_is_new(quick_portal: Portal) -> None:
    sync(quick_portal, A)
    second, _ = sync(quick_portal)
    _, compared = sync(quick_portal, A)
    assert compared == Compared(second, total=1, new=1)


def test_a_quick_sync_mends_nothing_for_it_did_not_look(quick_portal: Portal) -> None:
    first, _ = sync(quick_portal, A, B)
    second, compared = sync(quick_portal, B, C, mode="quick")
    assert compared == Compared(first, total=2, new=1, still=1)
    third, compared = sync(quick_portal, C)
    assert compared == Compared(second, total=1, new=0, still=1, mended=2)
    assert standing(quick_portal, second) == {"b": (False, third), "c": (True, None)}
    assert standing(quick_portal, first) == {"a": (None, third), "b": (None, None)}


def test_what_a_list_that_is_not_proven_whole_does_not_show_is_not_mended(quick_portal: Portal) -> None:
    sync(quick_portal, A, B | {"type": "section"})
    _, compared = sync(
        quick_portal, seals=[Seal(Collection.PEOPLE, complete=False), Seal(Collection.SECTIONS, complete=True)]
    )
    assert compared.mended == 1


def test_several_of_one_record_are_told_apart_by_their_values(quick_portal: Portal) -> None:
    named = {"external_id": "s1", "type": "section", "field": "students", "code": "unknown-person-in-section"}
    sync(quick_portal, named | {"value": "x"}, named | {"value": "y"})
    _, compared = sync(quick_portal, named | {"value": "y"}, named | {"value": "z"})
    assert (compared.new, compared.still, compared.mended) == (1, 1, 1)


def test_warnings_that_are_not_the_sis_s_do_not_count(quick_portal: Portal) -> None:
    sync(quick_portal, A | {"code": "conflict"}, B | {"stage": "commit"})
    _, compared = sync(quick_portal)
    assert (compared.total, compared.mended) == (0, 0)


def test_a_sync_that_was_never_prepared_is_no_sync_before(quick_portal: Portal) -> None:
    first, _ = sync(quick_portal, A)
    with writing(quick_portal.engine).begin() as connection:
        connection.execute(update(Sync).where(Sync.id == first).values(prepared_at=None))
    assert sync(quick_portal, A)[1] == Compared(None, 1)


def test_a_prepare_keeps_how_its_warnings_stand(quick_portal: Portal, district: District) -> None:
    mended, still, new = [p.id for p in district.people if p.student and p.email][:3]
    for person in (mended, still):
        edits.change_email(district, person, "none")
    first = quick_portal.prepare()
    edits.change_email(district, mended, "good@example.org")
    edits.change_email(district, new, "none either")

    compared = quick_portal.sync(quick_portal.prepare()).compared

    assert quick_portal.sync(first).compared["before"] is None
    assert (compared["before"], compared["new"], compared["mended"]) == (first, 1, 1)
    assert compared["total"] == quick_portal.sync(first).compared["total"]
