"""What a plan leaves out because it was undone, and what of that is forgotten because the SIS says it no more (SPEC 7)."""

from collections import Counter

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Table, and_, exists, or_, select

from sisportal.roster.keeping_back import Kept, merged, older_id, renamed_places, split
from sisportal.roster.planning import Planned
from sisportal.syncing.held import ACCOUNT_LINKS, ACCOUNTS, CLASS_LINKS, CLASSES
from sisportal.syncing.kept_back import KEPT, Key, collection_of, kept_of_row, write
from sisportal.syncing.mirror import PEOPLE, SECTIONS, listed_as_archived


class Keeping:
    """What of one connection is kept back while a plan is made, and what of it the plan left out."""

    def __init__(self, engine: Engine, connection_id: int) -> None:
        self._connection_id = connection_id
        self._left_out: Counter[tuple[str, str]] = Counter()
        self._used: dict[Key, Kept] = {}
        self._ids: dict[str, str] = {}
        """Of people whose link this plan moves: the id of before -> the new one."""
        with engine.connect() as connection:
            rows = connection.execute(select(KEPT).where(KEPT.c.connection_id == connection_id))
            self._kept: dict[Key, Kept] = {(row.collection, row.source_id): kept_of_row(row) for row in rows}
            self.away: frozenset[str] = _away(connection, connection_id) if self._kept else frozenset()
            """People without an active account because its making was undone: no class waits for them."""
            self.staying: frozenset[str] = _staying(connection, connection_id) if self._kept else frozenset()
            """People whose new id was undone: under their older one they keep their places, though it is not listed."""

    def propose(self, planned: Planned) -> Planned | None:
        """What of an action is proposed; None: all of it was undone before."""
        if not self._kept:
            return planned
        keys, kept = self._kept_of(planned)
        if not kept:
            return planned
        proposed, left_out = split(planned, kept)
        if left_out:
            self._used.update(dict.fromkeys(keys, left_out))
        if proposed is None:
            self._left_out[planned.type, planned.verb] += 1
        return proposed

    def _kept_of(self, planned: Planned) -> tuple[list[Key], Kept]:
        """What is kept back of a record, under an id that its link has until now, too; people by their ids of this plan."""
        collection, older = collection_of(planned.type), older_id(planned.before, planned.source_id)
        keys, kept = [(collection, planned.source_id)], self._kept.get((collection, planned.source_id), Kept())
        if older and collection == "people":
            self._ids[older] = planned.source_id
        if older and (under := self._kept.get((collection, older))):
            keys.append((collection, older))
            kept = merged(msgspec.structs.replace(under, is_new=False, is_gone=False), kept)
        if self._ids and (kept.joins or kept.leaves):
            joins, leaves = ([*names, *renamed_places(names, self._ids)] for names in (kept.joins, kept.leaves))
            kept = msgspec.structs.replace(kept, joins=joins, leaves=leaves)
        return keys, kept

    def counts(self) -> dict[str, dict[str, int]]:
        """``{type: {verb: number}}`` of the actions that were left out as a whole."""
        found: dict[str, dict[str, int]] = {}
        for (type_, verb), number in sorted(self._left_out.items()):
            found.setdefault(type_, {})[verb] = number
        return found

    def forget_stale(self, connection: Connection) -> None:
        """After a comparison of everything: forget values and places that the SIS no longer wants.

        Should it want them again one day, that is a change of its own. Of who is listed no more and has not gone yet nothing
        is forgotten: they may be found to be listed under another id.
        """
        some = {key: kept for key, kept in self._kept.items() if kept.fields or kept.joins or kept.leaves}
        if not some:
            return
        people = _not_listed(connection, self._connection_id, ACCOUNT_LINKS, ACCOUNTS, PEOPLE)
        away = {
            "people": people,
            "sections": _not_listed(connection, self._connection_id, CLASS_LINKS, CLASSES, SECTIONS),
        }
        for key, kept in some.items():
            if kept.is_new or key[1] in away[key[0]]:
                continue  # it was not compared
            used = self._used.get(key, Kept())
            joins, leaves = (
                [id_ for id_ in names if id_ in people or not {id_, self._ids.get(id_, id_)}.isdisjoint(said)]
                for names, said in ((kept.joins, used.joins), (kept.leaves, used.leaves))
            )
            still = Kept(kept.is_new, kept.is_gone, used.fields, joins, leaves)
            if still != kept:
                write(connection, self._connection_id, key, still)


def forget_returned(connection: Connection, connection_id: int) -> None:
    """Whose delete was undone and whom the SIS lists again: should they go once more, their delete is proposed."""
    for collection, table in (("people", PEOPLE), ("sections", SECTIONS)):
        listed = exists().where(
            table.c.connection_id == connection_id,
            table.c.source_id == KEPT.c.source_id,
            table.c.gone_in_sync.is_(None),
            table.c.in_scope,
            ~listed_as_archived(table),
        )
        mine = (KEPT.c.connection_id == connection_id, KEPT.c.collection == collection)
        for row in connection.execute(select(KEPT).where(*mine, KEPT.c.is_gone, listed)).all():
            still = msgspec.structs.replace(kept_of_row(row), is_gone=False)
            write(connection, connection_id, (collection, row.source_id), still)


def _away(connection: Connection, connection_id: int) -> frozenset[str]:
    active = exists().where(
        ACCOUNT_LINKS.c.connection_id == connection_id,
        ACCOUNT_LINKS.c.source_id == KEPT.c.source_id,
        ACCOUNTS.c.id == ACCOUNT_LINKS.c.account_id,
        ACCOUNTS.c.archived_at.is_(None),
    )
    mine: list[ColumnElement[bool]] = [KEPT.c.connection_id == connection_id, KEPT.c.collection == "people"]
    return frozenset(connection.scalars(select(KEPT.c.source_id).where(*mine, KEPT.c.is_new, ~active)))


def _staying(connection: Connection, connection_id: int) -> frozenset[str]:
    older = and_(ACCOUNT_LINKS.c.account_id == KEPT.c.target_id, ACCOUNT_LINKS.c.source_id != KEPT.c.source_id)
    statement = select(ACCOUNT_LINKS.c.source_id).select_from(KEPT.join(ACCOUNT_LINKS, older))
    mine = (KEPT.c.connection_id == connection_id, ACCOUNT_LINKS.c.connection_id == connection_id)
    return frozenset(connection.scalars(statement.where(*mine, KEPT.c.collection == "people", KEPT.c.is_new)))


def _not_listed(connection: Connection, connection_id: int, links: Table, held: Table, records: Table) -> set[str]:
    """Ids of links to active accounts, or classes, whose records the SIS does not list in a school that is synced."""
    record = and_(records.c.connection_id == connection_id, records.c.source_id == links.c.source_id)
    target = links.c.account_id if links is ACCOUNT_LINKS else links.c.class_id
    statement = (
        select(links.c.source_id)
        .select_from(links.join(held, held.c.id == target).outerjoin(records, record))
        .where(links.c.connection_id == connection_id, held.c.archived_at.is_(None))
        .where(or_(records.c.id.is_(None), records.c.gone_in_sync.is_not(None), records.c.in_scope.is_(False)))
    )
    return set(connection.scalars(statement))
