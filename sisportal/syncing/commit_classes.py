"""Actions on classes, applied a batch at a time: made, changed, revived, archived, with the people in them."""

import msgspec
from msgspec import UnsetType
from sqlalchemy import Connection, Text, delete, select, type_coerce

from sisportal.models import Source
from sisportal.roster.fields import CLASS_FIELDS, Standing, Values, standing
from sisportal.roster.options import Options
from sisportal.roster.records import Section
from sisportal.roster.sessions import session_key
from sisportal.syncing.among import among
from sisportal.syncing.archiving import Kind, archive
from sisportal.syncing.conflict_words import changed_meanwhile
from sisportal.syncing.held import (
    CLASS_COLUMNS,
    CLASS_LINKS,
    CLASSES,
    class_columns,
    class_held,
    class_search,
    column_value,
)
from sisportal.syncing.links import read_links
from sisportal.syncing.matched import KEPT
from sisportal.syncing.mirror import SECTIONS
from sisportal.syncing.outcomes import Ledger, Results, Stored
from sisportal.syncing.package_parents import is_stated, stated_key
from sisportal.syncing.rosters import Rosters, wanted_teachers
from sisportal.syncing.rows import Row, insert_rows, json_text, reserve_ids, stored_moment, update_rows
from sisportal.syncing.undo_log import Log, link_before

AT_ONCE = 2_500
_INSERT = (
    "id", *CLASS_COLUMNS, "style", "session_key", "search", "source", "changed_by_sync", "created_at", "is_parent",
    "archived_at", "archived_by_sync",
)  # fmt: skip
_LINK = ("connection_id", "source_id", "class_id", "written", "written_fingerprint")
_UPDATE = (*CLASS_COLUMNS, "search", "changed_by_sync")
GONE = "The class is not there any more."
UNLINKED = "The class is no longer linked to this section of the SIS, or is linked to another."
CHANGED = "The class was changed in the portal after this sync was prepared."
TEACHERS_CHANGED = "The teachers of the class were changed in the portal after this sync was prepared."


class Held(msgspec.Struct):
    """A class as the commit finds it."""

    id: int
    values: Values
    """Its synced fields, and ``archived``."""


class ClassCommit:
    """Applies the actions on classes of one sync."""

    def __init__(self, ledger: Ledger, connection_id: int, options: Options, rosters: Rosters) -> None:
        self._ledger, self._connection_id, self._options, self._rosters = ledger, connection_id, options, rosters

    def run(self) -> None:
        """Everything but deletes."""
        self._ledger.apply_all("section", "add", self._add, AT_ONCE)
        self._ledger.apply_all("section", "reactivate", self._edit, AT_ONCE)
        self._ledger.apply_all("section", "edit", self._edit, AT_ONCE)

    def archive(self) -> None:
        """The deletes."""
        self._ledger.apply_all("section", "delete", self._delete, AT_ONCE)

    def _add(self, connection: Connection, actions: list[Stored], results: Results) -> None:
        linked = self._linked(connection, actions)
        wanted = [action for action in actions if action.source_id not in linked]
        first = reserve_ids(connection, CLASSES, len(wanted))
        now = stored_moment(connection, self._ledger.clock())
        self._rosters.places(connection, wanted, {})
        keys = self._session_keys(connection, wanted)
        classes: list[Row] = []
        links: list[Row] = []
        for id_, action in enumerate(wanted, first):
            after = action.after
            teachers: list[str] = after.pop("teachers", [])
            style = after.pop("style", "instructor")
            archived = (now, self._ledger.sync_id) if after.pop("archived", False) else (None, None)
            classes.append(
                (
                    id_,
                    *(column_value(field, after.get(field)) for field in CLASS_FIELDS),
                    style,
                    self._key(keys.get(action.source_id, ""), after, teachers),
                    class_search(after),
                    str(Source.SYNC),
                    self._ledger.sync_id,
                    now,
                    False,
                    *archived,
                )
            )
            written, whole = self._rosters.fill(action, id_, teachers, results)
            mark = action.fingerprint if whole else None
            links.append((self._connection_id, action.source_id, id_, json_text(after | written), mark))
            results.applied(action, id_)
        insert_rows(connection, CLASSES, _INSERT, classes)
        insert_rows(connection, CLASS_LINKS, _LINK, links)
        self._rosters.write(connection)
        for action in actions:
            if (class_id := linked.get(action.source_id)) is not None:
                results.already_so(action, class_id, "The portal has a class for this section already.")

    def _edit(self, connection: Connection, actions: list[Stored], results: Results) -> None:
        held = _held(connection, [action.target_id for action in actions if action.target_id is not None])
        linked = read_links(connection, CLASS_LINKS, self._connection_id, actions)
        last = {action.source_id: linked.written(action) for action in actions}
        places = self._rosters.places(connection, actions, last)
        classes: list[Row] = []
        revived: list[Row] = []
        links: list[Row] = []
        for action in actions:
            if self._rosters.waits(action):
                continue
            class_ = held.get(action.target_id or 0)
            if class_ is None:
                results.conflict(action, GONE)
                continue
            if not linked.agrees(action):
                results.conflict(action, UNLINKED)
                continue
            before, after = action.before, action.after
            teachers = wanted_teachers(action)
            linking, kept = after.pop("identifiers", None) is not None, after.pop(KEPT, {})
            after.pop("teachers", None)
            if teachers is not None and self._rosters.are_teachers_edited(class_.id):
                results.conflict(action, TEACHERS_CHANGED)
                continue
            if not _judged(action, class_, before, after, results):
                continue
            values = class_.values | after
            if values.pop("archived") is False and class_.values["archived"]:
                revived.append((None, None, class_.id))
            after.pop("archived", None)
            classes.append(_class_row(values, self._ledger.sync_id, class_.id))
            written = last[action.source_id]
            roster, whole, moved = self._rosters.change(action, class_.id, teachers, written, places, results)
            results.keep(action, Log(link=link_before(linked.before(action)), places=moved))
            written = (values if linking and not written else written | after | kept) | roster
            mark = action.fingerprint if whole else None
            links.append((self._connection_id, action.source_id, class_.id, json_text(written), mark))
        update_rows(connection, CLASSES, _UPDATE, ("id",), classes)
        update_rows(connection, CLASSES, ("archived_at", "archived_by_sync"), ("id",), revived)
        self._relink(connection, links)
        self._rosters.write(connection)

    def _delete(self, connection: Connection, actions: list[Stored], results: Results) -> None:
        archive(connection, _KIND, self._ledger, self._connection_id, actions, results)

    def _session_keys(self, connection: Connection, actions: list[Stored]) -> dict[str, str]:
        """The session key of each new section (option 14), from the record that the plan was made of.

        Where a package says which classes are sessions, it decides that, and not the options.
        """
        decode = msgspec.json.Decoder(Section).decode
        statement = select(SECTIONS.c.source_id, type_coerce(SECTIONS.c.payload, Text)).where(
            SECTIONS.c.connection_id == self._connection_id,
            among(SECTIONS.c.source_id, [action.source_id for action in actions]),
        )
        return {row[0]: self._session_key(decode(row[1])) for row in connection.execute(statement).all()}

    def _session_key(self, section: Section) -> str:
        if not isinstance(section.session, UnsetType):
            return stated_key(self._connection_id, section.course) if section.session else ""
        return session_key(section, self._options.match_sessions) if self._options.parent_child else ""

    def _key(self, key: str, after: Values, teachers: list[str]) -> str:
        """Organization, primary teacher and key in one text; blank where the class must stand alone."""
        if is_stated(key):
            return key
        teacher = self._rosters.account(teachers[0]) if teachers else None
        return f"{after.get('organization') or 0}|{teacher}|{key}" if key and teacher else ""

    def _linked(self, connection: Connection, actions: list[Stored]) -> dict[str, int]:
        statement = select(CLASS_LINKS.c.source_id, CLASS_LINKS.c.class_id).where(
            CLASS_LINKS.c.connection_id == self._connection_id,
            among(CLASS_LINKS.c.source_id, [action.source_id for action in actions]),
        )
        return {row[0]: row[1] for row in connection.execute(statement).all()}

    def _relink(self, connection: Connection, links: list[Row]) -> None:
        mine = CLASS_LINKS.c.connection_id == self._connection_id
        connection.execute(delete(CLASS_LINKS).where(mine, among(CLASS_LINKS.c.class_id, [each[2] for each in links])))
        insert_rows(connection, CLASS_LINKS, _LINK, links)


def _class_row(values: Values, sync_id: int, class_id: int) -> Row:
    return (*(column_value(field, values[field]) for field in CLASS_FIELDS), class_search(values), sync_id, class_id)


def _judged(action: Stored, class_: Held, before: Values, after: Values, results: Results) -> bool:
    match standing(class_.values, before, after):
        case Standing.CONFLICT:
            results.conflict(action, changed_meanwhile(CHANGED, class_.values, before))
            return False
        case Standing.ALREADY_SO:
            results.already_so(action, class_.id, "The class is like this already.")
        case Standing.AS_PLANNED:
            results.applied(action, class_.id)
    return True


def _held(connection: Connection, ids: list[int]) -> dict[int, Held]:
    """The classes, locked where the database can: nobody changes them between this look and the write."""
    statement = select(CLASSES.c.id, CLASSES.c.archived_at, *class_columns()).where(among(CLASSES.c.id, ids))
    rows = connection.execute(statement.with_for_update()).all()
    return {row[0]: Held(row[0], class_held(row[2:]) | {"archived": row[1] is not None}) for row in rows}


_KIND = Kind(CLASSES, CLASS_LINKS, _held, GONE, UNLINKED, "The class was archived already.")
