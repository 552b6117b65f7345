"""Reading the SIS: a fetch or its changes into the mirror, and the proof of what is gone (SPEC 5, steps 1 and 2)."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Engine, exists, select, update

from sisportal.models import (
    AccountLink,
    ClassLink,
    ConnectionKind,
    Mapping,
    SisConnection,
    SisPerson,
    SisSchool,
    SisSection,
    Sync,
    SyncMode,
)
from sisportal.models.database import writing
from sisportal.providers.base import (
    FULL_SYNC_NEEDED,
    Cursor,
    DatedProvider,
    FeedProvider,
    PackageProvider,
    Provider,
    ProviderError,
)
from sisportal.roster.checks import Checker
from sisportal.roster.fields import home
from sisportal.roster.options import Item
from sisportal.roster.records import Batch, Collection, Person, Problem, School, Seal, Section
from sisportal.syncing.actions import Plan
from sisportal.syncing.connections import ConnectionFacts, remember_schools
from sisportal.syncing.mirror import Mirror
from sisportal.syncing.pending import settle
from sisportal.syncing.planner import Fetched
from sisportal.syncing.progress import Clock, Pulse, Stopped
from sisportal.syncing.recalled import Recalled

STAGE_WORDS = {
    Collection.SCHOOLS: "Reading schools",
    Collection.TERMS: "Reading terms",
    Collection.COURSES: "Reading courses",
    Collection.PEOPLE: "Reading students and teachers",
    Collection.SECTIONS: "Reading sections",
}
ONEROSTER_KINDS = frozenset({"oneroster", "csv"})
"""Kinds of connection whose source may list one person as several users."""
LISTS = {Item.USERS: Collection.PEOPLE, Item.SECTIONS: Collection.SECTIONS}
TYPES_OF = {Collection.PEOPLE: ("student", "teacher"), Collection.SECTIONS: ("section",)}


class Reading:
    """What one prepare reads of the SIS, and what it learns on the way."""

    def __init__(
        self, engine: Engine, sync_id: int, facts: ConnectionFacts, plan: Plan, pulse: Pulse, clock: Clock, mode: str
    ) -> None:
        self._engine, self._sync_id, self._facts = engine, sync_id, facts
        self._plan, self._pulse, self._clock = plan, pulse, clock
        self.mode = mode
        """``full`` or ``quick``; a quick sync that turns out not to be possible becomes a full one."""
        self.cursor: str | None = None
        """Where the next quick sync reads on."""
        self.seals: list[Seal] = []
        self._roles: Counter[str] = Counter()
        self._changed: Counter[Collection] = Counter()
        self.withheld: list[dict[str, str]] = []
        self.others: Counter[str] = Counter()
        self._mirror = self._new_mirror()
        self._checker = Checker()
        self._schools: list[School] = []

    def read(self, provider: Provider, since: str | None) -> Fetched:
        """Bring the mirror up to date. ``since`` is the place in the feed that somebody asked for, if anybody did."""
        fetched = self._read_changes(provider, since) or self._read_everything(provider)
        if self.mode == SyncMode.QUICK:
            # Only a quick sync looks at the marks, so a full one does not pay for bringing them up to date.
            with writing(self._engine).begin() as connection:
                self._pulse.fence(connection)
                settle(connection, self._facts.id)
        return fetched

    def _read_everything(self, provider: Provider) -> Fetched:
        if isinstance(provider, FeedProvider):
            # Before the first page: whatever changes while the pages are read is in the feed after this place.
            self.cursor = provider.cursor() or None
        elif isinstance(provider, DatedProvider):
            self.cursor = self._clock().isoformat()
        elif isinstance(provider, PackageProvider):
            self._take_partial(provider.partial(), merges_twins=not provider.lists_once())
        for step in provider.fetch(items=self._items()):
            self._take(step)
        return self._prove()

    def _read_changes(self, provider: Provider, since: str | None) -> Fetched | None:
        """Read only what changed; None where everything has to be read, and then the sync says why."""
        if self.mode != SyncMode.QUICK:
            return None
        reason = self._facts.why_not_quick()
        steps = None if reason else self._changes(provider, since or self._facts.cursor or "")
        if steps is not None:
            self._mirror = self._new_mirror(frozenset(TYPES_OF))
            self._changed.update({LISTS[item]: 0 for item in self._facts.options.items})
            try:
                for step in steps:
                    self._take_change(step)
            except ProviderError as error:
                if error.code not in FULL_SYNC_NEEDED:
                    raise
                reason = error.message
            else:
                self._seal_changes()
                self._plan.warn(self._mirror.refresh())
                return Fetched(frozenset(TYPES_OF))
        self._go_full(reason or "this source does not tell what changed")
        return None

    def _changes(self, provider: Provider, place: str) -> Iterator[Batch | Seal | Cursor] | None:
        """What changed since a place in the provider's feed, or a moment (ISO); None where the provider cannot tell."""
        if isinstance(provider, FeedProvider):
            return provider.changes(place, items=self._items())
        if isinstance(provider, DatedProvider):
            return self._changes_since(provider, place)
        return None

    def _changes_since(self, provider: DatedProvider, place: str) -> Iterator[Batch | Seal | Cursor]:
        begun = self._clock().isoformat()
        if not place:
            raise ProviderError("it is not known when everything was last read", code="no-cursor")
        held = Recalled(self._engine, self._facts.id)
        yield from provider.changes_since(datetime.fromisoformat(place), items=self._items(), held=held)
        yield Cursor(begun)

    def _take_partial(self, partial: frozenset[Collection], *, merges_twins: bool) -> None:
        """Read a package, which need not list everything."""
        self._mirror = self._new_mirror(partial, merges_twins=merges_twins)
        if not (self._facts.mirror_stale and partial & TYPES_OF.keys()):
            return
        with self._engine.connect() as connection:
            if connection.scalar(select(exists().where(SisPerson.connection_id == self._facts.id))):
                raise Stopped(
                    "The mapping of schools changed, and this file lists only what changed in the SIS. Upload a file that "
                    "lists everything.",
                    "whole-file-needed",
                )

    def _take_change(self, step: Batch | Seal | Cursor) -> None:
        if isinstance(step, Cursor):
            self.cursor = step.value
            return
        self._take(step)
        if isinstance(step, Batch):
            self._changed[step.collection] += len(step.records) + len(step.removed)
        if step.collection is Collection.SCHOOLS and isinstance(step, Batch):
            self._keep_schools(whole=False)

    def _seal_changes(self) -> None:
        """What a feed told, for the report: it lists records as they change, and has no lists of its own to seal."""
        for collection in Collection:
            if collection not in {seal.collection for seal in self.seals} and (collection in self._changed):
                number = self._changed[collection]
                self.seals.append(Seal(collection, complete=False, rows=number, distinct=number))

    def _go_full(self, reason: str) -> None:
        """Read everything instead, and say why."""
        self.mode = SyncMode.FULL
        self._mirror = self._new_mirror()
        self.seals, self._schools = [], []
        self._roles.clear()
        self.others.clear()
        sentence = reason[:1].upper() + reason[1:].rstrip(".")
        note = f"Everything was read instead of changes only: {sentence}."
        self._plan.warn([Problem("full-instead", value=reason)])
        with writing(self._engine).begin() as connection:
            self._pulse.fence(connection)
            connection.execute(update(Sync).where(Sync.id == self._sync_id).values(mode=self.mode, note=note))

    def _items(self) -> frozenset[str]:
        return frozenset(str(item) for item in self._facts.options.items)

    def _new_mirror(self, partial: frozenset[Collection] = frozenset(), *, merges_twins: bool = True) -> Mirror:
        facts = self._facts
        return Mirror(
            self._engine,
            facts.id,
            self._sync_id,
            facts.places,
            self._pulse,
            stale=facts.mirror_stale,
            partial=partial,
            merges_twins=merges_twins and facts.kind in ONEROSTER_KINDS,
        )

    def _take(self, step: Batch | Seal) -> None:
        self._begin(step.collection)
        if isinstance(step, Seal):
            self.seals.append(step)
            if step.collection is Collection.PEOPLE:
                self.seals[-1] = self._with_roles(step)
                self._mirror.close_people()
            self._refuse_empty(step)
            if step.collection is Collection.SCHOOLS:
                self._keep_schools(whole=step.complete)
            self._pulse.stage("Waiting for the next list")  # its first page may take the SIS a while
            return
        self.others.update(step.others)
        self._mirror.remove(step.collection, step.removed)
        records, problems = self._checker.check(step.records)
        problems = [*step.problems, *problems, *self._mirrored(step.collection, records)]
        self._plan.warn(self._concerning(problems, records))
        self._pulse.advance(len(step.records), step.total)

    def _with_roles(self, seal: Seal) -> Seal:
        """The seal of people, with how many of them have which role; not where some were listed more than once."""
        return replace(seal, among=dict(self._roles)) if seal.rows == seal.distinct else seal

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
                self._roles.update(str(person.role) for person in records)
                self._mirror.take_people(records)
            case Collection.SECTIONS:
                return self._mirror.take_sections(records)
        return []

    def _concerning(self, problems: list[Problem], records: list[Any]) -> list[Problem]:
        """Without those of people and sections of schools that are not synced: they are nobody's concern here."""
        about = {problem.external_id for problem in problems}
        elsewhere = {
            record.source_id for record in records if record.source_id in about and not self._is_in_scope(record)
        }
        return [problem for problem in problems if problem.external_id not in elsewhere]

    def _is_in_scope(self, record: Any) -> bool:
        if isinstance(record, Person):
            return home(record.schools, record.school, self._facts.places) is not None
        return not isinstance(record, Section) or record.school in self._facts.places

    def _keep_schools(self, *, whole: bool) -> None:
        with writing(self._engine).begin() as connection:
            self._pulse.fence(connection)
            remember_schools(connection, self._facts.id, self._schools, self._clock(), whole=whole)

    def _refuse_empty(self, seal: Seal) -> None:
        """An empty list of schools or people, where the portal holds some, is a fault of the source (SPEC 5, step 2)."""
        changes_only = not (seal.complete or seal.reason)
        if changes_only or seal.rows or seal.collection not in {Collection.SCHOOLS, Collection.PEOPLE}:
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
        seals = {seal.collection: seal for seal in self.seals}
        complete: set[Collection] = set()
        for collection in (Collection.SECTIONS, Collection.PEOPLE):
            seal = seals.get(collection)
            if seal is None:
                continue
            reason = self._contradiction(collection, seal) if seal.complete else seal.reason
            if reason:
                self.withheld += [{"type": type_, "reason": reason} for type_ in TYPES_OF[collection]]
                continue
            complete.add(collection)
            # A delta is not the whole and needs no proof: it says itself what is gone.
            if seal.complete:
                self._mirror.seal(collection)
        self._plan.warn(self._mirror.refresh())
        if self._facts.mirror_stale and (complete | self._without_any(seals)) == set(TYPES_OF):
            self._mirror_is_fresh()
        missing = frozenset() if Collection.PEOPLE in complete else self._mirror.missing_people()
        return Fetched(frozenset(complete), missing)

    def _without_any(self, seals: dict[Collection, Seal]) -> set[Collection]:
        """Sections, where a file lists none and none are mirrored: there is nothing that could be out of date."""
        seal = seals.get(Collection.SECTIONS)
        if self._facts.kind != ConnectionKind.CSV or seal is None or seal.rows or not seal.reason:
            return set()
        with self._engine.connect() as connection:
            held = connection.scalar(select(exists().where(SisSection.connection_id == self._facts.id)))
        return set() if held else {Collection.SECTIONS}

    def _contradiction(self, collection: Collection, seal: Seal) -> str:
        """Why a list that looks whole is not believed; blank when nothing speaks against it."""
        if collection is Collection.PEOPLE and (named := self._mirror.missing_but_named()):
            return f"{named:,} people who are no longer listed are still named in sections"
        if collection is Collection.SECTIONS and not seal.rows:
            with self._engine.connect() as connection:
                if connection.scalar(select(exists().where(ClassLink.connection_id == self._facts.id))):
                    return "the list of sections is empty"
        return ""

    def _mirror_is_fresh(self) -> None:
        with writing(self._engine).begin() as connection:
            self._pulse.fence(connection)
            # Not where somebody mapped a school meanwhile: this fetch was read with the mapping of its beginning.
            same = SisConnection.options_version == self._facts.options_version
            connection.execute(
                update(SisConnection).where(SisConnection.id == self._facts.id, same).values(mirror_stale=False)
            )
