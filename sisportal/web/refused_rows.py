"""The rows of a file that a sync did not take: where each stands, and why."""

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import func, select

from sisportal.extensions import db
from sisportal.models import SyncWarning
from sisportal.roster.catalogue import CATALOGUE, Severity, sentence
from sisportal.syncing.reports import problem_of

SHOWN = 20
_LEFT_OUT = [code for code, each in CATALOGUE.items() if each.severity == Severity.ERROR]


@dataclass(frozen=True, slots=True)
class Refused:
    """The first of them, and how many there are."""

    number: int
    rows: list[tuple[str, int, str, str]]
    """File, line, column and reason."""


def refused_rows(sync_id: int) -> Refused:
    """What a report shows; the log has them all."""
    mine = (SyncWarning.sync_id == sync_id, SyncWarning.code.in_(_LEFT_OUT), SyncWarning.file != "")
    number = db.session.scalar(select(func.count()).select_from(SyncWarning).where(*mine)) or 0
    first = select(SyncWarning.__table__).where(*mine).order_by(SyncWarning.file, SyncWarning.line, SyncWarning.id)
    rows = list(db.session.execute(first.limit(SHOWN))) if number else []
    return Refused(number, [(row.file, row.line, row.column, reason_of(row)) for row in rows])


def reason_of(row: Any) -> str:
    """What is wrong with a warning's record, without the place in its file, which stands beside it."""
    return sentence(msgspec.structs.replace(problem_of(row), file="", line=0, column=""))
