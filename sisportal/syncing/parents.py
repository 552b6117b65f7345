"""Parent classes and their sessions: new classes of one organization, teacher and key come under one parent (option 7)."""

from collections import defaultdict

from sqlalchemy import ColumnElement, Connection, Text, exists, literal_column, or_, select, type_coerce, update

from sisportal.models import ActionState, SchoolClass, Source
from sisportal.syncing.actions import ACTIONS
from sisportal.syncing.among import among
from sisportal.syncing.held import CLASSES
from sisportal.syncing.outcomes import Ledger
from sisportal.syncing.package_parents import is_stated, make_parents
from sisportal.syncing.rows import Row, chunks, insert_rows, read, reserve_ids, stored_moment, update_rows
from sisportal.syncing.undo_log import keep_parents

_COPIED = ("name", "code", "subject", "grade", "style", "organization_id", "session_key", "search")
_INSERT = ("id", *_COPIED, "source", "is_parent", "changed_by_sync", "created_at")
_KEYS_AT_ONCE = 500
_PARENTS = update(CLASSES).where(CLASSES.c.is_parent, CLASSES.c.source == Source.SYNC)
_COMES_AGAIN = (ACTIONS.c.verb == "reactivate") & type_coerce(ACTIONS.c.after, Text).contains('"identifiers"')


def arrange(ledger: Ledger) -> None:
    """Put the classes that this sync made under parents. Run again after a crash, it finds what is left to do.

    One that an undo had put away, and that comes again with its link, brings its parent and those who stood there with it.
    """
    mine = (ACTIONS.c.sync_id == ledger.sync_id, ACTIONS.c.type == "section", ACTIONS.c.state == ActionState.APPLIED)
    added = select(ACTIONS.c.target_id).where(*mine, ACTIONS.c.verb == "add")
    again = select(ACTIONS.c.target_id).where(*mine, _COMES_AGAIN)
    alone = CLASSES.c.id.in_(added) & CLASSES.c.parent_id.is_(None)
    new = select(CLASSES.c.session_key).where(CLASSES.c.session_key != "", alone | CLASSES.c.id.in_(again))
    bringing = select(ACTIONS.c.target_id, ACTIONS.c.id).where(*mine, or_(ACTIONS.c.verb == "add", _COMES_AGAIN))
    with ledger.transaction() as connection:
        _revive(connection, ledger.sync_id)
        keys = sorted(set(connection.scalars(new).all()))
        brought = {row[0]: row[1] for row in read(connection, bringing)} if keys else {}
    for chunk in chunks(keys, _KEYS_AT_ONCE):
        with ledger.transaction() as connection:
            _keep_joins(connection, _arrange_keys(connection, chunk, ledger), brought)


def settle(ledger: Ledger) -> None:
    """A parent whose last session left is archived with it; one that has a session again is active again."""
    marks = {"archived_by_sync": ledger.sync_id, "changed_by_sync": ledger.sync_id}
    with ledger.transaction() as connection:
        left = _PARENTS.where(CLASSES.c.archived_at.is_(None), ~_has_session())
        connection.execute(left.values(archived_at=ledger.clock(), **marks))
        _revive(connection, ledger.sync_id)


def _revive(connection: Connection, sync_id: int) -> None:
    revived = _PARENTS.where(CLASSES.c.archived_by_sync.is_not(None), _has_session())
    connection.execute(revived.values(archived_at=None, archived_by_sync=None, changed_by_sync=sync_id))


def _has_session() -> ColumnElement[bool]:
    child = SchoolClass.__table__.alias("child")
    return exists().where(child.c.parent_id == CLASSES.c.id, child.c.archived_at.is_(None))


def standing_under(connection: Connection, class_ids: list[int]) -> dict[int, int | None]:
    """The parents that classes stand under now, None for those that stand alone."""
    found: dict[int, int | None] = {}
    for ids in chunks(class_ids, _KEYS_AT_ONCE):
        rows = connection.execute(select(CLASSES.c.id, CLASSES.c.parent_id).where(CLASSES.c.id.in_(ids)))
        found.update((row[0], row[1]) for row in rows)
    return found


def with_sessions(connection: Connection, parents: set[int], beside: set[int]) -> set[int]:
    """Those of the parents that have an active session other than these classes."""
    found: set[int] = set()
    for ids in chunks(sorted(parents), _KEYS_AT_ONCE):
        statement = select(CLASSES.c.parent_id, CLASSES.c.id).where(
            CLASSES.c.parent_id.in_(ids), CLASSES.c.archived_at.is_(None)
        )
        found.update(row[0] for row in connection.execute(statement) if row[1] not in beside)
    return found


def _arrange_keys(connection: Connection, keys: list[str], ledger: Ledger) -> list[Row]:
    """(parent, class) of the classes that came under a parent."""
    # What was archived before it came here stands where it stood, too.
    counts = CLASSES.c.archived_at.is_(None) | among(CLASSES.c.session_key, [key for key in keys if is_stated(key)])
    # Whether a class stands alone is looked at here: databases would begin with all that do, once for each part of the keys.
    statement = select(
        CLASSES.c.parent_id, CLASSES.c.id, CLASSES.c.is_parent, *(CLASSES.c[name] for name in _COPIED)
    ).where(
        among(CLASSES.c.session_key, keys),
        CLASSES.c.session_key != literal_column("''"),
        counts,
    )
    parents: dict[str, int] = {}
    alone: dict[str, list[Row]] = defaultdict(list)
    for parent_id, *row in connection.execute(statement.order_by(CLASSES.c.id)).all():
        id_, is_parent, key = row[0], row[1], row[2 + _COPIED.index("session_key")]
        if parent_id is not None:
            continue
        if is_parent:
            parents[key] = id_
        else:
            alone[key].append(tuple(row))
    wanted = [key for key in keys if key not in parents and len(alone[key]) > (0 if is_stated(key) else 1)]
    first = reserve_ids(connection, CLASSES, len(wanted))
    parents |= {key: id_ for id_, key in enumerate(wanted, first)}
    _make(connection, {parents[key]: alone[key][0] for key in wanted}, ledger)
    joins: list[Row] = [(parents[key], row[0]) for key in keys if key in parents for row in alone[key]]
    update_rows(connection, CLASSES, ("parent_id",), ("id",), joins)
    return joins


def _make(connection: Connection, wanted: dict[int, Row], ledger: Ledger) -> None:
    """Make parents with these ids, each like the first of its sessions, or as a package has it."""
    now = stored_moment(connection, ledger.clock())
    stated: dict[int, str] = {}
    organizations: dict[str, int | None] = {}
    made: list[Row] = []
    for id_, session in wanted.items():
        copied = dict(zip(_COPIED, session[2:], strict=True))
        if is_stated(key := copied["session_key"]):
            stated[id_], organizations[key] = key, copied["organization_id"]
        else:
            made.append((id_, *copied.values(), str(Source.SYNC), True, ledger.sync_id, now))
    insert_rows(connection, CLASSES, _INSERT, made)
    make_parents(connection, stated, organizations, ledger.sync_id, now)


def _keep_joins(connection: Connection, joins: list[Row], brought: dict[int, int]) -> None:
    """Keep for undo which classes that were here before came under a parent: on the actions that brought them there.

    ``brought``: class -> action, of those that this sync made or brought again.
    """
    parent_of: dict[int, int] = {class_id: parent for parent, class_id in joins if class_id not in brought}
    under = select(CLASSES.c.parent_id, CLASSES.c.id).where(among(CLASSES.c.parent_id, sorted(set(parent_of.values()))))
    bringing: dict[int, int] = {}
    for parent, class_id in connection.execute(under).all() if parent_of else ():
        if (action_id := brought.get(class_id)) is not None:
            bringing[parent] = min(action_id, bringing.get(parent, action_id))
    moved: dict[int, list[list[int | None]]] = defaultdict(list)
    for class_id, parent in parent_of.items():
        moved[bringing[parent]].append([class_id, None, parent])
    keep_parents(connection, moved)
