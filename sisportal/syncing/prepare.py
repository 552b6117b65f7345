"""Prepare: fetch, mirror, plan, save. Writes the mirror and the plan, never the LMS side (SPEC 5)."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.exc import OperationalError

from sisportal.models import NoticeKind, SisConnection, Sync, SyncMode, SyncState
from sisportal.models.database import writing
from sisportal.providers.base import Contents, DatedProvider, DistrictFacts, PackageProvider, Provider, ProviderError
from sisportal.roster.options import Item
from sisportal.roster.records import Problem
from sisportal.syncing import apps, auto_commit, left_out, notices, packages, pins
from sisportal.syncing.actions import Plan
from sisportal.syncing.carrying import carry_ticks
from sisportal.syncing.connections import (
    MAP_ALL_FIRST,
    NAMES,
    PACKAGE,
    OpenProvider,
    load,
    options_to_store,
    remember_schools,
)
from sisportal.syncing.credentials import SecretsUnreadable
from sisportal.syncing.guarding import guard
from sisportal.syncing.mapping import auto_create
from sisportal.syncing.planner import Planner
from sisportal.syncing.progress import Cancelled, ClaimLost, Clock, Pulse, Stopped
from sisportal.syncing.reading import Reading
from sisportal.syncing.recalled import Recalled
from sisportal.syncing.rows import few_collections
from sisportal.syncing.sample_district import AWAY as SAMPLE_AWAY
from sisportal.syncing.sample_district import is_sample
from sisportal.syncing.since import place_in_feed
from sisportal.syncing.states import NotAllowed, claim, move, supersede
from sisportal.syncing.sync_numbers import insert_sync
from sisportal.syncing.undo import UndoPreparation
from sisportal.syncing.warning_history import Compared, compare_warnings
from sisportal.syncing.whole_first import require_whole_first
from sisportal.syncing.words import Counts, held_sentence, held_sentences, planned_sentence, total_of

logger = logging.getLogger(__name__)

UNEXPECTED = "Something unexpected happened. The server's log has the details; nothing was changed. Try again."

NO_DATABASE = "The database could not be written ({}). Nothing was changed in the portal. Make room on the disk where it is full, then start the sync again."


def request_sync(
    engine: Engine,
    connection_id: int,
    now: datetime,
    *,
    started_by: int | None = None,
    mode: SyncMode = SyncMode.FULL,
    automatic: bool = False,
    note: str = "",
    undoes: int | None = None,
    **asked: Any,
) -> int:
    """Put a sync into the table, to be prepared by ``prepare``; its id. ``note`` stays on it once it is prepared.

    ``undoes``: the sync that an undo takes back.

    Raises ``NotAllowed`` where the connection's app is disabled (SPEC 2.2).
    """
    with writing(engine).begin() as connection:
        return put_request(
            connection,
            connection_id,
            now,
            started_by=started_by,
            mode=mode,
            automatic=automatic,
            note=note,
            undoes=undoes,
            **asked,
        )


def put_request(
    connection: Connection,
    connection_id: int,
    now: datetime,
    *,
    started_by: int | None = None,
    mode: SyncMode = SyncMode.FULL,
    automatic: bool = False,
    note: str = "",
    undoes: int | None = None,
    **asked: Any,
) -> int:
    """``request_sync`` as a part of a transaction."""
    facts = load(connection, connection_id)
    if apps.is_off(connection, facts.kind):
        raise NotAllowed(f"{NAMES[facts.kind]} is disabled. Install it again in the App center, then start the sync.")
    values = {
        "connection_id": connection_id,
        "mode": mode,
        "automatic": automatic,
        "note": note,
        "request": asked,
        "options": options_to_store(facts.options),
        "options_version": facts.options_version,
        "undoes_id": undoes,
        "started_by": started_by,
        "created_at": now,
    }
    return insert_sync(connection, values)


def prepare(engine: Engine, sync_id: int, open_provider: OpenProvider, clock: Clock) -> SyncState:
    """Prepare a queued sync and leave it prepared, failed or cancelled; the state it ended in.

    Raises ``NotAllowed`` (and changes nothing) when the sync is not queued or another one of its connection runs.
    """
    token = claim(engine, sync_id, SyncState.PREPARING, clock())
    try:
        return _prepare(engine, sync_id, open_provider, clock, token)
    finally:
        packages.drop(engine, sync_id)


def _prepare(engine: Engine, sync_id: int, open_provider: OpenProvider, clock: Clock, token: str) -> SyncState:
    try:
        with few_collections(), Pulse(engine, sync_id, token, clock) as pulse:
            if _is_undo(engine, sync_id):
                return UndoPreparation(engine, sync_id, clock, pulse).run()
            return Preparation(engine, sync_id, open_provider, clock, pulse).run()
    except ClaimLost:
        logger.warning("claim lost", extra={"sync_id": sync_id})
        return SyncState.INTERRUPTED
    except Cancelled:
        return _settle(
            engine, sync_id, SyncState.CANCELLED, clock(), "Cancelled. Nothing was changed in the portal.", ""
        )
    except (ProviderError, SecretsUnreadable, Stopped) as error:
        code = getattr(error, "code", "secrets")
        return _settle(engine, sync_id, SyncState.FAILED, clock(), _why(engine, sync_id, error, code), code)
    except OperationalError as error:
        # Where not even this can be written, the sync is found interrupted once the database is back.
        _settle(engine, sync_id, SyncState.FAILED, clock(), NO_DATABASE.format(error.orig), "database")
        raise
    except Exception:
        logger.exception("prepare failed", extra={"sync_id": sync_id})
        _settle(engine, sync_id, SyncState.FAILED, clock(), UNEXPECTED, "unexpected")
        raise


def _why(engine: Engine, sync_id: int, error: Exception, code: str) -> str:
    """Why the SIS could not be read, as a sentence; of the sample district, what to do is another thing."""
    mine = select(SisConnection.settings).join(Sync, Sync.connection_id == SisConnection.id).where(Sync.id == sync_id)
    if code == "unreachable":
        with engine.connect() as connection:
            if is_sample(connection.scalars(mine).one()):
                return SAMPLE_AWAY
    return str(error)


def _is_undo(engine: Engine, sync_id: int) -> bool:
    with engine.connect() as connection:
        return connection.scalar(select(Sync.mode).where(Sync.id == sync_id)) == SyncMode.UNDO


class Preparation:
    """One prepare under way."""

    def __init__(self, engine: Engine, sync_id: int, open_provider: OpenProvider, clock: Clock, pulse: Pulse) -> None:
        self._engine, self._sync_id, self._clock, self._pulse = engine, sync_id, clock, pulse
        with engine.connect() as connection:
            row = connection.execute(
                select(Sync.connection_id, Sync.mode, Sync.request, Sync.automatic).where(Sync.id == sync_id)
            ).one()
            facts = load(connection, row.connection_id)
        self._request: dict[str, Any] = row.request
        self._facts = msgspec.structs.replace(
            facts, package=row.request.get("file", ""), held=Recalled(engine, facts.id)
        )
        self._is_automatic: bool = row.automatic
        self._schools: frozenset[str] = frozenset()
        self._open_provider = open_provider
        self._keeping = left_out.Keeping(engine, facts.id)
        self._plan = Plan(engine, sync_id, self._facts.options, pulse, self._keeping)
        self._reading = Reading(engine, sync_id, self._facts, self._plan, pulse, clock, row.mode)
        self._district = DistrictFacts("")
        self._contents: Contents | None = None
        """Of a package."""
        self._newest = ""
        """Of a SIS that dates its records: the newest date."""

    def run(self) -> SyncState:
        """Every step of SPEC 5, in order."""
        self._pulse.stage("Opening the connection")
        self._keep_options()
        provider = self._open_provider(self._facts)
        require_whole_first(self._engine, self._facts.id, provider, self._facts.options.items)
        self._take_district(provider)
        self._map_all_first(provider)
        self._require_scope(provider)
        fetched = self._reading.read(provider, place_in_feed(provider, self._request, self._facts.cursor))
        if isinstance(provider, DatedProvider):
            self._newest = provider.newest_change()
        if isinstance(provider, PackageProvider):
            self._contents = provider.contents()
        self._pulse.stage("Comparing with the portal")
        Planner(
            self._engine,
            self._facts.id,
            self._facts.kind,
            self._facts.options,
            self._facts.places,
            fetched,
            self._plan,
            self._pulse,
            only_pending=self._reading.mode == SyncMode.QUICK,
            schools=self._schools,
        ).run()
        return self._save()

    def _keep_options(self) -> None:
        """Note the options that this prepare runs with: they may have changed since it was asked for."""
        values = {
            "options": options_to_store(self._facts.options),
            "options_version": self._facts.options_version,
        }
        with writing(self._engine).begin() as connection:
            self._pulse.fence(connection)
            connection.execute(update(Sync).where(Sync.id == self._sync_id).values(values))

    def _take_district(self, provider: Provider) -> None:
        self._district = provider.district()
        if self._district.state in auto_commit.UNSURE_STATES:
            self._plan.warn([Problem("district-paused", value=self._district.state)])

    def _map_all_first(self, provider: Provider) -> None:
        """Make an organization for every school of the first file, where that was asked for before there was a file."""
        if self._facts.places or not self._facts.settings.get(MAP_ALL_FIRST):
            return
        with writing(self._engine).begin() as connection:
            self._pulse.fence(connection)
            remember_schools(connection, self._facts.id, provider.schools(), self._clock(), whole=False)
            auto_create(connection, self._facts.id, self._clock())
        with self._engine.connect() as connection:
            now = load(connection, self._facts.id)
        self._facts = msgspec.structs.replace(now, package=self._facts.package, held=self._facts.held)
        self._reading = Reading(
            self._engine, self._sync_id, self._facts, self._plan, self._pulse, self._clock, self._reading.mode
        )
        self._keep_options()

    def _require_scope(self, provider: Provider) -> None:
        """Stop where no school is chosen, and where sections are asked for before any users (option 2)."""
        if not self._facts.places:
            with writing(self._engine).begin() as connection:
                remember_schools(connection, self._facts.id, provider.schools(), self._clock())
            raise Stopped(
                "No school is chosen yet. Choose the school to sync, or map the schools, then start again.", "no-school"
            )
        asked = frozenset(self._request.get("schools", ()))
        self._schools = asked & self._facts.places.keys()
        if asked != self._schools:
            unmapped = ", ".join(sorted(asked - self._schools))
            raise Stopped(f"These schools are not mapped: {unmapped}. Map them, or leave them out.", "no-school")
        if self._facts.options.items == {Item.SECTIONS} and self._facts.committed_sync_id is None:
            raise Stopped(
                "Sections need their students and teachers first. Add users to the items to sync, commit that sync, then sync sections.",
                "users-first",
            )

    def _save(self) -> SyncState:
        now = self._clock()
        counts = self._plan.counts()
        with writing(self._engine).begin() as connection:
            self._pulse.fence(connection)
            if connection.scalar(select(Sync.cancel_asked).where(Sync.id == self._sync_id)):
                raise Cancelled
            self._keep_district(connection, now)
            pins.refresh(connection, self._facts)
            self._forget_undone(connection)
            supersede(connection, self._facts.id, self._sync_id, now)
            carried = [carry_ticks(connection, older, self._sync_id) for older in _older_plans(self._request)]
            first_sync = self._facts.committed_sync_id is None
            held = guard(connection, self._sync_id, self._facts.id, self._facts.options, first_sync=first_sync)
            values: dict[str, Any] = {
                "counts": counts,
                "left_out": self._plan.left_out(),
                "kept_back": self._keeping.counts(),
                "withheld": self._reading.withheld,
                "held": held,
                "cursor": self._reading.cursor,
                "request": self._request | ({"carried": msgspec.to_builtins(carried)} if carried else {}),
                "compared": msgspec.to_builtins(self._compare_warnings(connection)),
                "completeness": [msgspec.to_builtins(seal) for seal in self._reading.seals],
                "stage": "",
                "prepared_at": now,
                "claim": None,
            }
            move(connection, self._sync_id, SyncState.PREPARED, **values)
            self._tell(connection, counts, held, now)
        return SyncState.PREPARED

    def _tell(self, connection: Connection, counts: Counts, held: Sequence[Mapping[str, Any]], now: datetime) -> None:
        """Notify; and where the sync is to be committed by itself, ask for that, or say why it waits."""
        by_itself = bool(self._request.get(auto_commit.AUTO_COMMIT))
        planned = total_of(counts, "planned")
        why_not = (
            auto_commit.why_not(held, self._district.state, planned, in_part=self._is_automatic) if by_itself else ""
        )
        told = planned_sentence(counts, by_itself=by_itself and not why_not)
        if why_not:
            waits = " ".join(part for part in (self._note(connection), why_not) if part)
            connection.execute(update(Sync).where(Sync.id == self._sync_id).values(note=waits))
        elif by_itself:
            auto_commit.ask(connection, self._sync_id, now)
        kind = NoticeKind.HELD if held or why_not else NoticeKind.PREPARED
        waiting = held_sentences(held) if why_not else held_sentence(held)
        text = " ".join(part for part in (told, why_not, waiting) if part)
        notices.notify(connection, self._sync_id, kind, text, now)

    def _note(self, connection: Connection) -> str:
        return connection.scalars(select(Sync.note).where(Sync.id == self._sync_id)).one()

    def _compare_warnings(self, connection: Connection) -> Compared:
        mode = SyncMode(self._reading.mode)
        return compare_warnings(connection, self._sync_id, self._facts.id, mode, self._reading.seals)

    def _forget_undone(self, connection: Connection) -> None:
        """What was undone and the SIS says no more is forgotten, as far as this prepare has looked."""
        left_out.forget_returned(connection, self._facts.id)
        everything = self._reading.mode == SyncMode.FULL and not self._schools
        if everything and self._facts.options.items == set(Item):
            self._keeping.forget_stale(connection)

    def _keep_district(self, connection: Connection, now: datetime) -> None:
        district = msgspec.to_builtins(self._district)
        if self._newest:
            # What changed does not say how new the rest is.
            held = connection.scalars(select(SisConnection.district).where(SisConnection.id == self._facts.id)).one()
            district["last_sync"] = max(self._newest, str(held.get("last_sync") or ""))
        if self._contents is not None:
            name = self._request.get(packages.NAME) or packages.name_of(connection, self._facts.id, self._facts.package)
            read = {"name": name, "read_at": now.isoformat()}
            district[PACKAGE] = read | msgspec.to_builtins(self._contents)
        values: dict[str, Any] = {
            "district": district,
            "district_id": self._district.id,
            "updated_at": now,
        }
        if self._reading.mode == SyncMode.FULL:
            values["others"] = dict(self._reading.others)
        connection.execute(update(SisConnection).where(SisConnection.id == self._facts.id).values(values))


def _older_plans(request: dict[str, Any]) -> list[int]:
    """The plans whose ticks the new one keeps: one that a person named, or those that an automatic sync follows."""
    named: int | list[int] = request.get("keep_ticks_of") or []
    return named if isinstance(named, list) else [named]


def _settle(engine: Engine, sync_id: int, state: SyncState, now: datetime, note: str, code: str) -> SyncState:
    with writing(engine).begin() as connection:
        moved = move(connection, sync_id, state, note=note, error_code=code, finished_at=now, claim=None, stage="")
        if moved and state is SyncState.FAILED:
            notices.notify(connection, sync_id, NoticeKind.FAILED, f"The sync failed. {note}", now)
    return state
