"""Actions on accounts, applied a batch at a time: made, changed, revived, archived."""

import msgspec
from sqlalchemy import Connection, delete, func, select

from sisportal.models import Source
from sisportal.roster.fields import Standing, Values, standing
from sisportal.roster.records import Problem
from sisportal.roster.text import LONGEST_SEARCH, folded, searchable
from sisportal.syncing import browser_sessions, outbox
from sisportal.syncing.among import among
from sisportal.syncing.archiving import Kind, archive
from sisportal.syncing.conflict_words import changed_meanwhile
from sisportal.syncing.held import (
    ACCOUNT_COLUMNS,
    ACCOUNT_LINKS,
    ACCOUNTS,
    account_columns,
    account_held,
    account_row,
    account_search,
)
from sisportal.syncing.links import read_links
from sisportal.syncing.matched import KEPT, REPLACES
from sisportal.syncing.outcomes import Ledger, Results, Stored
from sisportal.syncing.replacing import make_way
from sisportal.syncing.rows import Row, insert_rows, json_text, reserve_ids, stored_moment, update_rows
from sisportal.syncing.undo_log import Log, link_before

AT_ONCE = 5_000
_INSERT = (
    "id", *ACCOUNT_COLUMNS, "username", "search", "source", "session_version", "changed_by_sync", "created_at",
    "archived_at", "archived_by_sync",
)  # fmt: skip
_LINK = ("connection_id", "source_id", "account_id", "written", "written_fingerprint")
_UPDATE = (*ACCOUNT_COLUMNS, "search", "changed_by_sync")
_EMAIL = _INSERT.index("email")
GONE = "The account is not there any more."
UNLINKED = "The account is no longer linked to this person of the SIS, or is linked to another."
CHANGED = "The account was changed in the portal after this sync was prepared."


class Held(msgspec.Struct):
    """An account as the commit finds it."""

    id: int
    username: str
    values: Values
    """Its synced fields, and ``archived``."""


class AccountCommit:
    """Applies the actions on accounts of one sync; with ``mails`` each new one with an e-mail address is written to."""

    def __init__(self, ledger: Ledger, connection_id: int, *, mails: bool = False) -> None:
        self._ledger, self._connection_id, self._mails = ledger, connection_id, mails

    def run(self) -> None:
        """Everything but deletes, which come last of all (SPEC 7)."""
        for type_ in ("student", "teacher"):
            self._ledger.apply_all(type_, "add", self._add, AT_ONCE)
            self._ledger.apply_all(type_, "reactivate", self._edit, AT_ONCE)
            self._ledger.apply_all(type_, "edit", self._edit, AT_ONCE)

    def archive(self) -> None:
        """The deletes."""
        for type_ in ("student", "teacher"):
            self._ledger.apply_all(type_, "delete", self._delete, AT_ONCE)

    def _add(self, connection: Connection, actions: list[Stored], results: Results) -> None:
        linked = self._linked(connection, [action.source_id for action in actions])
        giving_way = {a.source_id: linked.pop(a.source_id) for a in actions if _replaces(a, linked)}
        wanted = [(action, action.after) for action in actions if action.source_id not in linked]
        first = reserve_ids(connection, ACCOUNTS, len(wanted))
        taken = _taken(connection, [after["username"] for _, after in wanted])
        now = stored_moment(connection, self._ledger.clock())
        accounts: list[Row] = []
        links: list[Row] = []
        for id_, (action, after) in enumerate(wanted, first):
            username = self._free(connection, action, after.pop("username"), taken, results)
            archived = (now, self._ledger.sync_id) if after.pop("archived", False) else (None, None)
            found_by = _search(action, username)
            made = (str(Source.SYNC), 1, self._ledger.sync_id, now, *archived)
            accounts.append((id_, *account_row(after), username, found_by, *made))
            links.append((self._connection_id, action.source_id, id_, json_text(after), action.fingerprint))
            results.applied(action, id_)
        insert_rows(connection, ACCOUNTS, _INSERT, accounts)
        new = [(link[1], giving_way[link[1]], link[2]) for link in links if link[1] in giving_way]
        replaced = make_way(connection, self._connection_id, self._ledger.sync_id, now, new)
        for action in actions:
            if action.source_id in replaced:
                results.keep(action, Log(link=None, replaced=replaced[action.source_id]))
        insert_rows(connection, ACCOUNT_LINKS, _LINK, links)
        if self._mails:
            told = [(row[0], str(row[_EMAIL] or "")) for row in accounts if row[-1] is None]
            outbox.put_account_made(connection, told, self._ledger.sync_id, self._ledger.clock())
        for action in actions:
            if (account_id := linked.get(action.source_id)) is not None:
                results.already_so(action, account_id, "The portal has an account for this person already.")

    def _free(self, connection: Connection, action: Stored, username: str, taken: set[str], results: Results) -> str:
        """The planned username, or, where somebody took it since the plan, one with a number."""
        chosen, number = username, 1
        while chosen.lower() in taken:
            number += 1
            chosen = f"{username}{number}"
            if chosen.lower() not in taken:
                taken |= _taken(connection, [chosen])
        if chosen != username:
            problem = Problem("username-taken", action.type, action.source_id, "username", username, action.school)
            results.warn(action, problem)
        taken.add(chosen.lower())
        return chosen

    def _edit(self, connection: Connection, actions: list[Stored], results: Results) -> None:
        held = _held(connection, [action.target_id for action in actions if action.target_id is not None])
        linked = read_links(connection, ACCOUNT_LINKS, self._connection_id, actions)
        accounts: list[Row] = []
        revived: list[Row] = []
        links: list[Row] = []
        for action in actions:
            account = held.get(action.target_id or 0)
            if account is None:
                results.conflict(action, GONE)
                continue
            if not linked.agrees(action):
                results.conflict(action, UNLINKED)
                continue
            before, after = action.before, action.after
            linking, kept = after.pop("identifiers", None) is not None, after.pop(KEPT, {})
            if not _judged(action, account, before, after, results):
                continue
            values = account.values | after
            if values.pop("archived") is False and account.values["archived"]:
                revived.append((None, None, account.id))
            after.pop("archived", None)
            accounts.append(self._account(account, values))
            written = linked.written(action)  # a link that moves takes it along, or what is pinned would be so no more
            last = values if linking and not written else written | after | kept
            links.append((self._connection_id, action.source_id, account.id, json_text(last), action.fingerprint))
            results.keep(action, Log(link=link_before(linked.before(action))))
        update_rows(connection, ACCOUNTS, _UPDATE, ("id",), accounts)
        update_rows(connection, ACCOUNTS, ("archived_at", "archived_by_sync"), ("id",), revived)
        # Whatever this sync's option says, for it may be an undo's: they were to be told when they were made.
        outbox.revive_account_made(connection, [row[-1] for row in revived], self._ledger.clock())
        self._relink(connection, links)

    def _account(self, account: Held, values: Values) -> Row:
        return (
            *account_row(values),
            account_search({**values, "username": account.username}),
            self._ledger.sync_id,
            account.id,
        )

    def _delete(self, connection: Connection, actions: list[Stored], results: Results) -> None:
        archived = archive(connection, _KIND, self._ledger, self._connection_id, actions, results)
        browser_sessions.end_all(connection, archived)

    def _linked(self, connection: Connection, source_ids: list[str]) -> dict[str, int]:
        statement = select(ACCOUNT_LINKS.c.source_id, ACCOUNT_LINKS.c.account_id).where(
            ACCOUNT_LINKS.c.connection_id == self._connection_id, among(ACCOUNT_LINKS.c.source_id, source_ids)
        )
        return {row[0]: row[1] for row in connection.execute(statement).all()}

    def _relink(self, connection: Connection, links: list[Row]) -> None:
        """Keep what was written; an account has one link to a connection, so another id of its own goes."""
        mine = ACCOUNT_LINKS.c.connection_id == self._connection_id
        connection.execute(
            delete(ACCOUNT_LINKS).where(mine, among(ACCOUNT_LINKS.c.account_id, [each[2] for each in links]))
        )
        insert_rows(connection, ACCOUNT_LINKS, _LINK, links)


def _replaces(action: Stored, linked: dict[str, int]) -> bool:
    """Whether a person said that the id is somebody else now, and it is linked as it was then."""
    return REPLACES in action.before and linked.get(action.source_id) == action.before[REPLACES]


def _search(action: Stored, username: str) -> str:
    """What lists search in: the text of the SIS's record, and the username where the SIS did not give it."""
    name = folded(username)
    return action.search if name in action.search else searchable(action.search[: LONGEST_SEARCH - len(name) - 1], name)


def _judged(action: Stored, account: Held, before: Values, after: Values, results: Results) -> bool:
    """Note the outcome of an edit; whether its link has to be written."""
    match standing(account.values, before, after):
        case Standing.CONFLICT:
            results.conflict(action, changed_meanwhile(CHANGED, account.values, before))
            return False
        case Standing.ALREADY_SO:
            results.already_so(action, account.id, "The account is like this already.")
        case Standing.AS_PLANNED:
            results.applied(action, account.id)
    return True


def _held(connection: Connection, ids: list[int]) -> dict[int, Held]:
    """The accounts, locked where the database can: nobody changes them between this look and the write."""
    statement = select(ACCOUNTS.c.id, ACCOUNTS.c.username, ACCOUNTS.c.archived_at, *account_columns())
    rows = connection.execute(statement.where(among(ACCOUNTS.c.id, ids)).with_for_update()).all()
    return {row[0]: Held(row[0], row[1], account_held(row[3:]) | {"archived": row[2] is not None}) for row in rows}


def _taken(connection: Connection, usernames: list[str]) -> set[str]:
    """Those of the usernames that accounts have, whatever their case, in lower case.

    A database may lower only the letters of ASCII, so both spellings are looked for.
    """
    lowered = {username.lower() for username in usernames} | {_ascii_lower(username) for username in usernames}
    statement = select(ACCOUNTS.c.username).where(among(func.lower(ACCOUNTS.c.username), lowered))
    return {username.lower() for username in connection.scalars(statement)}


def _ascii_lower(username: str) -> str:
    return username.encode().lower().decode()


_KIND = Kind(ACCOUNTS, ACCOUNT_LINKS, _held, GONE, UNLINKED, "The account was archived already.")
