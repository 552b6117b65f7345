"""Whether what was read of a collection is proven to be all of it. Only then may a missing record count as gone."""

from typing import NamedTuple

from sisportal.providers.paging import Tally
from sisportal.roster.records import Collection, Seal


class Part(NamedTuple):
    """One list that makes up a collection: what was seen of it, the server's total, and what to call its rows."""

    tally: Tally
    claimed: int | None
    noun: str


def doubt(part: Part, *, may_be_empty: bool = False) -> str:
    """Why ``part`` is not proven to be everything, as a sentence; blank where it is.

    A total from the server is the proof. Without one the walk must have ended by itself with every row read once.
    """
    tally, claimed, noun = part
    if claimed is not None and claimed != tally.distinct:
        return f"The SIS says that it has {claimed:,} {noun}, and {tally.distinct:,} could be read."
    if tally.unread:
        return f"{tally.unread:,} of the {tally.rows:,} {noun} listed could not be read or have no id."
    if claimed is not None:
        return ""
    if tally.distinct == 0 and not may_be_empty:
        return f"The SIS listed no {noun} and did not confirm that it has none."
    if tally.repeated:
        return f"{tally.repeated:,} of the {noun} were listed more than once."
    return tally.doubts[0] if tally.doubts else ""


def seal(collection: Collection, parts: list[Part], *, may_be_empty: bool = False) -> Seal:
    """The seal over all ``parts`` of a collection.

    An empty collection is proof of nothing unless it ``may_be_empty``: a district that shares nothing any more looks the
    same as one that everybody left (Clever: an empty list at a collection's root).
    """
    reasons = [reason for part in parts if (reason := doubt(part, may_be_empty=may_be_empty))]
    distinct = sum(part.tally.distinct for part in parts)
    if not distinct and not may_be_empty:
        reasons = [f"The SIS listed no {' and no '.join(part.noun for part in parts)} at all."]
    claims = [part.claimed for part in parts if part.claimed is not None]
    return Seal(
        collection,
        complete=not reasons,
        reason=" ".join(reasons),
        pages=sum(part.tally.pages for part in parts),
        rows=sum(part.tally.rows for part in parts),
        distinct=distinct,
        claimed=sum(claims) if len(claims) == len(parts) else None,
    )
