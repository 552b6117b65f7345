"""What a check of the store finds: sentences, each with what to do about it."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, Select

SHOWN = 5
RESTORE = "Stop the portal, keep a copy of its data folder, and restore the last good backup."
REPORT_IT = "Sync again; if it stays, keep a copy of the data folder and report it with this line."


class Finding(msgspec.Struct, frozen=True):
    """Something that is wrong, and what to do."""

    what: str
    advice: str


def listed(connection: Connection, statement: Select[Any], sentence: str, advice: str) -> Iterator[Finding]:
    """One finding about every id that the statement selects, if any."""
    yield from found(sorted(connection.scalars(statement)), sentence, advice)


def found(ids: Iterable[object], sentence: str, advice: str) -> Iterator[Finding]:
    """One finding about these ids, if any: how many they are and the first of them."""
    every = list(ids)
    if every:
        some = ", ".join(map(str, every[:SHOWN])) + (", ..." if len(every) > SHOWN else "")
        yield Finding(f"{len(every):,} {sentence} ({some}).", advice)
