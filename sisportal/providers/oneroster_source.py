"""Where OneRoster's objects come from: what the REST API and a CSV package have in common."""

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from sisportal.providers.completeness import Part
from sisportal.providers.oneroster_wire import Listing
from sisportal.roster.records import Problem


class Mode(StrEnum):
    """How much of a collection a source lists."""

    BULK = "bulk"
    """All of it: what is not listed is gone."""
    DELTA = "delta"
    """What changed: what is not listed is as it was."""
    ABSENT = "absent"
    """Nothing is said about it."""


class Slice(msgspec.Struct):
    """A part of a collection: its objects, each id once in the whole collection, and what was odd about them."""

    objects: list[Any]
    problems: list[Problem]


class Pull(Protocol):
    """One collection being read. Iterate it once; ``part`` is whole afterwards."""

    @property
    def part(self) -> Part: ...

    @property
    def total(self) -> int | None:
        """How many rows there are, as far as is known by now: for the progress bar."""

    def __iter__(self) -> Iterator[Slice]: ...


class Source(Protocol):
    """A SIS, or a file that it made."""

    @property
    def doubtful(self) -> Collection[str]:
        """Classes of which an enrollment could not be read: nobody is taken out of them."""

    @property
    def may_lack_everybody(self) -> bool:
        """Whether classes may well have nobody in them at all: elsewhere no enrollments are a fault of the source."""

    def mode(self, listing: Listing) -> Mode: ...

    def pull(self, listing: Listing) -> Pull: ...

    def rosters(self, schools: Mapping[str, str]) -> "Pull | None":
        """All enrollments of the classes whose ids (with the schools') are given; None where only changes can be had."""
