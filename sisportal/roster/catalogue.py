"""The catalogue of warnings: what each code says, what to do about it, and who can; and why actions are held."""

from enum import StrEnum

import msgspec

from sisportal.roster.records import Problem
from sisportal.roster.warning_texts import HELD, WARNINGS
from sisportal.roster.warning_titles import TITLES

_FIELDS = {
    "name": "name",
    "email": "e-mail address",
    "number": "number",
    "sis_id": "SIS ID",
    "source_id": "id",
    "id": "id",
    "legacy_id": "older id",
    "state_id": "state ID",
    "school": "school",
    "schools": "schools",
    "start": "start",
    "finish": "finish",
    "students": "students",
    "teachers": "teachers",
    "data": "record",
}


class Severity(StrEnum):
    """How much a warning matters."""

    INFO = "info"
    """Nothing was lost; good to know."""
    WARNING = "warning"
    """Something was left blank or looks wrong."""
    ERROR = "error"
    """A record or a part of a record was left out."""


SEVERITY_WORDS = {Severity.INFO: "Note", Severity.WARNING: "Warning", Severity.ERROR: "Left out"}
"""What pages and documents call each."""


class Owner(StrEnum):
    """Where it can be put right."""

    SIS = "SIS"
    PORTAL = "portal"
    CONNECTION = "connection"


class Entry(msgspec.Struct, frozen=True):
    """One kind of warning."""

    code: str
    severity: Severity
    owner: Owner
    sentence: str
    """With ``{who}``, ``{field}`` and ``{value}`` where they go."""
    advice: str
    """What to do."""


CATALOGUE = {
    code: Entry(code, Severity(severity), Owner(owner), text, advice)
    for code, (severity, owner, text, advice) in WARNINGS.items()
}


def entry(code: str) -> Entry:
    """What the catalogue says of a code; of one that another release wrote, that it is not known."""
    return CATALOGUE.get(code) or msgspec.structs.replace(CATALOGUE["other"], code=code)


def title(code: str) -> str:
    """What pages call a kind of warning, in a few words."""
    return TITLES.get(code) or code.replace("-", " ").capitalize()


def sentence(problem: Problem) -> str:
    """What happened, for a person to read: about whom, which field, which value, and where in a file."""
    text = entry(problem.code).sentence.format(
        who=_who(problem),
        field=field_name(problem.field) or "value",
        value=problem.value or "blank",
        code=problem.code,
    )
    return f"{text}{_place(problem)}"


def field_name(field: str) -> str:
    """What warnings call a field, in the middle of a sentence."""
    return _FIELDS.get(field, field.replace("_", " ").replace(".", " "))


def held_sentence(reason: str) -> str:
    """Why an action waits for a person, and what they can do."""
    return HELD.get(reason, "It waits for a person to decide.")


def as_page() -> str:
    """``docs/warnings.md``: every code of the catalogue, for people who look one up."""
    lines = [
        "# Warnings",
        "",
        "Every warning that a sync can give, by its code: what it says, what to do, and where it can be put right.",
        "`tools/warnings-page` writes this page from the catalogue.",
        "",
        "| code | on pages | severity | what it says | what to do | put right in |",
        "|---|---|---|---|---|---|",
    ]
    for code, each in sorted(CATALOGUE.items()):
        text = each.sentence.format(who="*who*", field="*field*", value="*value*", code="*code*")
        lines.append(
            f"| `{code}` | {title(code)} | {SEVERITY_WORDS[each.severity].lower()} | {text} | {each.advice} "
            f"| the {each.owner} |"
        )
    lines += ["", "## Held actions", "", "| reason | what it means |", "|---|---|"]
    lines += [f"| `{reason}` | {text} |" for reason, text in sorted(HELD.items())]
    return "\n".join([*lines, ""])


def _who(problem: Problem) -> str:
    kind = problem.type or "record"
    if problem.external_id:
        return f"The {kind} {problem.external_id}"
    return f"{'An' if kind[0] in 'aeiou' else 'A'} {kind}"


def _place(problem: Problem) -> str:
    if not problem.file:
        return ""
    parts = [
        problem.file,
        f"line {problem.line}" if problem.line else "",
        f"column {problem.column}" if problem.column else "",
    ]
    return f" ({', '.join(part for part in parts if part)})"
