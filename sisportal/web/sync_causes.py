"""The warnings of a sync by their cause: two hundred that one missing school explains are one line that opens."""

from dataclasses import dataclass

from flask import url_for
from sqlalchemy import case, func, select

from sisportal.extensions import db
from sisportal.models import SyncWarning
from sisportal.roster.catalogue import SEVERITY_WORDS, entry, sentence, title
from sisportal.syncing.reports import problem_of
from sisportal.web.lists import PER_PAGE
from sisportal.web.sync_words import SEVERITY_TONES

EXAMPLES = 5
BY_VALUE = ("unknown-school",)
"""Of these, each value is a cause of its own."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One line: how many warnings have this cause, what to do, and the first of them."""

    number: int
    text: str
    severity: str
    tone: str
    advice: str
    examples: list[str]
    url: str


def causes(sync_id: int, kind: str) -> list[Cause]:
    """The causes of the warnings of a sync, those that explain most first. One query, however many warnings there are."""
    cause = case((SyncWarning.code.in_(BY_VALUE), SyncWarning.value), else_="")
    of_cause = (SyncWarning.code, cause)
    numbered = (
        select(
            SyncWarning.__table__,
            cause.label("cause"),
            func.count().over(partition_by=of_cause).label("number"),
            func.row_number().over(partition_by=of_cause, order_by=SyncWarning.id).label("place"),
        )
        .where(SyncWarning.sync_id == sync_id)
        .subquery()
    )
    first = select(numbered).where(numbered.c.place <= EXAMPLES)
    rows = db.session.execute(
        first.order_by(numbered.c.number.desc(), numbered.c.code, numbered.c.cause, numbered.c.id)
    )
    found: dict[tuple[str, str], Cause] = {}
    for row in rows:
        known = found.get((row.code, row.cause))
        if known is None:
            about = entry(row.code)
            found[row.code, row.cause] = Cause(
                row.number,
                _text(row.code, row.cause),
                SEVERITY_WORDS[about.severity],
                SEVERITY_TONES[about.severity],
                about.advice,
                [sentence(problem_of(row))],
                url_for("sis_history.log", kind=kind, sync=sync_id, code=row.code, q=row.cause or None),
            )
        else:
            known.examples.append(sentence(problem_of(row)))
    return list(found.values())[:PER_PAGE]


def _text(code: str, cause: str) -> str:
    return f"{title(code)}: {cause}" if cause else title(code)
