"""Fields whose pin was released, until the next commit writes their record: edited again, they are pinned again (SPEC 6.6).

A release notes as last written what the portal holds, so that the next plan finds a change of the SIS alone. What had been
written before is kept on the link, and comes back as soon as a person edits the field once more. A commit that writes
the record makes its link anew, without any of this.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Text, select, type_coerce

from sisportal.models import RecordKind
from sisportal.roster.fields import Values
from sisportal.syncing.held import ACCOUNT_LINKS, CLASS_LINKS, decode_values
from sisportal.syncing.local_edits import STUDENTS
from sisportal.syncing.rows import AT_ONCE, Row, chunks, json_text, update_rows

Edited = Mapping[int, Iterable[str]]
"""An account or class, and the fields of it that a person edited."""


def was_written(written: Values, field: str, member: str) -> Any:
    """What a release takes the place of; of ``students``, whether the person was among them."""
    return member in written.get(STUDENTS, ()) if field == STUDENTS else written.get(field)


def mark(field: str, member: str) -> str:
    """The name of a released field on its link: of ``students``, each person is a field."""
    return f"{STUDENTS}:{member}" if field == STUDENTS else field


def edited_again(connection: Connection, record: RecordKind, edited: Edited, members: Iterable[int] = ()) -> None:
    """Note what was written before the release of these fields as last written again.

    ``members``: accounts that were put into the classes or taken out of them as students.
    """
    links = ACCOUNT_LINKS if record is RecordKind.ACCOUNT else CLASS_LINKS
    target = links.c.account_id if record is RecordKind.ACCOUNT else links.c.class_id
    columns = (links.c.connection_id, links.c.source_id, target, *(type_coerce(links.c[n], Text) for n in _COLUMNS))
    for some in chunks(sorted(edited), AT_ONCE):
        statement = select(*columns).where(target.in_(some), links.c.released.is_not(None))
        rows = connection.execute(statement).all()
        people = _source_ids(connection, members) if rows and record is RecordKind.CLASS else {}
        now: list[Row] = []
        for connection_id, source_id, target_id, written, released in rows:
            marks = {*edited[target_id], *(mark(STUDENTS, each) for each in people.get(connection_id, ()))}
            values, left = _taken_back(decode_values(written), decode_values(released), marks)
            now.append((json_text(values), json_text(left) if left else None, connection_id, source_id))
        update_rows(connection, links, _COLUMNS, ("connection_id", "source_id"), now)


_COLUMNS = ("written", "released")


def _taken_back(written: Values, released: Values, marks: set[str]) -> tuple[Values, Values]:
    """What counts as last written, and what stays released."""
    values, left = dict(written), dict(released)
    for name in marks & released.keys():
        was = left.pop(name)
        if name.startswith(f"{STUDENTS}:"):
            member = name.partition(":")[2]
            others = [each for each in values.get(STUDENTS, ()) if each != member]
            values[STUDENTS] = [*others, member] if was else others
        elif was is None:
            values.pop(name, None)
        else:
            values[name] = was
    return values, left


def _source_ids(connection: Connection, accounts: Iterable[int]) -> dict[int, list[str]]:
    """By connection, the people that the accounts are linked to."""
    found: dict[int, list[str]] = {}
    for some in chunks(accounts, AT_ONCE):
        columns = select(ACCOUNT_LINKS.c.connection_id, ACCOUNT_LINKS.c.source_id)
        for connection_id, source_id in connection.execute(columns.where(ACCOUNT_LINKS.c.account_id.in_(some))):
            found.setdefault(connection_id, []).append(source_id)
    return found
