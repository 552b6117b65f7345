"""Reviewing a plan: ticks, counts, filters, and who is refused."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, select

from sisportal.models import Action, SyncState
from sisportal.models.database import make_engine
from sisportal.syncing import review
from sisportal.syncing.reports import action_json, actions_json, sync_json
from sisportal.syncing.review import ActionFilter, Who
from sisportal.syncing.states import NotAllowed
from tests.syncing.plans import NOW, action, audited, ids_of, make_connection, make_sync, unticked, warn

ADA = Who("ada@example.org", None, "10.0.0.7")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Either kind of database: what is counted and filtered has to be the same."""
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def connection_id(engine: Engine) -> int:
    return make_connection(engine)


def plan(engine: Engine, connection_id: int, **values: Any) -> int:
    """Three adds, an edit, a delete and a section."""
    actions = [
        action("Abara, Mia"),
        action("Chen, Bo", school="south"),
        action("Díaz, Ana"),
        action("Eze, Ife", verb="edit", before={"grade": "8"}, after={"grade": "9"}),
        action("Fox, Lee", verb="delete", held="guard-deletes"),
        action("Algebra", type="section", roster={"join": ["abara, mia", "chen, bo"], "leave": ["fox, lee"]}),
    ]
    return make_sync(engine, connection_id, actions, **values)


def listed(engine: Engine, sync_id: int, **chosen: Any) -> list[str]:
    with engine.connect() as connection:
        rows, total, page = review.action_page(connection, sync_id, ActionFilter(**chosen))
        assert (total, page) == (len(rows), 1)
        assert review.count_rows(connection, sync_id, ActionFilter(**chosen)) == total
        return [row.label for row in rows]


def roster_of(engine: Engine, action_id: int) -> dict[str, list[str]]:
    with engine.connect() as connection:
        roster: dict[str, list[str]] = connection.scalars(select(Action.roster).where(Action.id == action_id)).one()
        return roster


def test_unticking_an_action_takes_it_out_of_what_a_commit_applies(engine: Engine, connection_id: int) -> None:
    sync_id = plan(engine, connection_id)

    assert review.tick(engine, sync_id, ids_of(engine, sync_id, "Abara, Mia"), False, ADA, NOW) == 1

    with engine.connect() as connection:
        counted = review.counts(connection, sync_id)
    assert counted["student"]["add"] == {"planned": 3, "ticked": 2, "unticked": 1, "held": 0, "ready": 2}
    assert counted["student"]["delete"] == {"planned": 1, "ticked": 1, "unticked": 0, "held": 1, "ready": 0}
    assert review.total(counted, "ready") == 4


def test_a_tick_that_changes_nothing_is_neither_counted_nor_recorded(engine: Engine, connection_id: int) -> None:
    sync_id = plan(engine, connection_id)

    assert review.tick(engine, sync_id, ids_of(engine, sync_id, "Abara, Mia"), True, ADA, NOW) == 0
    assert audited(engine) == []


def test_who_unticked_what_is_in_the_audit_log(engine: Engine, connection_id: int) -> None:
    sync_id = plan(engine, connection_id)
    (mia,) = ids_of(engine, sync_id, "Abara, Mia")

    review.tick(engine, sync_id, [mia], False, ADA, NOW)
    review.tick_matching(engine, sync_id, ActionFilter(type="student"), False, ADA, NOW)

    assert audited(engine) == [
        ("ada@example.org", "action-unticked", {"actions": 1, "action": mia, "label": "Abara, Mia"}),
        ("ada@example.org", "action-unticked", {"actions": 4, "matching": {"type": "student"}}),
    ]


@pytest.mark.parametrize(
    "state", [SyncState.COMMITTING, SyncState.COMMITTED, SyncState.DISCARDED, SyncState.SUPERSEDED, SyncState.EXPIRED]
)
def test_a_plan_that_is_not_open_any_more_cannot_be_ticked(
    engine: Engine, connection_id: int, state: SyncState
) -> None:
    sync_id = plan(engine, connection_id, state=state)

    with pytest.raises(NotAllowed, match=f"Sync {sync_id} is {state} now"):
        review.tick(engine, sync_id, ids_of(engine, sync_id, "Abara, Mia"), False, ADA, NOW)
    with pytest.raises(NotAllowed, match=f"Sync {sync_id} is {state} now"):
        review.tick_matching(engine, sync_id, ActionFilter(), False, ADA, NOW)
    assert unticked(engine, sync_id) == set()


def test_an_action_of_another_sync_or_one_applied_is_refused_and_nothing_changes(
    engine: Engine, connection_id: int
) -> None:
    sync_id, other = plan(engine, connection_id), make_sync(engine, connection_id, [action("Other")])
    partly = make_sync(
        engine, connection_id, [action("Gone", state="applied"), action("Held")], state=SyncState.PARTLY_COMMITTED
    )
    first = ids_of(engine, sync_id, "Abara, Mia")

    with pytest.raises(NotAllowed, match=f"Sync {sync_id} has no action"):
        review.tick(engine, sync_id, first + ids_of(engine, other), False, ADA, NOW)
    with pytest.raises(NotAllowed, match="is applied and cannot be changed any more"):
        review.tick(engine, partly, ids_of(engine, partly, "Gone"), False, ADA, NOW)
    assert unticked(engine, sync_id) | unticked(engine, other) | unticked(engine, partly) == set()


def test_all_that_match_are_ticked_and_no_others(engine: Engine, connection_id: int) -> None:
    sync_id = plan(engine, connection_id)

    assert review.tick_matching(engine, sync_id, ActionFilter(search="a", verb="add"), False, ADA, NOW) == 3
    assert unticked(engine, sync_id) == {"Abara, Mia", "Díaz, Ana", "Algebra"}
    assert review.tick_matching(engine, sync_id, ActionFilter(unticked=True, type="student"), True, ADA, NOW) == 2
    assert unticked(engine, sync_id) == {"Algebra"}


def test_every_filter_narrows_the_list(engine: Engine, connection_id: int) -> None:
    sync_id = plan(engine, connection_id)
    warn(engine, sync_id, ids_of(engine, sync_id, "Chen, Bo")[0])
    review.tick(engine, sync_id, ids_of(engine, sync_id, "Eze, Ife"), False, ADA, NOW)

    assert listed(engine, sync_id, type="student", verb="add") == ["Abara, Mia", "Chen, Bo", "Díaz, Ana"]
    assert listed(engine, sync_id, search="  ana DÍAZ ") == ["Díaz, Ana"]
    assert listed(engine, sync_id, search="100%") == []
    assert listed(engine, sync_id, school="south") == ["Chen, Bo"]
    assert listed(engine, sync_id, warned=True) == ["Chen, Bo"]
    assert listed(engine, sync_id, held=True) == ["Fox, Lee"]
    assert listed(engine, sync_id, unticked=True) == ["Eze, Ife"]
    assert listed(engine, sync_id, state="applied") == []
    assert listed(engine, sync_id, state="planned", type="section") == ["Algebra"]


@pytest.mark.parametrize(
    ("page", "labels", "shown"), [(1, ["A", "B"], 1), (2, ["C", "D"], 2), (3, ["E"], 3), (9, ["E"], 3)]
)
def test_pages_follow_each_other_and_past_the_end_is_the_last(
    engine: Engine, connection_id: int, page: int, labels: list[str], shown: int
) -> None:
    sync_id = make_sync(engine, connection_id, [action(label) for label in "ABCDE"])

    with engine.connect() as connection:
        for chosen in (ActionFilter(), ActionFilter(school="north")):
            rows, total, at = review.action_page(connection, sync_id, chosen, page=page, per_page=2)
            assert ([row.label for row in rows], total, at) == (labels, 5, shown)


def test_what_was_noticed_of_a_record_belongs_to_its_action(engine: Engine, connection_id: int) -> None:
    sync_id, other = plan(engine, connection_id), plan(engine, connection_id)
    warn(engine, sync_id, None, external_id="chen, bo")
    warn(engine, other, None, external_id="díaz, ana")
    warn(engine, sync_id, None, external_id="eze, ife", type="teacher")

    assert listed(engine, sync_id, warned=True) == ["Chen, Bo"]
    with engine.connect() as connection:
        (bo,) = ids_of(engine, sync_id, "Chen, Bo")
        shown = action_json(connection, sync_id, bo)
    assert shown is not None
    assert [warning["action_id"] for warning in shown["warnings"]] == [bo]


def test_counting_reads_only_what_is_held_or_unticked_on_sqlite(sqlite_store_url: str) -> None:
    engine = make_engine(sqlite_store_url)
    sync_id = plan(engine, make_connection(engine))
    plans: list[str] = []

    with engine.connect() as connection:

        @event.listens_for(connection, "before_cursor_execute")
        def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            if "count(*)" in statement:
                plans.append(" ".join(row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)))

        review.counts(connection, sync_id)

    engine.dispose()
    assert ["ix_action_unticked" in plans[0], "ix_action_held" in plans[1]] == [True, True]


def test_somebody_who_joins_or_leaves_can_be_unticked(engine: Engine, connection_id: int) -> None:
    sync_id = plan(engine, connection_id)
    (algebra,) = ids_of(engine, sync_id, "Algebra")
    members = ["chen, bo", "fox, lee"]

    assert review.tick_roster(engine, sync_id, algebra, members, False, ADA, NOW) == 2
    assert roster_of(engine, algebra)["unticked"] == members
    assert review.tick_roster(engine, sync_id, algebra, members, False, ADA, NOW) == 0
    assert review.tick_roster(engine, sync_id, algebra, members, True, ADA, NOW) == 2
    assert "unticked" not in roster_of(engine, algebra)
    with pytest.raises(NotAllowed, match=f"Action {algebra} has no roster change of nobody"):
        review.tick_roster(engine, sync_id, algebra, ["nobody"], False, ADA, NOW)


def test_a_sync_is_reported_with_the_numbers_and_warnings_that_scripts_read(engine: Engine, connection_id: int) -> None:
    sync_id = plan(engine, connection_id)
    (mia,) = ids_of(engine, sync_id, "Abara, Mia")
    review.tick(engine, sync_id, [mia], False, ADA, NOW)
    warn(engine, sync_id, mia, field="email", value="mia@")
    warning = {
        "code": "malformed-email",
        "message": "The student abara, mia has an e-mail address that is not one (mia@).",
        "type": "student",
        "external_id": "abara, mia",
        "action_id": mia,
        "where": {"file": "", "line": 0, "column": ""},
    }

    with engine.connect() as connection:
        report, shown = sync_json(connection, sync_id), action_json(connection, sync_id, mia)
        every = list(actions_json(connection, sync_id, ActionFilter()))
        assert sync_json(connection, 99) is None
        assert action_json(connection, sync_id, 99) is None

    none = {"planned": 0, "ticked": 0, "applied": 0}
    some = {
        ("student", "add"): {"planned": 3, "ticked": 2, "applied": 0},
        ("student", "edit"): {"planned": 1, "ticked": 1, "applied": 0},
        ("student", "delete"): {"planned": 1, "ticked": 1, "applied": 0},
        ("section", "add"): {"planned": 1, "ticked": 1, "applied": 0},
    }
    assert report == {
        "id": sync_id,
        "connection": "clever",
        "mode": "full",
        "state": "prepared",
        "note": "",
        "started_at": "2026-11-03T13:05:00+00:00",
        "finished_at": "2026-11-03T13:05:00+00:00",
        "counts": {
            type_: {verb: some.get((type_, verb), none) for verb in ("add", "edit", "delete", "reactivate")}
            for type_ in ("organization", "student", "teacher", "section")
        },
        "left_out": {},
        "withheld": [],
        "held": [],
        "kept_back": {},
        "undoes": None,
        "undone_by": None,
        "warnings": [warning],
    }
    assert shown == {
        "id": mia,
        "type": "student",
        "verb": "add",
        "state": "planned",
        "ticked": False,
        "held": "",
        "external_id": "abara, mia",
        "label": "Abara, Mia",
        "before": {},
        "after": {"last_name": "Abara, Mia"},
        "roster": {"join": [], "leave": []},
        "evidence": {},
        "warnings": [warning],
    }
    assert len(every) == 6
    assert shown in every
