"""A stand-in for the portal's mirror: what an earlier reading gave."""

from collections.abc import Mapping, Sequence

from sisportal.roster.records import Collection, Person, Section, Term
from tests.providers.canned import Gathered


class HeldRecords:
    """Holds the records of a reading."""

    def __init__(self, got: Gathered) -> None:
        self._got = {kind: {one.source_id: one for one in records} for kind, records in got.records.items()}

    def people(self, ids: Sequence[str]) -> Mapping[str, Person]:
        return {id_: self._got[Collection.PEOPLE][id_] for id_ in ids if id_ in self._got[Collection.PEOPLE]}

    def sections(self, ids: Sequence[str]) -> Mapping[str, Section]:
        return {id_: self._got[Collection.SECTIONS][id_] for id_ in ids if id_ in self._got[Collection.SECTIONS]}

    def terms(self) -> Mapping[str, Term]:
        return self._got[Collection.TERMS]
