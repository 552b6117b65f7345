"""Accounts and classes as an undo restores them: fields, state, link and places, a batch at a time."""

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, delete

from sisportal.roster.fields import CLASS_FIELDS, Standing, Values, standing
from sisportal.roster.keeping_back import Kept, kept_by_undo, kept_of, merged
from sisportal.roster.undoing import without_members
from sisportal.syncing import browser_sessions, kept_back, outbox, undo_places
from sisportal.syncing.held import (
    ACCOUNT_COLUMNS,
    ACCOUNT_LINKS,
    ACCOUNTS,
    CLASS_COLUMNS,
    CLASS_LINKS,
    CLASSES,
    account_row,
    account_search,
    class_search,
    column_value,
)
from sisportal.syncing.links import Link
from sisportal.syncing.outcomes import Ledger, Results, Stored
from sisportal.syncing.rows import Row, chunks, insert_rows, json_text, stored_moment, update_rows
from sisportal.syncing.undo_found import Found, depth, find_accounts, find_classes, linked_targets
from sisportal.syncing.undo_log import Log, Moved, link_before
from sisportal.syncing.undo_origins import (
    Origin,
    Relinked,
    concerned,
    link_conflict,
    read_origins,
    relinked,
    wanted_ids,
)
from sisportal.syncing.undo_plan import RETURNS
from sisportal.syncing.undo_renamed import Renamed
from sisportal.syncing.undo_replaced import give_back, take_away

AT_ONCE = 1_000
_FATES = ("archived_at", "archived_by_sync", "changed_by_sync")
CHANGED = "The record was changed in the portal after this undo was prepared."
GONE = "The record is not there any more."
SO = "It is as it was before already."


class Target(msgspec.Struct, frozen=True):
    """Accounts or classes: where they and their links are."""

    types: tuple[str, ...]
    table: Table
    links: Table
    target: str
    columns: tuple[str, ...]
    find: Callable[..., dict[int, Found]]
    row: Callable[[Found, Values], Row]

    @property
    def collection(self) -> str:
        """``people`` or ``sections``."""
        return kept_back.collection_of(self.types[0])


def _person_row(found: Found, values: Values) -> Row:
    return (*account_row(values), account_search({**values, "username": found.username}))


def _section_row(_: Found, values: Values) -> Row:
    return (*(column_value(field, values[field]) for field in CLASS_FIELDS), class_search(values))


PEOPLE = Target(
    ("student", "teacher"),
    ACCOUNTS,
    ACCOUNT_LINKS,
    "account_id",
    (*ACCOUNT_COLUMNS, "search"),
    find_accounts,
    _person_row,
)
SECTIONS = Target(
    ("section",), CLASSES, CLASS_LINKS, "class_id", (*CLASS_COLUMNS, "search"), find_classes, _section_row
)


class One(msgspec.Struct):
    """One action that is applied."""

    action: Stored
    origin: Origin
    found: Found
    moved: list[Moved] = []
    lost: set[str] = set()
    """``source_id`` of people who have no place in the class although it is linked again: somebody ended it since."""

    @property
    def link(self) -> Link | None:
        """The link of the record as it is now."""
        return next(iter(self.found.links.values()), None)


class RecordRestoring:
    """Applies the actions of one undo on accounts, or on classes."""

    def __init__(self, ledger: Ledger, connection_id: int, kind: str, undone_id: int, target: Target) -> None:
        self._ledger, self._connection_id, self._kind, self._target = ledger, connection_id, kind, target
        self._undone_id = undone_id
        with ledger.transaction() as connection:
            self._goes_back = depth(connection, undone_id) % 2 == 0
            """Whether the portal goes away from what the SIS says: not where an undo is undone."""
            self._ids = Renamed.since(connection, undone_id, kind)

    def run(self, *verbs: str) -> None:
        """Apply what the plan has of these verbs."""
        for type_ in self._target.types:
            for verb in verbs:
                self._ledger.apply_all(type_, verb, self._apply, AT_ONCE)

    def _apply(self, connection: Connection, actions: list[Stored], results: Results) -> None:
        ids = [action.target_id for action in actions if action.target_id is not None]
        found = self._target.find(connection, self._connection_id, ids, lock=True)
        origins = read_origins(connection, actions, self._ids)
        linked = linked_targets(connection, self._connection_id, self._target.links, wanted_ids(actions, self._kind))
        ready: list[One] = []
        for action in actions:
            record = found.get(action.target_id or 0)
            if record is None:
                results.conflict(action, GONE)
            elif self._judged(action, record, linked, results):
                ready.append(One(action, origins[action.id], record))
        self._put_places_back(connection, ready)
        self._write(connection, ready)
        replaced = self._take_ids(connection, ready)
        logs = self._relink(connection, ready)
        for one in ready:
            log = logs[one.action.id]
            log.replaced = replaced.get(one.action.id, {})
            if RETURNS in one.action.after:
                give_back(
                    connection, self._connection_id, self._ledger.sync_id, one.found.id, one.origin.log.replaced, log
                )
        self._vacate(connection, ready, logs)
        for one in ready:
            results.keep(one.action, logs[one.action.id])
        self._remember(connection, ready)

    def _judged(self, action: Stored, record: Found, linked: dict[str, int], results: Results) -> bool:
        """Note the outcome of an action; whether it is applied."""
        if refusal := link_conflict(action, record.links, self._kind, linked):
            results.conflict(action, refusal)
            return False
        match standing(record.values, action.before, action.after):
            case Standing.CONFLICT:
                results.conflict(action, CHANGED)
                return False
            case Standing.ALREADY_SO:
                results.already_so(action, record.id, SO)
            case Standing.AS_PLANNED:
                results.applied(action, record.id)
        return True

    def _take_ids(self, connection: Connection, ready: list[One]) -> dict[int, dict[str, Any]]:
        """The undo of an undo: accounts that had got their id back make way again; ``Log.replaced`` by action."""
        now = stored_moment(connection, self._ledger.clock())
        found: dict[int, dict[str, Any]] = {}
        for one in ready:
            if old := one.action.before.get(RETURNS):
                classes = sorted({moved[0] for moved in one.moved})
                found[one.action.id] = take_away(
                    connection, self._connection_id, self._ledger.sync_id, now, old, classes
                )
        return found

    def _put_places_back(self, connection: Connection, ready: list[One]) -> None:
        owners: dict[tuple[int, int], One] = {}
        wanted: list[Moved] = []
        for one in ready:
            unticked = set(one.action.roster.get("unticked", ()))
            for moved in one.origin.log.places:
                if moved[2] not in unticked:
                    owners[moved[0], moved[1]] = one
                    wanted.append(moved)
        done = undo_places.put_back(connection, wanted, self._ledger.sync_id)
        for moved in done:
            owner = owners[moved[0], moved[1]]
            owner.moved = [*owner.moved, moved]
        if self._target is PEOPLE:
            undo_places.rewrite(connection, self._connection_id, done)
            return
        returning = [one for one in ready if one.link is None and len(one.moved) < len(one.origin.log.places)]
        over = undo_places.ended(connection, [moved for one in returning for moved in one.origin.log.places])
        for one in returning:
            one.lost = {moved[2] for moved in one.origin.log.places if (moved[0], moved[1]) in over}

    def _write(self, connection: Connection, ready: list[One]) -> None:
        """Fields, and whether the record is active."""
        target, sync_id = self._target, self._ledger.sync_id
        now = stored_moment(connection, self._ledger.clock())
        rows: list[Row] = []
        fates: list[Row] = []
        for one in ready:
            values, after = one.found.values, one.action.after
            fields = {name: value for name, value in after.items() if name in values}
            rows.append((*target.row(one.found, values | fields), sync_id, one.found.id))
            if "archived" in after and after["archived"] != values["archived"]:
                fates.append((*((now, sync_id) if after["archived"] else (None, None)), sync_id, one.found.id))
        update_rows(connection, target.table, (*target.columns, "changed_by_sync"), ("id",), rows)
        update_rows(connection, target.table, _FATES, ("id",), fates)
        if target is PEOPLE:
            browser_sessions.end_all(connection, (row[-1] for row in fates if row[0] is not None))
            back = [row[-1] for row in fates if row[0] is None]
            outbox.revive_account_made(connection, back, self._ledger.clock())

    def _relink(self, connection: Connection, ready: list[One]) -> dict[int, Log]:
        """Put links back; what each action keeps for an undo of its own."""
        logs: dict[int, Log] = {}
        rows: list[Row] = []
        changed: list[int] = []
        for one in ready:
            logs[one.action.id] = Log(places=one.moved)
            link = self._link(one)
            if not link.changed:
                continue
            logs[one.action.id].link = link_before(one.link)
            changed.append(one.found.id)
            if link.source_id:
                released = json_text(link.released) if link.released else None
                values = (json_text(link.written), link.mark, released)
                rows.append((self._connection_id, link.source_id, one.found.id, *values))
        links = self._target.links
        for ids in chunks(changed, 500):
            mine = (links.c.connection_id == self._connection_id, links.c[self._target.target].in_(ids))
            connection.execute(delete(links).where(*mine))
        columns = ("connection_id", "source_id", self._target.target, "written", "written_fingerprint", "released")
        insert_rows(connection, links, columns, rows)
        return logs

    def _link(self, one: One) -> Relinked:
        if self._target is PEOPLE:
            return relinked(one.origin, one.action, one.link)
        exact = one.origin.whole and len(one.moved) == len(one.origin.log.places)
        if exact:
            return relinked(one.origin, one.action, one.link)
        link = relinked(msgspec.structs.replace(one.origin, whole=False), one.action, one.link)
        written = undo_places.rewritten(link.written, one.moved)
        return msgspec.structs.replace(link, written=without_members(written, one.lost) if one.lost else written)

    def _vacate(self, connection: Connection, ready: list[One], logs: dict[int, Log]) -> None:
        """Whoever is archived and loses the link gives up the places, too: should they come again, they join again.

        Accounts leave the classes that stay, classes lose everybody.
        """
        leaving: dict[int, tuple[str, int]] = {}
        for one in ready:
            was = one.action.before.get("identifiers", {}).get(self._kind, "")
            if one.action.verb == "delete" and was and not logs[one.action.id].replaced:
                leaving[one.found.id] = (was, one.action.id)
        undo_id = self._ledger.sync_id
        if self._target is PEOPLE:
            ids = {account_id: was for account_id, (was, _) in leaving.items()}
            moved = undo_places.vacate(connection, self._connection_id, ids, undo_id)
        else:
            moved = undo_places.empty(connection, self._connection_id, list(leaving), undo_id)
        for target_id, changes in moved.items():
            log = logs[leaving[target_id][1]]
            log.places = [*log.places, *changes]

    def _remember(self, connection: Connection, ready: list[One]) -> None:
        """What was undone is not proposed again; where an undo is undone, nothing of it is kept back any longer."""
        rows: list[tuple[Any, Kept]] = []
        for one in ready:
            action, here = one.action, {moved[2] for moved in one.moved}
            roster = {
                part: [each for each in action.roster.get(part, []) if each in here] for part in ("join", "leave")
            }
            done = (action.verb, action.before, action.after, roster)
            kept = merged(kept_by_undo(*done), Kept(fields=one.origin.kept)) if self._goes_back else kept_of(*done)
            rows.append((action, kept))
        if self._goes_back:
            now = self._ledger.clock()
            kept_back.remember(connection, self._connection_id, self._undone_id, self._ledger.sync_id, now, rows)
        else:
            kept_back.forget(
                connection, self._connection_id, [(each.type, each.source_id, kept) for each, kept in rows]
            )
        keys = {(self._target.collection, id_) for one in ready for id_ in concerned(one.action, self._kind)}
        kept_back.mark_pending(connection, self._connection_id, sorted(keys))
