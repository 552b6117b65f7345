"""What was odd about the rows of a page, as problems that a person can read."""

from typing import TypeVar

from sisportal.providers.paging import HasId, Haul
from sisportal.roster.records import Problem

R = TypeVar("R", bound=HasId)


def oddities(haul: Haul[R], kind: str) -> list[Problem]:
    """The problems of one page's rows, before any of them is converted."""
    if not (haul.repeated or haul.nameless or haul.unread or haul.flaws):
        return []
    problems = [Problem("duplicate-id", kind, repeated, "id", repeated[:200]) for repeated in haul.repeated]
    problems += [Problem("missing-id", kind)] * haul.nameless
    problems += [Problem("wrong-type", kind, "", "data")] * haul.unread
    problems += [
        Problem("wrong-type", kind, record.id, flaw.field.removeprefix("data."), flaw.value)
        for record, flaws in haul.flaws
        for flaw in flaws
    ]
    return problems
