"""Commit of an undo: the same stage as any other commit, its actions applied from what the undone ones kept (SPEC 7)."""

from sqlalchemy import Connection, select

from sisportal.syncing import parents
from sisportal.syncing.actions import ACTIONS
from sisportal.syncing.held import CLASSES
from sisportal.syncing.moved_ids import move_rosters
from sisportal.syncing.outcomes import Ledger
from sisportal.syncing.rows import Row, update_rows
from sisportal.syncing.undo_found import undone_id_of
from sisportal.syncing.undo_log import keep_parents, parent_moves
from sisportal.syncing.undo_records import PEOPLE, SECTIONS, RecordRestoring


def apply_undo(ledger: Ledger, connection_id: int, kind: str) -> None:
    """Apply the ticked actions. Killed anywhere and called again, it goes on where it stopped.

    What comes back comes first, what is archived last; people go after classes, so that only classes that stay lose them.
    """
    with ledger.transaction() as connection:
        undone_id = undone_id_of(connection, ledger.sync_id)
    people = RecordRestoring(ledger, connection_id, kind, undone_id, PEOPLE)
    sections = RecordRestoring(ledger, connection_id, kind, undone_id, SECTIONS)
    for records in (people, sections):
        records.run("reactivate", "edit")
    move_rosters(ledger, connection_id, kind)
    for records in (sections, people):
        records.run("delete")
    with ledger.transaction() as connection:
        _move_sessions(connection, ledger.sync_id, undone_id)
    parents.settle(ledger)


def _move_sessions(connection: Connection, undo_id: int, undone_id: int) -> None:
    """Classes that the undone sync put under a parent, although no action of it was about them, leave it again, or return.

    A parent keeps them as long as it has another active session.
    """
    moves = parent_moves(connection, undone_id)
    now = parents.standing_under(connection, [class_id for class_id, _, _ in moves])
    ours = {class_id for class_id, _, after in moves if now.get(class_id) == after}
    busy = parents.with_sessions(connection, {each for move in moves for each in move[1:] if each is not None}, ours)
    done: list[list[int | None]] = []
    for class_id, before, after in moves:
        leaves = before is None and after not in busy
        returns = before is not None and before in busy
        if class_id in ours and (leaves or returns):
            done.append([class_id, after, before])
    rows: list[Row] = [(before, class_id) for class_id, _, before in done]
    update_rows(connection, CLASSES, ("parent_id",), ("id",), rows)
    if done:
        keep_parents(connection, {_an_action(connection, undo_id): done})


def _an_action(connection: Connection, undo_id: int) -> int:
    """The action of the undo that keeps what became of sessions, for an undo of its own."""
    mine = (ACTIONS.c.sync_id == undo_id, ACTIONS.c.type == "section", ACTIONS.c.verb.in_(("delete", "reactivate")))
    return int(connection.scalars(select(ACTIONS.c.id).where(*mine).order_by(ACTIONS.c.id).limit(1)).one())
