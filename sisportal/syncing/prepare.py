"""Prepare: fetch, mirror, plan, save. Writes the mirror and the plan, never the LMS side (SPEC 5)."""

import logging
from collections import Counter
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, exists, select, update

from sisportal.models import AccountLink, ClassLink, Mapping, SisConnection, SisSchool, Sync, SyncMode, SyncState
from sisportal.models.database import writing
from sisportal.providers.base import DistrictFacts, Provider, ProviderError
from sisportal.roster.checks import Checker
from sisportal.roster.options import Item
from sisportal.roster.records import Batch, Collection, Problem, School, Seal
from sisportal.syncing import notices
from sisportal.syncing.actions import Plan
from sisportal.syncing.connections import OpenProvider, load, options_to_store, remember_schools
from sisportal.syncing.credentials import SecretsUnreadable
from sisportal.syncing.guarding import guard
from sisportal.syncing.mirror import Mirror, settle
from sisportal.syncing.planner import Fetched, Planner
from sisportal.syncing.progress import Cancelled, ClaimLost, Clock, Pulse
from sisportal.syncing.rows import few_collections, insert_one
from sisportal.syncing.states import claim, move
from sisportal.syncing.words import planned_sentence

logger = logging.getLogger(__name__)

STAGE_WORDS = {
    Collection.SCHOOLS: "Reading schools",
    Collection.TERMS: "Reading terms",
    Collection.COURSES: "Reading courses",
    Collection.PEOPLE: "Reading students and teachers",
    Collection.SECTIONS: "Reading sections",
}
TYPES_OF = {Collection.PEOPLE: ("student", "teacher"), Collection.SECTIONS: ("section",)}
UNEXPECTED = "Something unexpected happened. The server's log has the details; nothing was changed. Try again."


class Stopped(Exception):
    """The prepare must not go on; the sentence says why and what to do."""

    def __init__(self, sentence: str, code: str) -> None:
        super().__init__(sentence)
        self.code = code


def request_sync(
    engine: Engine,
    connection_id: int,
    now: datetime,
    *,
    started_by: int | None = None,
    automatic: bool = False,
    note: str = "",
    **asked: Any,
) -> int:
    """Put a full sync into the table, to be prepared by ``prepare``; its id. ``note`` stays on it once it is prepared."""
    with writing(engine).begin() as connection:
        facts = load(connection, connection_id)
        values = {
            "connection_id": connection_id,
            "mode": SyncMode.FULL,
            "automatic": automatic,
            "note": note,
            "request": asked,
            "options": options_to_store(facts.options),
            "options_version": facts.options_version,
            "started_by": started_by,
            "created_at": now,
        }
        return insert_one(connection, Sync, values)


def prepare(engine: Engine, sync_id: int, open_provider: OpenProvider, clock: Clock) -> SyncState:
    """Prepare a queued sync and leave it prepared, failed or cancelled; the state it ended in.

    Raises ``NotAllowed`` (and changes nothing) when the sync is not queued or another one of its connection runs.
    """
    token = claim(engine, sync_id, SyncState.PREPARING, clock())
    try:
        with few_collections(), Pulse(engine, sync_id, token, clock) as pulse:
            return Preparation(engine, sync_id, open_provider, clock, pulse).run()
    except ClaimLost:
        logger.warning("claim lost", extra={"sync_id": sync_id})
        return SyncState.INTERRUPTED
    except Cancelled:
        return _settle(
            engine, sync_id, SyncState.CANCELLED, clock(), "Cancelled. Nothing was changed in the portal.", ""
        )
    except (ProviderError, SecretsUnreadable, Stopped) as error:
        return _settle(engine, sync_id, SyncState.FAILED, clock(), str(error), getattr(error, "code", "secrets"))
    except Exception:
        logger.exception("prepare failed", extra={"sync_id": sync_id})
        _settle(engine, sync_id, SyncState.FAILED, clock(), UNEXPECTED, "unexpected")
        raise


class Preparation:
    """One prepare under way."""

    def __init__(self, engine: Engine, sync_id: int, open_provider: OpenProvider, clock: Clock, pulse: Pulse) -> None:
        self._engine, self._sync_id, self._clock, self._pulse = engine, sync_id, clock, pulse
        with engine.connect() as connection:
            connection_id = connection.scalars(select(Sync.connection_id).where(Sync.id == sync_id)).one()
            self._facts = load(connection, connection_id)
        self._open_provider = open_provider
        self._plan = Plan(engine, sync_id, self._facts.options, pulse)
        self._mirror = Mirror(engine, connection_id, sync_id, self._facts.places, pulse, stale=self._facts.mirror_stale)
        self._checker = Checker()
        self._seals: list[Seal] = []
        self._schools: list[School] = []
        self._withheld: list[dict[str, str]] = []
        self._others: Counter[str] = Counter()
        self._district = DistrictFacts("")

    def run(self) -> SyncState:
        """Every step of SPEC 5, in order."""
        self._pulse.stage("Opening the connection")
        self._keep_options()
        provider = self._open_provider(self._facts)
        self._take_district(provider)
        self._require_scope(provider)
        for step in provider.fetch(items=frozenset(str(item) for item in self._facts.options.items)):
            self._take(step)
        fetched = self._prove()
        self._settle_mirror()
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
        if self._district.state in {"paused", "error", "pending"}:
            self._plan.warn([Problem("district-paused", value=self._district.state)])

    def _require_scope(self, provider: Provider) -> None:
        """Stop where no school is chosen, and where sections are asked for before any users (option 2)."""
        if not self._facts.places:
            with writing(self._engine).begin() as connection:
                remember_schools(connection, self._facts.id, provider.schools(), self._clock())
            raise Stopped(
                "No school is chosen yet. Choose the school to sync, or map the schools, then start again.", "no-school"
            )
        if self._facts.options.items == {Item.SECTIONS} and self._facts.committed_sync_id is None:
            raise Stopped(
                "Sections need their students and teachers first. Add users to the items to sync, commit that sync, then sync sections.",
                "users-first",
            )

    def _take(self, step: Batch | Seal) -> None:
        self._begin(step.collection)
        if isinstance(step, Seal):
            self._seals.append(step)
            self._refuse_empty(step)
            if step.collection is Collection.SCHOOLS:
                self._keep_schools(whole=step.complete)
            return
        self._others.update(step.others)
        records, problems = self._checker.check(step.records)
        problems = [*step.problems, *problems, *self._mirrored(step.collection, records)]
        self._plan.warn(problems)
        self._pulse.advance(len(step.records), step.total)

    def _begin(self, collection: Collection) -> None:
        words = STAGE_WORDS[collection]
        if self._pulse.words != words:
            self._pulse.stage(words)
            self._mirror.open(collection)

    def _mirrored(self, collection: Collection, records: list[Any]) -> list[Problem]:
        match collection:
            case Collection.SCHOOLS:
                self._schools += records
            case Collection.TERMS:
                self._mirror.take_terms(records)
            case Collection.COURSES:
                self._mirror.take_courses(records)
            case Collection.PEOPLE:
                self._mirror.take_people(records)
            case Collection.SECTIONS:
                return self._mirror.take_sections(records)
        return []

    def _keep_schools(self, *, whole: bool) -> None:
        with writing(self._engine).begin() as connection:
            self._pulse.fence(connection)
            remember_schools(connection, self._facts.id, self._schools, self._clock(), whole=whole)

    def _refuse_empty(self, seal: Seal) -> None:
        """An empty list of schools or people, where the portal holds some, is a fault of the source (SPEC 5, step 2)."""
        if seal.rows or seal.collection not in {Collection.SCHOOLS, Collection.PEOPLE}:
            return
        link_or_school = (
            exists().where(SisSchool.connection_id == self._facts.id, SisSchool.mapping == Mapping.MAPPED)
            if seal.collection is Collection.SCHOOLS
            else exists().where(AccountLink.connection_id == self._facts.id)
        )
        with self._engine.connect() as connection:
            if connection.scalar(select(link_or_school)):
                raise Stopped(
                    f"The SIS answered with an empty list of {seal.collection}, although the portal holds some of them. "
                    "That is not believed: nothing was changed. Check what is shared with this application, then sync again.",
                    "empty",
                )

    def _prove(self) -> Fetched:
        """Mark as gone what proven lists no longer name; of the others, say that deletes are withheld and why."""
        seals = {seal.collection: seal for seal in self._seals}
        complete: set[Collection] = set()
        for collection in (Collection.SECTIONS, Collection.PEOPLE):
            seal = seals.get(collection)
            if seal is None:
                continue
            reason = seal.reason if not seal.complete else self._contradiction(collection, seal)
            if reason:
                self._withheld += [{"type": type_, "reason": reason} for type_ in TYPES_OF[collection]]
            else:
                complete.add(collection)
                self._mirror.seal(collection)
        if self._facts.mirror_stale and complete == set(TYPES_OF):
            self._mirror_is_fresh()
        missing = frozenset() if Collection.PEOPLE in complete else self._mirror.missing_people()
        return Fetched(frozenset(complete), missing)

    def _contradiction(self, collection: Collection, seal: Seal) -> str:
        """Why a list that looks whole is not believed; blank when nothing speaks against it."""
        if collection is Collection.PEOPLE and (named := self._mirror.missing_but_named()):
            return f"{named:,} people who are no longer listed are still named in sections"
        if collection is Collection.SECTIONS and not seal.rows:
            with self._engine.connect() as connection:
                if connection.scalar(select(exists().where(ClassLink.connection_id == self._facts.id))):
                    return "the list of sections is empty"
        return ""

    def _settle_mirror(self) -> None:
        with writing(self._engine).begin() as connection:
            self._pulse.fence(connection)
            settle(connection, self._facts.id)

    def _mirror_is_fresh(self) -> None:
        with writing(self._engine).begin() as connection:
            self._pulse.fence(connection)
            # Not where somebody mapped a school meanwhile: this fetch was read with the mapping of its beginning.
            same = SisConnection.options_version == self._facts.options_version
            connection.execute(
                update(SisConnection).where(SisConnection.id == self._facts.id, same).values(mirror_stale=False)
            )

    def _save(self) -> SyncState:
        now = self._clock()
        counts = self._plan.counts()
        with writing(self._engine).begin() as connection:
            self._pulse.fence(connection)
            if connection.scalar(select(Sync.cancel_asked).where(Sync.id == self._sync_id)):
                raise Cancelled
            self._keep_district(connection, now)
            self._supersede(connection, now)
            first_sync = self._facts.committed_sync_id is None
            held = guard(connection, self._sync_id, self._facts.id, self._facts.options, first_sync=first_sync)
            values: dict[str, Any] = {
                "counts": counts,
                "left_out": self._plan.left_out(),
                "withheld": self._withheld,
                "held": held,
                "completeness": [msgspec.to_builtins(seal) for seal in self._seals],
                "stage": "",
                "prepared_at": now,
                "claim": None,
            }
            move(connection, self._sync_id, SyncState.PREPARED, **values)
            notices.notify(connection, self._sync_id, "prepared", planned_sentence(counts), now)
        return SyncState.PREPARED

    def _keep_district(self, connection: Connection, now: datetime) -> None:
        values: dict[str, Any] = {
            "district": msgspec.to_builtins(self._district),
            "district_id": self._district.id,
            "others": dict(self._others),
            "updated_at": now,
        }
        connection.execute(update(SisConnection).where(SisConnection.id == self._facts.id).values(values))

    def _supersede(self, connection: Connection, now: datetime) -> None:
        """Plans of this connection that nobody committed are stale from now on (SPEC 6.7)."""
        older = select(Sync.id).where(
            Sync.connection_id == self._facts.id, Sync.id != self._sync_id, Sync.state == SyncState.PREPARED
        )
        for sync_id in list(connection.scalars(older)):
            note = f"Replaced by sync {self._sync_id}, which is newer."
            move(connection, sync_id, SyncState.SUPERSEDED, note=note, finished_at=now)


def _settle(engine: Engine, sync_id: int, state: SyncState, now: datetime, note: str, code: str) -> SyncState:
    with writing(engine).begin() as connection:
        moved = move(connection, sync_id, state, note=note, error_code=code, finished_at=now, claim=None, stage="")
        if moved and state is SyncState.FAILED:
            notices.notify(connection, sync_id, "failed", f"The sync failed. {note}", now)
    return state
