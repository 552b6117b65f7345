"""The portal under test: what a person would do with it, what it holds, and all of it as text to compare byte by byte."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Engine, Table, insert, select, update

from sisportal.models import (
    Account,
    AccountLink,
    AccountRole,
    Action,
    Base,
    ClassLink,
    Mail,
    Mapping,
    Membership,
    Notification,
    Organization,
    SchoolClass,
    Source,
    Sync,
    SyncMode,
    SyncState,
    SyncWarning,
)
from sisportal.models.database import writing
from sisportal.providers.base import Provider
from sisportal.providers.opening import open_clever
from sisportal.roster.fields import ACCOUNT_FIELDS, CLASS_FIELDS
from sisportal.roster.matching import Reason
from sisportal.roster.options import with_option
from sisportal.sandbox.serving import Served
from sisportal.syncing import connections
from sisportal.syncing.commit import commit
from sisportal.syncing.connections import ConnectionFacts, OpenProvider
from sisportal.syncing.deciding import Said, decide
from sisportal.syncing.directory_export import export_json
from sisportal.syncing.guarding import guard_again
from sisportal.syncing.held import column_name
from sisportal.syncing.kept_back import propose_again
from sisportal.syncing.prepare import prepare, request_sync
from sisportal.syncing.releasing import release_guards
from sisportal.syncing.review import Who

START = datetime(2026, 10, 5, 9, 30, tzinfo=UTC)
PAGE = 25
WHO = Who("a test")
VOLATILE = {
    "created_at",
    "archived_at",
    "archived_by_sync",
    "changed_by_sync",
    "ended_by_sync",
    "edited_at",
    "session_version",
    "undone_by_id",
    "at",
}
NEW_OR_NOT = (Reason.LISTED_ANEW, Reason.LINKED_ELSEWHERE, Reason.LISTED_TWICE, Reason.CLAIMED_TWICE)
KEPT = (
    "organization",
    "account",
    "class",
    "membership",
    "account_link",
    "class_link",
    "organization_link",
    "kept_back",
)


def reader(url: str, token: str) -> OpenProvider:
    """Opens the sandbox with small pages and without waiting."""

    def open_provider(_facts: ConnectionFacts) -> Provider:
        return open_clever(base_url=url, token=token, sleep=lambda _seconds: None, page_size=PAGE)

    return open_provider


class Portal:
    """A portal whose only connection reads a sandbox."""

    def __init__(self, engine: Engine, served: Served, connection_id: int = 1) -> None:
        self.engine, self.served, self.connection_id = engine, served, connection_id
        self.now = START

    @property
    def open_provider(self) -> OpenProvider:
        return reader(self.served.url, self.served.sandbox.token)

    def clock(self) -> datetime:
        return self.now

    # --- setting up

    def connect(self, *schools: str, organizations: bool = False) -> None:
        """Connect to the sandbox and map these of its schools, or all; to organizations of their own where asked."""
        self.connection_id = connections.connect(self.engine, "clever", {"base_url": self.served.url}, None, self.now)
        listed = self.open_provider(self.facts()).schools()
        with writing(self.engine).begin() as connection:
            connections.remember_schools(connection, self.connection_id, listed, self.now)
        for number, school in enumerate(listed, 1):
            if not schools or school.source_id in schools:
                self.map(school.source_id, self.organization(school.name, number) if organizations else None)

    def organization(self, name: str, number: int) -> int:
        with writing(self.engine).begin() as connection:
            values = {"id": number, "name": name, "slug": f"o{number}", "created_at": self.now}
            connection.execute(insert(Organization).values(values))
        return number

    def map(self, school: str, organization: int | None = None, mapping: Mapping = Mapping.MAPPED) -> None:
        with writing(self.engine).begin() as connection:
            connections.map_school(connection, self.connection_id, school, mapping, organization, self.now)

    def facts(self) -> ConnectionFacts:
        with self.engine.connect() as connection:
            return connections.load(connection, self.connection_id)

    def option(self, name: str, text: str) -> None:
        changed = with_option(self.facts().options, name, text)
        connections.change_options(self.engine, self.connection_id, changed, self.now)

    # --- syncing

    def request(self) -> int:
        return request_sync(self.engine, self.connection_id, self.now)

    def try_prepare(self, sync_id: int | None = None) -> int:
        """Prepare, whatever comes of it; the sync's id."""
        sync_id = sync_id or self.request()
        prepare(self.engine, sync_id, self.open_provider, self.clock)
        return sync_id

    def prepare_quick(self) -> int:
        """A prepared sync of what changed since the last committed one; its id."""
        asked = request_sync(self.engine, self.connection_id, self.now, mode=SyncMode.QUICK, since="last")
        return self._prepared(self.try_prepare(asked))

    def prepare_schools(self, *schools: str) -> int:
        """A prepared sync of these schools alone; its id."""
        asked = request_sync(self.engine, self.connection_id, self.now, schools=list(schools))
        return self._prepared(self.try_prepare(asked))

    def prepare(self) -> int:
        """A prepared sync; its id."""
        return self._prepared(self.try_prepare())

    def _prepared(self, sync_id: int) -> int:
        row = self.sync(sync_id)
        assert row.state == SyncState.PREPARED, row.note
        self.now += timedelta(minutes=1)
        return sync_id

    def commit(self, sync_id: int) -> SyncState:
        state = commit(self.engine, sync_id, self.clock)
        self.now += timedelta(minutes=1)
        return state

    def say_new(self, sync_id: int) -> None:
        """Say of whoever, and whatever, may be listed under a new id that it is somebody, or something, else."""
        of_it = (Action.sync_id == sync_id, Action.held.in_(NEW_OR_NOT))
        doubtful = self.rows(Action, *of_it)
        for action in doubtful:
            decide(self.engine, sync_id, action.id, Said(create=True), WHO, self.now)
        if doubtful:  # what that frees is judged at the commit only; here it is to be released with the rest
            with writing(self.engine).begin() as connection:
                guard_again(connection, sync_id)

    def sync_all(self) -> int:
        """Prepare, release what the guards hold, and commit everything as new that may be; the sync's id."""
        sync_id = self.prepare()
        self.say_new(sync_id)
        release_guards(self.engine, sync_id, WHO, self.now)
        assert self.commit(sync_id) == SyncState.COMMITTED, self.sync(sync_id).note
        return sync_id

    def request_undo(self, sync_id: int) -> int:
        return request_sync(self.engine, self.connection_id, self.now, mode=SyncMode.UNDO, undoes=sync_id)

    def prepare_undo(self, sync_id: int) -> int:
        """A prepared undo of a sync; its id."""
        undo_id = self.try_prepare(self.request_undo(sync_id))
        assert self.sync(undo_id).state == SyncState.PREPARED, self.sync(undo_id).note
        self.now += timedelta(minutes=1)
        return undo_id

    def undo(self, sync_id: int) -> int:
        """Undo all of a sync; the id of the undo."""
        undo_id = self.prepare_undo(sync_id)
        assert self.commit(undo_id) == SyncState.COMMITTED, self.sync(undo_id).note
        return undo_id

    def propose_again(self) -> int:
        return propose_again(self.engine, self.connection_id, None, WHO, self.now)

    def untick(self, sync_id: int, *source_ids: str) -> None:
        self._change(Action, Action.sync_id == sync_id, Action.source_id.in_(source_ids), ticked=False)

    def tick(self, sync_id: int, *source_ids: str) -> None:
        self._change(Action, Action.sync_id == sync_id, Action.source_id.in_(source_ids), ticked=True)

    def prepare_again(self, older: int) -> int:
        """Prepare again and keep the ticks of an older plan; the newer sync's id."""
        return self._prepared(
            self.try_prepare(request_sync(self.engine, self.connection_id, self.now, keep_ticks_of=older))
        )

    def pass_day(self, **how: Any) -> Any:
        from sisportal.sandbox.days import pass_day  # noqa: PLC0415

        self.now += timedelta(days=1)
        return pass_day(self.served.sandbox.district, **how)

    # --- by hand

    def edit_account(self, account_id: int, **values: Any) -> None:
        """What the page of an account would write."""
        self._change(Account, Account.id == account_id, edited_at=self.now, **values)

    def edit_class(self, class_id: int, **values: Any) -> None:
        self._change(SchoolClass, SchoolClass.id == class_id, edited_at=self.now, **values)

    def add_account(self, role: str, username: str, **values: Any) -> int:
        given = {"role": role, "roles": [role], "username": username, "source": Source.HAND, "created_at": self.now}
        return self._insert(Account, given | values)

    def add_class(self, name: str, **values: Any) -> int:
        return self._insert(SchoolClass, {"name": name, "source": Source.HAND, "created_at": self.now} | values)

    def add_administrator(self) -> int:
        return self.add_account(AccountRole.ADMINISTRATOR, "admin@example.org")

    def put_into_class(self, class_id: int, account_id: int, position: int = Membership.STUDENT) -> None:
        with writing(self.engine).begin() as connection:
            values = {"class_id": class_id, "account_id": account_id, "position": position}
            connection.execute(insert(Membership).values(values))

    def _change(self, model: type[Base], *where: Any, **values: Any) -> None:
        with writing(self.engine).begin() as connection:
            assert connection.execute(update(model).where(*where).values(**values)).rowcount

    def _insert(self, model: type[Base], values: dict[str, Any]) -> int:
        with writing(self.engine).begin() as connection:
            key = connection.execute(insert(model).values(values)).inserted_primary_key
            assert key
            return int(key[0])

    # --- looking

    def rows(self, model: type[Base], *where: Any) -> list[Any]:
        table = model.__table__
        assert isinstance(table, Table)
        with self.engine.connect() as connection:
            return list(connection.execute(select(table).where(*where).order_by(*table.primary_key.columns)))

    def sync(self, sync_id: int) -> Any:
        return self.rows(Sync, Sync.id == sync_id)[0]

    def actions(self, sync_id: int) -> dict[tuple[str, str, str], Any]:
        """(type, verb, source_id) -> the action."""
        return {(row.type, row.verb, row.source_id): row for row in self.rows(Action, Action.sync_id == sync_id)}

    def states(self, sync_id: int) -> dict[str, str]:
        """``source_id`` -> what became of its action."""
        return {row.source_id: row.state for row in self.rows(Action, Action.sync_id == sync_id)}

    def warnings(self, sync_id: int, stage: str = "") -> list[tuple[str, str, str]]:
        """(code, about whom, value), sorted."""
        rows = self.rows(SyncWarning, SyncWarning.sync_id == sync_id)
        return sorted((row.code, row.external_id, row.value) for row in rows if stage in {"", row.stage})

    def notifications(self) -> list[tuple[int | None, str, str]]:
        return [(row.sync_id, row.kind, row.text) for row in self.rows(Notification)]

    def account_of(self, source_id: str) -> Any:
        link = self.rows(AccountLink, AccountLink.source_id == source_id)[0]
        return self.rows(Account, Account.id == link.account_id)[0]

    def class_of(self, source_id: str) -> Any:
        link = self.rows(ClassLink, ClassLink.source_id == source_id)[0]
        return self.rows(SchoolClass, SchoolClass.id == link.class_id)[0]

    def accounts(self) -> dict[str, dict[str, Any]]:
        """``source_id`` -> the synced fields of the linked account, and ``archived``."""
        rows = {row.id: row for row in self.rows(Account)}
        return {link.source_id: _fields(rows[link.account_id], ACCOUNT_FIELDS) for link in self.rows(AccountLink)}

    def classes(self) -> dict[str, dict[str, Any]]:
        """``source_id`` -> fields, style and ``archived`` of the linked class; ``teachers``, ``students`` of the active ones."""
        rows, rosters = {row.id: row for row in self.rows(SchoolClass)}, self._rosters()
        found: dict[str, dict[str, Any]] = {}
        for link in self.rows(ClassLink):
            row = rows[link.class_id]
            found[link.source_id] = {**_fields(row, CLASS_FIELDS), "style": row.style}
            if not row.archived_at:
                people = sorted(rosters.get(row.id, []))
                found[link.source_id] |= {
                    "teachers": [who for position, who in people if position < Membership.STUDENT],
                    "students": [who for position, who in people if position == Membership.STUDENT],
                }
        return found

    def roster(self, source_id: str) -> list[str]:
        """``source_id`` of everybody active in the class of a section, teachers first."""
        found = self.classes()[source_id]
        return [*found["teachers"], *found["students"]]

    def _rosters(self) -> dict[int, list[tuple[int, str]]]:
        names = {row.id: f"account {row.id}" for row in self.rows(Account) if not row.archived_at}
        names |= {link.account_id: link.source_id for link in self.rows(AccountLink) if link.account_id in names}
        found: dict[int, list[tuple[int, str]]] = {}
        for place in self.rows(Membership):
            if place.ended_by_sync is None and place.account_id in names:
                found.setdefault(place.class_id, []).append((place.position, names[place.account_id]))
        return found

    def dump(self) -> str:
        """The whole LMS side as text: every row and column but the moments and the numbers of syncs."""
        return "\n".join(_lines(self._kept()))

    def exported(self) -> dict[str, dict[int, dict[str, Any]]]:
        """The JSON export: organizations, accounts and classes by their ids."""
        with self.engine.connect() as connection:
            found = json.loads(b"".join(export_json(connection)))
        return {name: {record["id"]: record for record in records} for name, records in found.items()}

    def told(self, sync_id: int) -> str:
        """What the report of a sync says: its numbers, each action's outcome, the warnings, who was notified."""
        row = self.sync(sync_id)
        told = {
            "sync": [row.state, row.note, row.counts, row.held, row.left_out],
            "actions": sorted(
                [each.type, each.verb, each.source_id, each.state, each.target_id, each.outcome]
                for each in self.actions(sync_id).values()
            ),
            "warnings": self.warnings(sync_id),
            "mails": [[row.kind, row.account_id, row.state] for row in self.rows(Mail, Mail.sync_id == sync_id)],
            "notified": [(kind, text) for about, kind, text in self.notifications() if about == sync_id],
        }
        return msgspec.json.encode(told).decode()

    def everything(self) -> str:
        """Every row of every table: equal only where nothing at all was written. Without the moments of heartbeats."""
        tables = [(name, table) for name, table in Base.metadata.tables.items()]
        with self.engine.connect() as connection:
            rows = {
                name: [
                    dict(row._mapping) for row in connection.execute(select(table).order_by(*table.primary_key.columns))
                ]
                for name, table in tables
            }
        return json.dumps(rows, default=str, sort_keys=True, indent=0)

    def _kept(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        with self.engine.connect() as connection:
            for name in KEPT:
                table = Base.metadata.tables[name]
                rows = connection.execute(select(table).order_by(*table.primary_key.columns))
                found[name] = [_stable(dict(row._mapping)) for row in rows]
        return found


def during(open_provider: OpenProvider, after: int, happen: Callable[[], None]) -> OpenProvider:
    """The same source, during whose fetch something happens: after so many of its batches and seals."""

    class Interrupted:
        def __init__(self, provider: Provider) -> None:
            self._provider = provider

        def __getattr__(self, name: str) -> Any:
            return getattr(self._provider, name)

        def fetch(self, *, items: frozenset[str]) -> Iterator[Any]:
            for number, step in enumerate(self._provider.fetch(items=items)):
                if number == after:
                    happen()
                yield step

    return lambda facts: Interrupted(open_provider(facts))


def _fields(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    values = {name: getattr(row, column_name(name)) for name in names}
    return values | {"archived": row.archived_at is not None}


def _stable(row: dict[str, Any]) -> dict[str, Any]:
    flags = {f"{name} set": row[name] is not None for name in VOLATILE & row.keys()}
    return {name: value for name, value in row.items() if name not in VOLATILE} | flags


def _lines(tables: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    for name, rows in tables.items():
        yield name
        for row in rows:
            yield msgspec.json.encode(row, order="sorted").decode()
