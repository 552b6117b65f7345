"""The age of a plan: each reason why it can no longer be committed, and which of its records were edited since."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, update

from sisportal.models import Account, Action, SisConnection, Sync
from sisportal.models.database import writing
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.syncing.staleness import edited_since, why_stale
from tests.syncing.plans import NOW, make_sync
from tests.syncing.portal import Portal


def options_changed(engine: Engine) -> None:
    with writing(engine).begin() as connection:
        connection.execute(update(SisConnection).values(options_version=2))


def newer_prepared(engine: Engine) -> None:
    make_sync(engine, 1, prepared_at=NOW + timedelta(minutes=1))


def newer_discarded(engine: Engine) -> None:
    make_sync(engine, 1, prepared_at=NOW + timedelta(minutes=1), state="discarded")


def newer_failed(engine: Engine) -> None:
    make_sync(engine, 1, prepared_at=None, state="failed")


def nothing(_engine: Engine) -> None:
    """Leave all as it is."""


@pytest.mark.parametrize(
    ("happened", "days", "why"),
    [
        (nothing, 0, ""),
        (nothing, 7, ""),
        (nothing, 7.01, "This sync was prepared more than 7 days ago."),
        (options_changed, 0, "The options or the mapping of schools changed after this sync was prepared."),
        (options_changed, 8, "The options or the mapping of schools changed after this sync was prepared."),
        (newer_prepared, 0, "A newer sync was prepared since this one was: sync 2."),
        (newer_discarded, 0, "A newer sync was prepared since this one was: sync 2."),
        (newer_failed, 0, ""),
    ],
)
@pytest.mark.parametrize("state", ["prepared", "partly-committed"])
def test_a_plan_says_why_it_can_no_longer_be_committed(
    quick_portal: Portal, happened: Callable[[Engine], None], days: float, why: str, state: str
) -> None:
    sync_id = make_sync(quick_portal.engine, 1, state=state)
    with writing(quick_portal.engine).begin() as connection:
        connection.execute(update(SisConnection).values(options_version=1))
    happened(quick_portal.engine)

    with quick_portal.engine.connect() as connection:
        assert why_stale(connection, sync_id, NOW + timedelta(days=days)) == why


@pytest.mark.parametrize("state", ["committed", "superseded", "discarded", "queued", "failed"])
def test_what_is_no_open_plan_is_not_stale(quick_portal: Portal, state: str) -> None:
    sync_id = make_sync(quick_portal.engine, 1, state=state)
    with quick_portal.engine.connect() as connection:
        assert why_stale(connection, sync_id, NOW + timedelta(days=30)) == ""
        assert why_stale(connection, 99, NOW) == ""


def test_records_edited_after_the_plan_are_named_and_those_before_it_are_not(
    quick_portal: Portal, district: District
) -> None:
    quick_portal.sync_all()
    before, after, out, other = [p.id for p in district.people if p.student][:4]
    quick_portal.edit_account(quick_portal.account_of(before).id, grade="9")
    quick_portal.now += timedelta(minutes=1)
    for person in (before, after, out):
        edits.change_email(district, person, f"{person}@new.example.org")
    sync_id = quick_portal.prepare()
    quick_portal.untick(sync_id, out)
    for person in (after, out, other):
        quick_portal.edit_account(quick_portal.account_of(person).id, email="by-hand@example.org")

    with quick_portal.engine.connect() as connection:
        found = edited_since(connection, sync_id)

    named = {row.id for row in quick_portal.rows(Action, Action.source_id == after, Action.sync_id == sync_id)}
    assert {row.id for row in found} == named
    assert quick_portal.commit(sync_id) == "partly-committed"
    assert quick_portal.states(sync_id) == {before: "applied", after: "conflict", out: "unticked"}
    assert quick_portal.rows(Sync, Sync.id == sync_id)[0].note.startswith("1 not applied because the portal changed")
    assert quick_portal.rows(Account, Account.email == "by-hand@example.org")
