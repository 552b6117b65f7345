"""What the SIS should say instead: for each warning that is the SIS's to mend, the rule that the value broke, as a value.

The rules are those of ``roster.checks`` and of the providers; the worksheet shows them beside what the SIS says now.
"""

from sisportal.roster.catalogue import CATALOGUE, Owner
from sisportal.roster.records import Problem

_DAY = "A date such as 2026-08-17"
_NOTHING = "Or as it is, where that is right"

EXPECTED: dict[str, str] = {
    "missing-id": "An id that stays the same from year to year",
    "bad-id": "An id of at most 255 letters without control characters",
    "wrong-type": "A value of the kind that the SIS's interface describes",
    "too-long": "At most 255 letters",
    "control-characters": "The same without characters that cannot be seen",
    "unknown-grade": f"A usual grade, such as Kindergarten, 1 or 12. {_NOTHING}",
    "unknown-role": "Student or teacher, where the person should have an account",
    "malformed-email": "An address such as name@school.example",
    "mail-bounced": "An address that takes mail",
    "bad-date": _DAY,
    "absurd-date": "A day between 1900 and 2099",
    "reversed-dates": "A finish that is not before the start",
    "missing-school": "A school",
    "several-primary-schools": "One primary school",
    "unknown-school": "A school that is shared with the portal",
    "duplicate-id": "One record for each id",
    "duplicate-email": "An address that nobody else has",
    "duplicate-username": "A username that nobody else has",
    "duplicate-number": "A number that nobody else of the role has",
    "duplicate-name": f"One record for one person. {_NOTHING}",
    "no-teacher": f"A teacher. {_NOTHING}",
    "unknown-person-in-section": "Somebody whom the SIS shares with the portal",
    "unknown-course": "A course that the SIS lists",
    "unknown-term": "A term that the SIS lists",
    "teacher-from-another-school": f"A teacher of this school. {_NOTHING}",
    "unknown-section": "A class that the SIS lists",
    "broken-enrollment": "A person and a class",
    "refused-row": "A row that keeps to the OneRoster format",
    "unknown-file": f"A file of the OneRoster format. {_NOTHING}",
    "later-file": f"A file of the version that the package is of. {_NOTHING}",
    "unknown-column": f"A column of the OneRoster format. {_NOTHING}",
}
"""Code -> what is expected instead."""

MENDED_IN_SIS = tuple(code for code, each in CATALOGUE.items() if each.owner is Owner.SIS)
"""The codes of the warnings that are the SIS's to mend."""


def expected(problem: Problem) -> str:
    """What the field should say instead of what it says."""
    if problem.code == "reversed-dates" and " to " in problem.value:
        return f"A finish on {problem.value.partition(' to ')[0]} or later"
    return EXPECTED.get(problem.code, "")
