"""How SQLite reads the mirror: tables of which nearly every row is wanted as they lie, never in the order of an index."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, event, select

from sisportal.sandbox.days import pass_day
from sisportal.sandbox.district import District
from sisportal.syncing.mirror import PEOPLE
from sisportal.syncing.unindexed import unindexed
from tests.syncing.portal import Portal

GONE = "gone_in_sync IS NOT NULL"
"""Few rows: the index knows which."""


@contextmanager
def plans_of(portal: Portal, table: str) -> Iterator[dict[str, str]]:
    """How each query that begins with the table is answered: statement -> the first step of its plan."""
    plans: dict[str, str] = {}

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.partition("FROM ")[2].startswith(f"{table} "):
            steps = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            plans[statement] = steps[0][3]

    event.listen(portal.engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(portal.engine, "before_cursor_execute", explain)


@pytest.mark.parametrize("table", ["sis_person", "sis_section"])
def test_a_full_sync_goes_through_the_mirror_as_it_lies(quick_portal: Portal, table: str) -> None:
    quick_portal.connect()

    with plans_of(quick_portal, table) as first:
        quick_portal.commit(quick_portal.prepare())
    with plans_of(quick_portal, table) as unchanged:
        quick_portal.prepare()

    for plans in (first, unchanged):
        whole = {plan for statement, plan in plans.items() if "json_each" not in statement and GONE not in statement}
        assert whole == {f"SCAN {table}"}


def test_a_quick_sync_looks_up_what_is_pending(quick_portal: Portal, district: District) -> None:
    district.today = datetime.now(UTC).date() - timedelta(days=2)  # Clever keeps events for thirty days
    quick_portal.connect()
    pass_day(district, pace=1)
    quick_portal.sync_all()
    pass_day(district, pace=1)

    with plans_of(quick_portal, "sis_person") as plans:
        quick_portal.prepare_quick()

    pending = [plan for statement, plan in plans.items() if "pending = 1" in statement]
    assert len(pending) == 1
    assert "ix_sis_person" in pending[0]


def test_postgresql_compares_the_column_itself() -> None:
    compared = select(PEOPLE.c.id).where(unindexed(PEOPLE.c.connection_id) == 1)

    dialect = create_engine("postgresql+psycopg://").dialect
    assert "WHERE sis_person.connection_id = " in str(compared.compile(dialect=dialect))
