"""Who is in a class: the joins and leaves of section actions, resolved to accounts and written as memberships."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Text, not_, or_, select, type_coerce

from sisportal.models import ActionState, HandEdit, Membership, RecordKind, Sync
from sisportal.roster.fields import Values
from sisportal.roster.lineup import lineup
from sisportal.roster.records import Problem
from sisportal.syncing.actions import ACTIONS, IS_HELD
from sisportal.syncing.among import among
from sisportal.syncing.held import ACCOUNT_LINKS, ACCOUNTS, MEMBERSHIPS
from sisportal.syncing.matched import KEPT, ORDER
from sisportal.syncing.outcomes import Results, Stored
from sisportal.syncing.rows import Row, chunks, insert_rows, update_rows

_KEY = ("class_id", "account_id")


class Place(msgspec.Struct, frozen=True, gc=False):
    """A membership as the commit finds it."""

    position: int
    ended_by: int | None
    """``Membership.ended_by_sync``."""

    @property
    def ended(self) -> bool:
        """Whether the person has left."""
        return self.ended_by is not None


Places = dict[tuple[int, int], Place]


class Rosters:
    """Resolves and writes the memberships of one commit. Memory: one id for each account that a roster names."""

    def __init__(self, connection_id: int, sync_id: int) -> None:
        self._connection_id, self._sync_id = connection_id, sync_id
        self._accounts: dict[str, int | None] = {}
        self._archived: dict[str, int] = {}
        self._moved: dict[str, tuple[int, str]] = {}
        """Ids that this commit gave up for others: the account, and its id from now on."""
        self._revived: frozenset[int] = frozenset()
        """Accounts that were archived until this commit."""
        self._staying: frozenset[str] | None = None
        self._waiting: frozenset[str] = frozenset()
        self._unticked: frozenset[str] = frozenset()
        self._teaching: dict[int, list[int]] = {}
        self._edited: set[tuple[int, str, int]] = set()
        self._filled: list[Row] = []
        self._added: dict[tuple[int, int], int] = {}
        self._changed: dict[tuple[int, int], tuple[int, int | None]] = {}

    def places(self, connection: Connection, actions: list[Stored], last: Mapping[str, Values]) -> Places:
        """The memberships of the actions' classes as they are; accounts of those who join or leave are looked up.

        ``last``: ``source_id`` of the sections -> what was last written of them.
        """
        if self._staying is None:
            self._read_decisions(connection)
            self._read_people(connection)
        named = {
            source_id for action in actions for part in ("join", "leave") for source_id in action.roster.get(part, [])
        }
        for action in actions:
            if (teachers := wanted_teachers(action)) is not None:
                # Those who were teachers too: one who keeps the place although no longer listed moves behind the others.
                named.update(teachers, last.get(action.source_id, {}).get("teachers", ()))
        self._look_up(connection, named - self._accounts.keys())
        classes = [action.target_id for action in actions if action.target_id is not None]
        if not classes:
            return {}
        self._teaching = _teaching(
            connection, [each.target_id for each in actions if each.target_id and wanted_teachers(each) is not None]
        )
        self._read_hand_edits(connection, classes)
        columns = select(
            MEMBERSHIPS.c.class_id, MEMBERSHIPS.c.account_id, MEMBERSHIPS.c.position, MEMBERSHIPS.c.ended_by_sync
        )
        rows = connection.execute(columns.where(among(MEMBERSHIPS.c.class_id, classes))).all()
        return {(row[0], row[1]): Place(row[2], row[3]) for row in rows}

    def account(self, source_id: str) -> int | None:
        """The active account of a person whom ``places`` looked up."""
        return self._accounts.get(source_id)

    def are_teachers_edited(self, class_id: int) -> bool:
        """Whether somebody changed the teachers of a class, or their order, by hand after the plan was made."""
        return (class_id, "teachers", 0) in self._edited

    def waits(self, action: Stored) -> bool:
        """Whether all that the action would do is take people out whose delete is held: it waits with them."""
        roster = action.roster
        leaving = set(roster.get("leave", ())) - set(roster.get("unticked", ()))
        return bool(leaving) and leaving <= self._waiting and not (action.after or roster.get("join"))

    def fill(self, action: Stored, class_id: int, teachers: list[str], results: Results) -> tuple[Values, bool]:
        """The roster of a new class: what was written of it, and whether that is all that was planned."""
        unticked = set(action.roster.get("unticked", ()))
        planned = action.roster.get("join", [])
        accounts = self._accounts
        joined = [
            source_id for source_id in planned
            if source_id not in unticked
            and (accounts.get(source_id) is not None or self._joins(action, source_id, results))
        ]  # fmt: skip
        here = set(joined)
        leading = [source_id for source_id in teachers if source_id in here]
        students = [source_id for source_id in joined if source_id not in leading]
        positions = dict.fromkeys([accounts[source_id] for source_id in students], Membership.STUDENT)
        positions |= {accounts[source_id]: number for number, source_id in enumerate(leading)}
        self._filled += [(class_id, account_id, position) for account_id, position in positions.items()]
        return {"teachers": leading, "students": students}, len(joined) == len(planned)

    def change(
        self,
        action: Stored,
        class_id: int,
        teachers: list[str] | None,
        written: Values,
        places: Places,
        results: Results,
    ) -> tuple[Values, bool, list[list[Any]]]:
        """Join and leave a class; ``teachers`` is their new order, None where it stays.

        Gives the values ``teachers`` and ``students`` as they are written now, whether nothing was left out, and what
        places changed (``Log.places``).
        """
        roster = action.roster
        leaving, joined = self._movers(action, class_id, places, results)
        last_teachers: list[str] = list(written.get("teachers", []))
        gone = self._gone(leaving, roster.get("join", ()))
        out = leaving | {self._moved[source_id][1] for source_id in gone}  # what was written has their newer id by now
        now_teachers, students = _listed_now(last_teachers, written.get("students", []), teachers, out, joined)
        # Where the SIS's teachers were chosen, one whom a person had taken out comes back.
        placed = list(dict.fromkeys([*joined, *now_teachers])) if roster.get(ORDER) == ["sis"] else joined
        order = self._lineup(action, class_id, now_teachers, placed, leaving, last_teachers, results, gone)
        named = {self._accounts.get(source_id): source_id for source_id in (*now_teachers, *joined, *leaving)}
        named |= {account_id: source_id for source_id, account_id in gone.items()}
        moved = self._place(class_id, order, placed, leaving, places, named, gone)
        whole = len(joined) == len(roster.get("join", ())) and len(leaving) == len(roster.get("leave", ()))
        return {"teachers": now_teachers, "students": students}, whole, moved

    def write(self, connection: Connection) -> None:
        """Write the memberships gathered since the last time."""
        self._filled += [(*key, position) for key, position in self._added.items()]
        insert_rows(connection, MEMBERSHIPS, (*_KEY, "position"), self._filled)
        changed: list[Row] = [(*values, *key) for key, values in sorted(self._changed.items())]
        update_rows(connection, MEMBERSHIPS, ("position", "ended_by_sync"), _KEY, changed)
        self._filled, self._added, self._changed = [], {}, {}

    def _movers(self, action: Stored, class_id: int, places: Places, results: Results) -> tuple[set[str], list[str]]:
        """Of those who were planned to leave and to join, whoever does: nobody unticked, and nobody whom a person moved."""
        unticked, staying = set(action.roster.get("unticked", ())), self._staying or ()
        leaving = {
            source_id
            for source_id in action.roster.get("leave", ())
            if source_id not in unticked
            and source_id not in staying
            and not self._defied(action, class_id, source_id, places, results, ended=False)
        }
        joined = [
            source_id
            for source_id in action.roster.get("join", ())
            if source_id not in unticked
            and not self._defied(action, class_id, source_id, places, results, ended=True)
            and self._joins(action, source_id, results)
        ]
        return leaving, joined

    def _gone(self, leaving: set[str], joining: Iterable[str]) -> dict[str, int]:
        """Those who leave under an id that is theirs no more, and do not join under the newer one: id -> account."""
        moved, listed = self._moved, set(joining)
        return {each: moved[each][0] for each in leaving if each in moved and moved[each][1] not in listed}

    def _joins(self, action: Stored, source_id: str, results: Results) -> bool:
        if self._accounts.get(source_id) is not None:
            return True
        code = "unticked-in-roster" if source_id in self._unticked else "no-account-in-roster"
        results.warn(action, Problem(code, "section", action.source_id, "roster", source_id, action.school))
        return False

    def _defied(
        self, action: Stored, class_id: int, source_id: str, places: Places, results: Results, *, ended: bool
    ) -> bool:
        """Whether a person said the opposite of a planned place after the plan was made: it stays as they left it.

        ``ended``: whether the place is over where they did.
        """
        account = self._accounts.get(source_id) or self._moved.get(source_id, (0, ""))[0]
        place = places.get((class_id, account))
        if place is None or place.ended is not ended or (class_id, "students", account) not in self._edited:
            return False
        results.warn(action, Problem("place-edited", "section", action.source_id, "roster", source_id, action.school))
        return True

    def _lineup(
        self,
        action: Stored,
        class_id: int,
        teachers: list[str],
        joined: list[str],
        leaving: set[str],
        last: list[str],
        results: Results,
        gone: Mapping[str, int],
    ) -> list[int]:
        """The accounts that teach the class, in their order; none where the action does not touch them.

        Where a person chose the SIS's order, that is it, and whoever a person put in besides comes behind.
        """
        here, chosen = self._teaching.get(class_id, []), action.roster.get(ORDER)
        taught = (gone.get(source_id) or self._accounts.get(source_id) for source_id in last)
        before = here if chosen == ["sis"] else [account_id for account_id in taught if account_id is not None]
        # A place from before an account was archived is no person's word on the order.
        here = [account_id for account_id in here if account_id in before or account_id not in self._revived]
        out = {*self._known(leaving), *gone.values()}
        order, is_kept = lineup(here, before, self._known(teachers), {*self._known(joined)}, out)
        if is_kept and chosen is None:
            results.warn(
                action, Problem("teacher-order-kept", "section", action.source_id, "teachers", "", action.school)
            )
        return order

    def _known(self, source_ids: Iterable[str]) -> list[int]:
        """The active accounts of these people."""
        accounts = (self._accounts.get(source_id) for source_id in source_ids)
        return [account for account in accounts if account is not None]

    def _place(
        self,
        class_id: int,
        teachers: list[int],
        joined: list[str],
        leaving: set[str],
        places: Places,
        ids: Mapping[int | None, str],
        gone: Mapping[str, int],
    ) -> list[list[Any]]:
        """Note what changes of the class's places; gives it as ``Log.places``, without an id for whom no sync put there.

        ``ids``: account -> ``source_id``; ``gone``: as ``_gone`` has it.
        """
        moved: list[list[Any]] = []
        new = set(self._known(joined))
        positions = dict.fromkeys(new, Membership.STUDENT)
        positions |= {account_id: number for number, account_id in enumerate(teachers)}
        for account_id, position in positions.items():
            place = places.get((class_id, account_id))
            if place is None and account_id in new:
                self._added[class_id, account_id] = position
                moved.append([class_id, account_id, ids.get(account_id, ""), None, [position, None]])
            elif place is not None and (place.position != position or (place.ended and account_id in new)):
                now = (position, None if account_id in new else _ended(place))
                self._changed[class_id, account_id] = now
                was = [place.position, place.ended_by]
                moved.append([class_id, account_id, ids.get(account_id, ""), was, now])
        # Of who is archived by now too: they would be in the class again once their account is active again.
        archived = [self._archived[source_id] for source_id in leaving if source_id in self._archived]
        for account_id in (*self._known(leaving), *archived, *gone.values()):
            place = places.get((class_id, account_id))
            if place is not None and not place.ended:
                source_id = ids.get(account_id, "")
                self._changed[class_id, account_id] = (place.position, self._sync_id)
                moved.append([class_id, account_id, source_id, [place.position, None], [place.position, self._sync_id]])
        return moved

    def _look_up(self, connection: Connection, source_ids: set[str]) -> None:
        columns = (ACCOUNT_LINKS.c.source_id, ACCOUNT_LINKS.c.account_id, ACCOUNTS.c.archived_at)
        statement = select(*columns).join(ACCOUNTS, ACCOUNTS.c.id == ACCOUNT_LINKS.c.account_id)
        for chunk in chunks(source_ids, 5_000):
            self._accounts.update(dict.fromkeys(chunk))
            rows = connection.execute(
                statement.where(
                    ACCOUNT_LINKS.c.connection_id == self._connection_id,
                    among(ACCOUNT_LINKS.c.source_id, chunk),
                )
            ).all()
            self._accounts.update((row[0], row[1]) for row in rows if row[2] is None)
            self._archived.update((row[0], row[1]) for row in rows if row[2] is not None)

    def _read_hand_edits(self, connection: Connection, class_ids: list[int]) -> None:
        """What people changed of these classes' rosters after the plan was made."""
        prepared_at = select(Sync.prepared_at).where(Sync.id == self._sync_id).scalar_subquery()
        statement = select(HandEdit.record_id, HandEdit.field, HandEdit.member_id).where(
            HandEdit.record == RecordKind.CLASS,
            HandEdit.field.in_(("teachers", "students")),
            HandEdit.edited_at > prepared_at,
        )
        rows = connection.execute(statement.where(among(HandEdit.record_id, class_ids)))
        self._edited = {(row[0], row[1], row[2]) for row in rows}

    def _read_decisions(self, connection: Connection) -> None:
        """Whose delete is unticked or held keeps their places; whose add is unticked cannot join (SPEC 10).

        Whose new id is unticked or held keeps them under the older one.
        """
        statement = select(ACTIONS.c.source_id, ACTIONS.c.verb, ACTIONS.c.before, ACTIONS.c.ticked).where(
            ACTIONS.c.sync_id == self._sync_id,
            ACTIONS.c.type.in_(("student", "teacher")),
            or_(not_(ACTIONS.c.ticked), IS_HELD),
        )
        rows = connection.execute(statement).all()
        older = {id_ for row in rows for id_ in row[2].get("identifiers", {}).values() if id_}
        self._staying = frozenset(row[0] for row in rows if row[1] == "delete") | older
        self._waiting = frozenset(row[0] for row in rows if row[1] == "delete" and row[3])
        self._unticked = frozenset(row[0] for row in rows if row[1] != "delete")

    def _read_people(self, connection: Connection) -> None:
        """Whose account is active again by this commit, and whose link has another id."""
        done = (
            ACTIONS.c.sync_id == self._sync_id,
            ACTIONS.c.type.in_(("student", "teacher")),
            ACTIONS.c.state.in_((ActionState.APPLIED, ActionState.ALREADY_SO)),
        )
        revived = select(ACTIONS.c.target_id).where(*done, ACTIONS.c.verb == "reactivate")
        self._revived = frozenset(connection.scalars(revived))
        moved = select(ACTIONS.c.source_id, ACTIONS.c.target_id, ACTIONS.c.before).where(
            *done,
            ACTIONS.c.verb.in_(("edit", "reactivate")),
            type_coerce(ACTIONS.c.before, Text).like('%"identifiers"%'),
        )
        for now, account_id, before in connection.execute(moved).all():
            self._moved.update({was: (account_id, now) for was in before.get("identifiers", {}).values() if was})


def wanted_teachers(action: Stored) -> list[str] | None:
    """The teachers that the SIS wants, in their order, where the action touches them; also where a person kept another."""
    after: Values = action.after
    found: list[str] | None = after.get("teachers", after.get(KEPT, {}).get("teachers"))
    return found


def _listed_now(
    last_teachers: list[str],
    last_students: Iterable[str],
    teachers: list[str] | None,
    leaving: set[str],
    joined: list[str],
) -> tuple[list[str], list[str]]:
    """Teachers, in their order, and students of a class once its roster has changed, as its link keeps them."""
    new = set(joined)
    wanted = last_teachers if teachers is None else teachers
    now_teachers = [t for t in wanted if t in new or t in last_teachers]
    now_teachers += [t for t in last_teachers if t not in now_teachers and t not in leaving and t not in new]
    students = [s for s in last_students if s not in leaving and s not in now_teachers]
    # Whose id changed in this very sync is among the last ones already, under the newer id.
    return now_teachers, list(dict.fromkeys([*students, *(s for s in joined if s not in now_teachers)]))


def _ended(place: Place) -> int | None:
    return 0 if place.ended else None


def _teaching(connection: Connection, class_ids: list[int]) -> dict[int, list[int]]:
    """The active accounts that teach these classes now, in their order."""
    found: dict[int, list[int]] = {}
    statement = (
        select(MEMBERSHIPS.c.class_id, MEMBERSHIPS.c.account_id)
        .join(ACCOUNTS, ACCOUNTS.c.id == MEMBERSHIPS.c.account_id)
        .where(among(MEMBERSHIPS.c.class_id, class_ids), MEMBERSHIPS.c.position < Membership.STUDENT)
        .where(MEMBERSHIPS.c.ended_by_sync.is_(None), ACCOUNTS.c.archived_at.is_(None))
        .order_by(MEMBERSHIPS.c.class_id, MEMBERSHIPS.c.position, MEMBERSHIPS.c.account_id)
    )
    for class_id, account_id in connection.execute(statement).all():
        found.setdefault(class_id, []).append(account_id)
    return found
