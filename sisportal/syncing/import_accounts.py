"""Accounts from a file: found by their ids, username or number, compared with what is held, and written in bulk (SPEC 10)."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select

from sisportal.models import Account, AccountLink, AccountRole, RecordKind, Source
from sisportal.roster.entered import ACCOUNT_TEXTS, account_errors, says
from sisportal.roster.fields import Values
from sisportal.roster.records import Person, Role
from sisportal.roster.text import Name, folded, names_agree
from sisportal.roster.usernames import Usernames
from sisportal.syncing import pins
from sisportal.syncing.accounts import TAKEN, Bounds, with_lists
from sisportal.syncing.held import ACCOUNTS, account_columns, account_held, account_search, column_name
from sisportal.syncing.import_rows import Connections, Places, Planned, Row, write_changes
from sisportal.syncing.review import Who
from sisportal.syncing.rows import chunks, reserve_ids

AT_ONCE = 500
_NAMES = ("first_name", "last_name")
NUMBERS = ("student_id", "teacher_id", "sis_id", "email")
"""What finds somebody whose row has neither an id of the SIS nor a username, the surest first."""
BLANK: Values = dict.fromkeys(ACCOUNT_TEXTS, "") | {"role": "", "roles": [], "organization": None, "organizations": []}


class Known:
    """The accounts that a file may be about, and the keys that find them."""

    def __init__(self, connection: Connection, rows: Sequence[Row], links: Sequence[dict[int, str]]) -> None:
        self.linked = _linked(connection, links)
        usernames = {row.cells["username"] for row in rows if "username" in row.cells}
        self.named = _by_username(connection, usernames)
        self.numbered = _by_number(connection, rows)
        ids = {*self.linked.values(), *self.named.values(), *(id_ for found in self.numbered.values() for id_ in found)}
        self.values = _values(connection, ids)
        self.links = _links_of(connection, ids)

    def about(self, row: Row, links: dict[int, str]) -> int | None:
        """The account that a row is about; None for a new one, and where the row does not say clearly."""
        by_link = {id_ for link in links.items() if (id_ := self.linked.get(link)) is not None}
        username = row.cells.get("username")
        named = self.named.get(folded(username)) if username else None
        if len(by_link) > 1:
            row.fault("clever_id", "The ids of this row belong to two accounts.")
        elif by_link:
            (found,) = by_link
            if named not in {None, found}:
                row.fault("username", TAKEN)
            return found
        elif username:
            return named
        return None if row.is_bad else self._by_number(row)

    def _by_number(self, row: Row) -> int | None:
        for field in NUMBERS:
            found = self.numbered.get((field, folded(row.cells.get(field, ""))), [])
            if not row.cells.get(field) or not found:
                continue
            same = [id_ for id_ in found if names_agree(_name(self.values[id_]), _name(BLANK | row.cells))]
            if len(same) == 1 and len(found) == 1:
                return same[0]
            if field != "email":
                row.fault(
                    field, "An account has this already, under another name or more than once. Give its username."
                )
                return None
            if len(same) == 1:
                return same[0]
        return None


def plan(connection: Connection, rows: Sequence[Row], bounds: Bounds) -> tuple[list[Planned], int]:
    """What the rows would do, and how many would do nothing."""
    connections, places = Connections(connection), Places(connection)
    links = [connections.links(row) for row in rows]
    known, claimed = Known(connection, rows, links), _Claimed()
    planned: list[Planned] = []
    unchanged = 0
    nameless: list[tuple[Row, Planned]] = []
    for row, wanted in zip(rows, links, strict=True):
        target = known.about(row, wanted)
        claimed.check(row, target)
        held = known.values[target] if target is not None else BLANK
        values: Values = {name: row.cells[name] for name in (*ACCOUNT_TEXTS, "role") if name in row.cells}
        if "role" in values:
            values["role"] = folded(values["role"]).replace(" ", "-")
        values |= places.find(row, held["organization"])
        if row.is_bad:
            row.faults(account_errors(values))
            continue
        changed = {name: value for name, value in values.items() if not says(value, held[name])}
        fresh = {} if target is None else known.links.get(target, {})
        new_links = {id_: source for id_, source in wanted.items() if fresh.get(id_) != source}
        if not _is_good(row, changed, held if target is not None else None, bounds, {*fresh} & {*new_links}):
            continue
        if target is not None and not changed and not new_links:
            unchanged += 1
            continue
        after = with_lists(changed, held if target is not None else {})
        label = ", ".join(filter(None, ((held | changed)[part] for part in ("last_name", "first_name"))))
        one = Planned(row.number, label, after, {name: held[name] for name in after}, target, new_links)
        one.search = account_search(held | after)
        planned.append(one)
        if target is None and "username" not in after:
            nameless.append((row, one))
    _name_them(connection, rows, nameless)
    return planned, unchanged


def write(connection: Connection, planned: list[Planned], who: Who, now: datetime) -> None:
    """Write new accounts, changes and links."""
    new = [each for each in planned if each.target_id is None]
    first = reserve_ids(connection, ACCOUNTS, len(new))
    for some in chunks(zip(range(first, first + len(new)), new, strict=True), AT_ONCE):
        connection.execute(insert(Account), [_new(id_, each.after, now) for id_, each in some])
    edited = write_changes(connection, ACCOUNTS, planned)
    numbered = dict(zip((id(each) for each in new), range(first, first + len(new)), strict=True))
    links: list[Values] = [
        {
            "connection_id": connection_id, "source_id": source_id,
            "account_id": each.target_id if each.target_id is not None else numbered[id(each)], "written": {},
        }
        for each in planned for connection_id, source_id in each.links.items()
    ]  # fmt: skip
    for some_links in chunks(links, AT_ONCE):
        connection.execute(insert(AccountLink), some_links)
    pins.edited_many(connection, RecordKind.ACCOUNT, edited, who, now)


class _Claimed:
    """What rows before have taken: one account is one row's, and a username is one account's."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], int] = {}

    def check(self, row: Row, target: int | None) -> None:
        cells = row.cells
        keys = [("username", folded(cells.get("username", "")))] if cells.get("username") else []
        keys += [(column, cells[column]) for column in ("clever_id", "oneroster_id") if column in cells]
        if target is not None:
            keys.append(("", str(target)))
        elif "username" not in cells:
            numbers = "|".join(cells.get(field, "") for field in NUMBERS)
            keys.append(("", folded(f"{cells.get('last_name', '')}|{cells.get('first_name', '')}|{numbers}")))
        for key in keys:
            if (line := self._lines.setdefault(key, row.number)) != row.number:
                row.fault(key[0], f"Line {line} is about the same account.")
                return


def _is_good(row: Row, new: Values, held: Values | None, bounds: Bounds, linked_otherwise: set[int]) -> bool:
    """Whether what the row says can be kept, else it is told what is wrong; what an account has already may stay."""
    named = {name: new.get(name, "") for name in _NAMES} if held is None else {name: held[name] for name in _NAMES}
    errors = account_errors(named | new if held is None or set(_NAMES) & new.keys() else new)
    errors |= _role_errors(new, held)
    after = (held or BLANK) | new
    if after["role"] == AccountRole.ORGANIZATION_ADMINISTRATOR and after["organization"] is None:
        errors["organization"] = "An organization administrator belongs to an organization."
    if bounds.organizations is not None:
        if held is not None and (held["role"] not in bounds.roles or held["organization"] not in bounds.organizations):
            errors["username"] = "This account is not one that you manage."
        elif held is None and new.get("organization") is None:
            errors.setdefault("organization", "Name an organization that you manage.")
    row.faults(bounds.check(new) | errors)
    if linked_otherwise:
        row.fault("clever_id", "The account has another id there already.")
    return not row.is_bad


def _role_errors(new: Values, held: Values | None) -> dict[str, str]:
    if "role" not in new:
        return {} if held is not None else {"role": "Say what the account is: student or teacher, for example."}
    if new["role"] not in set(AccountRole):
        return {"role": f"A role is one of {', '.join(AccountRole)}."}
    if held is not None and held["role"] == AccountRole.ADMINISTRATOR:
        return {"role": "Whether somebody is an administrator is changed on the page of the account."}
    return {}


def _name(values: Values) -> Name:
    return Name(values["first_name"], values["last_name"], values["preferred_name"])


def _name_them(connection: Connection, rows: Sequence[Row], nameless: list[tuple[Row, Planned]]) -> None:
    """Usernames for new accounts whose rows give none: the e-mail address, else made from the name (SPEC 6.4)."""
    if not nameless:
        return
    taken = Usernames(connection.scalars(select(Account.username)))
    for row in rows:
        taken.take(row.cells.get("username", ""))
    for _, one in nameless:
        given = BLANK | one.after
        role = Role(given["role"]) if given["role"] in {Role.STUDENT, Role.TEACHER} else Role.OTHER
        number = given["student_id"] or given["teacher_id"]
        person = Person("new", role, given["last_name"], given["first_name"], email=given["email"], number=number)
        one.after = one.after | {"username": taken.allocate(person)}


def _new(account_id: int, after: Values, now: datetime) -> dict[str, Any]:
    given = BLANK | after
    row = {column_name(name): value for name, value in given.items()}
    return row | {"id": account_id, "search": account_search(given), "source": Source.IMPORT, "created_at": now}


def _linked(connection: Connection, links: Sequence[dict[int, str]]) -> dict[tuple[int, str], int]:
    found: dict[tuple[int, str], int] = {}
    wanted = {pair for each in links for pair in each.items()}
    for some in chunks(sorted({source_id for _, source_id in wanted}), AT_ONCE):
        columns = (AccountLink.connection_id, AccountLink.source_id, AccountLink.account_id)
        for row in connection.execute(select(*columns).where(AccountLink.source_id.in_(some))):
            found[row[0], row[1]] = row[2]
    return {pair: found[pair] for pair in wanted if pair in found}


def _links_of(connection: Connection, ids: Iterable[int]) -> dict[int, dict[int, str]]:
    found: dict[int, dict[int, str]] = {}
    columns = (AccountLink.account_id, AccountLink.connection_id, AccountLink.source_id)
    for some in chunks(sorted(ids), AT_ONCE):
        for row in connection.execute(select(*columns).where(AccountLink.account_id.in_(some))):
            found.setdefault(row[0], {})[row[1]] = row[2]
    return found


def _by_username(connection: Connection, usernames: set[str]) -> dict[str, int]:
    """Folded username -> account. Databases lower other letters than Python does, so both ways are asked for."""
    found: dict[str, int] = {}
    for some in chunks(sorted({each.lower() for each in usernames} | {_lowered(each) for each in usernames}), AT_ONCE):
        statement = select(Account.id, Account.username).where(func.lower(Account.username).in_(some))
        found |= {folded(row.username): row.id for row in connection.execute(statement)}
    return found


def _lowered(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def _by_number(connection: Connection, rows: Sequence[Row]) -> dict[tuple[str, str], list[int]]:
    """(field, folded value) -> accounts, for the rows without a username."""
    found: dict[tuple[str, str], list[int]] = {}
    for field in NUMBERS:
        wanted = {row.cells[field] for row in rows if field in row.cells and "username" not in row.cells}
        column = getattr(Account, field)
        for some in chunks(sorted({*wanted, *(each.lower() for each in wanted)}), AT_ONCE):
            alike = or_(column.in_(some), func.lower(column).in_(some))
            for id_, value in connection.execute(select(Account.id, column).where(alike).order_by(Account.id)):
                ids = found.setdefault((field, folded(value)), [])
                if id_ not in ids:
                    ids.append(id_)
    return found


def _values(connection: Connection, ids: Iterable[int]) -> dict[int, Values]:
    return dict(_read_values(connection, ids))


def _read_values(connection: Connection, ids: Iterable[int]) -> Iterator[tuple[int, Values]]:
    for some in chunks(sorted(ids), AT_ONCE):
        statement = select(Account.id, Account.username, *account_columns()).where(Account.id.in_(some))
        for row in connection.execute(statement):
            yield row[0], {"username": row[1], **account_held(row[2:])}
