"""Actions, evidence and completeness in words, for pages and files."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sisportal.roster.catalogue import held_sentence
from sisportal.roster.fields import is_blank
from sisportal.roster.warning_texts import RELEASE

LABELS = {
    "name": "Name",
    "code": "Code",
    "subject": "Subject",
    "role": "Role",
    "roles": "Roles",
    "username": "Username",
    "first_name": "First name",
    "middle_name": "Middle name",
    "last_name": "Last name",
    "preferred_name": "Preferred name",
    "email": "E-mail",
    "student_id": "Student ID",
    "teacher_id": "Teacher ID",
    "sis_id": "SIS ID",
    "state_id": "State ID",
    "grade": "Grade",
    "graduation_year": "Graduation year",
    "gender": "Gender",
    "birth_date": "Birth date",
    "organization": "Organization",
    "organizations": "Organizations",
    "period": "Period",
    "term": "Term",
    "start": "Start",
    "finish": "Finish",
    "style": "Style",
    "teachers": "Teachers, the primary one first",
    "students": "Students",
    "archived": "State",
    "parent": "Parent",
}
"""What pages call a field."""

_ORDER = {name: position for position, name in enumerate(LABELS)}
_SOURCES = {"clever": "Clever ID", "oneroster": "OneRoster ID", "csv": "OneRoster ID"}
_KEYS = {
    "student_id": "student ID",
    "teacher_id": "teacher ID",
    "email": "e-mail address",
    "sis_id": "SIS ID",
    "source_id": "SIS's own ID",
    "class_name": "class name",
}
_ALIKE = {
    "name": "the name and school",
    "birth_date": "the name and date of birth",
    "number": "the number",
    "sis_id": "the SIS ID",
    "state_id": "the state ID",
    "legacy_id": "the ID that older versions of the API use",
    "email": "the e-mail address",
    "username": "the username",
    "class_name": "the name",
    "course": "the course",
    "teacher": "the teacher",
    "period": "the period",
    "students": "most students",
}
"""What a record and one that it may be have in common."""
_DECIDED = {"same": "A person said that they are the same.", "archive": "A person said that it may be archived."}
STYLES = {"instructor": "Instructor-led", "blended": "Blended", "self-paced": "Self-paced"}
_ONE_OF = {"roles": "role", "organizations": "organization"}
"""A list, and the field that holds the first of it."""
_DAYS = frozenset({"start", "finish", "birth_date"})
HERE, WANTED, LAST = "in the portal", "in the SIS", "at the last sync"


def field_rows(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    organizations: Mapping[int, str],
    people: Mapping[str, str],
    both: Mapping[str, Sequence[Any]] | None = None,
) -> list[tuple[str, str, str]]:
    """(label, before, after) of each field that an action touches, in the order in which records show them.

    ``organizations`` are names by id, ``people`` names by ``source_id``, ``both`` the three values of fields that were
    changed both here and in the SIS.
    """
    rows: list[tuple[str, str, str]] = []
    for name in sorted({*before, *after}, key=lambda each: (_ORDER.get(each, len(_ORDER)), each)):
        if name in _ONE_OF and _repeats(name, before) and _repeats(name, after):
            continue
        if name == "kept":
            for each in after[name]:
                here = value_text(each, both[each][1], organizations, people) if both and each in both else ""
                rows.append((f"{LABELS.get(each, each)} (kept as it is here)", here, here))
            continue
        if name == "replaces":
            rows.append(("Account of this id", f"number {before[name]}, which is archived", "a new one"))
            continue
        if name == "returns":
            id_ = after.get(name) or before.get(name)
            ends = (
                (f"number {id_}", "a newer one") if name in before else ("a newer one", f"number {id_}, active again")
            )
            rows.append(("Account of this id", *ends))
            continue
        if name == "identifiers":
            rows += _identifier_rows(before.get(name) or {}, after.get(name) or {})
            continue
        values = [value_text(name, side.get(name), organizations, people) for side in (before, after)]
        rows.append((LABELS.get(name, name.replace("_", " ").capitalize()), values[0], values[1]))
    return rows


def _repeats(name: str, side: Mapping[str, Any]) -> bool:
    """Whether a list says no more than the field that holds the first of it."""
    return not side.get(name) or side[name] == [side.get(_ONE_OF[name])]


def day(value: date | str) -> str:
    """A calendar day, also from its ISO form, as ``3 Nov 2026``; blank stays blank, and what is no day stays as it is."""
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            return str(value)
    return f"{value.day} {value:%b %Y}"


def value_text(name: str, value: Any, organizations: Mapping[int, str], people: Mapping[str, str]) -> str:
    """A value of a field as people read it; blank where it says nothing."""
    if is_blank(value):
        return ""
    if name == "archived":
        return "Archived" if value else "Active"
    if name == "style":
        return STYLES.get(value, str(value))
    if name in _DAYS:
        return day(str(value))
    values = value if isinstance(value, list) else [value]
    if name in {"organization", "organizations"}:
        values = [organizations.get(id_, f"organization {id_}") for id_ in values]
    if name in {"role", "roles"}:
        values = [str(each).replace("-", " ").capitalize() for each in values]
    if name == "teachers":
        return "; ".join(people.get(id_, id_) for id_ in values)  # names have commas of their own
    return ", ".join(str(each) for each in values)


def summary(
    type_: str,
    verb: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    roster: Mapping[str, Any],
    both: Collection[str] = (),
) -> str:
    """One line that says what an action does; ``both``: fields that wait for a choice, changed here and in the SIS."""
    if verb == "delete":
        return "Is archived; nothing of it is removed"
    parts = []
    if verb == "add":
        name = f" {after['username']}" if "username" in after else ""
        state = ", archived" if after.get("archived") else ""
        parts.append(f"New class{state}" if type_ == "section" else f"New account{name}{state}")
    elif verb == "reactivate":
        parts.append("Is active again")
    fields = [
        LABELS.get(name, name).partition(",")[0]
        for name in sorted({*before, *after}, key=lambda each: _ORDER.get(each, len(_ORDER)))
        if name not in {"archived", "identifiers", "kept", "replaces", "returns"}
    ]
    if fields and verb != "add":
        parts.append(", ".join(fields))
    if "identifiers" in after and "identifiers" in before:
        linked = any(after["identifiers"].values())
        parts.append("Linked to the one that exists already" if linked else "No longer linked to the SIS")
    if "replaces" in before:
        parts.append("Instead of the one that had the id")
    if kept := after.get("kept"):
        parts.append(f"Kept as here: {', '.join(LABELS.get(name, name) for name in kept)}")
    if both:
        parts.append(f"Changed here and in the SIS: {field_names(both)}")
    parts += roster_parts(roster)
    return " · ".join(parts)


def field_names(names: Collection[str]) -> str:
    """``First name, Grade``, in the order in which records show them."""
    ordered = sorted(names, key=lambda each: (_ORDER.get(each, len(_ORDER)), each))
    return ", ".join(LABELS.get(name, name).partition(",")[0] for name in ordered)


def roster_parts(roster: Mapping[str, Any]) -> list[str]:
    """How many join and leave a class, and how many of them were unticked: ``24 people join``, ``1 person leaves``."""
    counted = [
        (len(roster.get("join", ())), "person joins", "people join"),
        (len(roster.get("leave", ())), "person leaves", "people leave"),
        (len(roster.get("unticked", ())), "of them unticked", "of them unticked"),
    ]
    return [f"{number:,} {one if number == 1 else many}" for number, one, many in counted if number]


def kept_back_words(
    *, is_new: bool, is_gone: bool, fields: Mapping[str, Any], joins: Sequence[str], leaves: Sequence[str]
) -> str:
    """What of a record is not proposed again since it was undone: ``Grade: 9 · 2 people join``."""
    parts = ["Is not brought here again"] if is_new else []
    parts += ["Is not archived again"] if is_gone else []
    for name, value in fields.items():
        text = "" if name == "teachers" else value_text(name, value, {}, {})  # ids of the SIS tell people nothing
        parts.append(f"{LABELS.get(name, name).partition(',')[0]}{': ' + text if text else ''}")
    return " · ".join([*parts, *roster_parts({"join": joins, "leave": leaves})])


def evidence_sentences(
    evidence: Mapping[str, Any], organizations: Mapping[int, str] | None = None, people: Mapping[str, str] | None = None
) -> list[str]:
    """Why an action concerns the record that it does; names by id, and by ``source_id``, as in ``value_text``."""
    match evidence.get("rule"):
        case "key" | "alike":
            key = _KEYS.get(evidence.get("key", ""), str(evidence.get("key", "")))
            value, candidates = str(evidence.get("value", "")), evidence.get("candidates", ())
            return [_alike(each) if "agree" in each else _candidate(key, value, each) for each in candidates]
        case "decided":
            return [_DECIDED.get(str(evidence.get("decision")), "A person said to create a new one.")]
        case "identity":
            held, incoming = evidence.get("held") or "nobody", evidence.get("incoming") or "nobody"
            return [f"The id is that of {held} in the portal; the SIS now gives it to {incoming}."]
        case "legacy-id":
            return _another_version(evidence)
        case "doubted":
            return [_doubted(each) for each in evidence.get("records", ())]
    both: Mapping[str, list[Any]] = evidence.get("both", {})
    return [_both(name, values, organizations or {}, people or {}) for name, values in both.items()]


def held_words(reason: str) -> str:
    """Why an action waits for a person; blank where it does not."""
    return held_sentence(reason) if reason else ""


def why_held(action: Any, held: Sequence[Mapping[str, Any]]) -> str:
    """Why an action waits for a person, with the numbers that tripped its guard; ``held``: the holds of its sync."""
    words = held_words(action.held)
    numbers = _tripped(action, action.held, held)
    return f"{numbers} {RELEASE}" if numbers and words.endswith(RELEASE) else words


def why_released(action: Any) -> str:
    """What the guard said of an action that a person released; blank where nobody did."""
    if guard := action.evidence.get("released", ""):
        return _tripped(action, guard, ()) or held_words(guard).removesuffix(RELEASE).strip()
    return ""


def _tripped(action: Any, reason: str, held: Sequence[Mapping[str, Any]]) -> str:
    """``13 of the 22 students would leave the class, more than 50 %.``; blank where no numbers are kept."""
    if action.evidence.get("rule") == "guard":
        return str(action.evidence.get("sentence", ""))
    mine = [
        each for each in held if (each["reason"], each["type"], each["scope"]) == (reason, action.type, action.school)
    ]
    return str(mine[0].get("sentence", "")) if mine else ""


def seal_sentence(seal: Mapping[str, Any]) -> str:
    """What was read of a collection: ``We saw 90 of 90 people in 3 pages, among them 80 students and 10 teachers``."""
    noun, changes_only = seal["collection"], not (seal.get("complete", True) or seal.get("reason"))
    claimed, pages = seal.get("claimed"), seal.get("pages", 0)
    count = f"{seal['distinct']:,} of {claimed:,}" if claimed is not None else f"{seal['distinct']:,}"
    among = [
        f"{number:,} {role}{'' if number == 1 else 's'}"
        for role in ("student", "teacher")
        if (number := seal.get("among", {}).get(role))
    ]
    tail = f", among them {' and '.join(among)}" if among else ""
    if changes_only and seal["distinct"] == 1:
        noun = {"people": "person"}.get(noun, noun.removesuffix("s"))
    where = f" in {pages:,} {'page' if pages == 1 else 'pages'}" if pages or not changes_only else ""
    return f"We saw {'changes of ' if changes_only else ''}{count} {noun}{where}{tail}"


def _another_version(evidence: Mapping[str, Any]) -> list[str]:
    incoming, held = evidence.get("incoming"), evidence.get("held") or "nobody"
    sentences = [f"The account is that of {held}; the SIS says {incoming}."] if incoming else []
    return sentences + [_both(name, values, {}, {}) for name, values in evidence.get("both", {}).items()]


def _doubted(record: Mapping[str, Any]) -> str:
    return f"The SIS lists {record['label']} ({record['source_id']}), which may be this one under a new id."


def _identifier_rows(before: Mapping[str, str], after: Mapping[str, str]) -> list[tuple[str, str, str]]:
    return [
        (_SOURCES.get(kind, f"{kind} ID"), before.get(kind, "") or "", after.get(kind, "") or "")
        for kind in sorted({*before, *after})
    ]


def _candidate(key: str, value: str, candidate: Mapping[str, Any]) -> str:
    notes = []
    if candidate.get("names_agree") is False:
        notes.append("the names do not agree")
    if candidate.get("linked_to"):
        notes.append(f"it is linked to {candidate['linked_to']}")
    if candidate.get("archived"):
        notes.append("it is archived")
    tail = f" ({'; '.join(notes)})" if notes else ""
    return (
        f"The {key} {value} is that of {candidate.get('name') or 'a nameless one'}, number {candidate.get('id')}{tail}."
    )


def _alike(candidate: Mapping[str, Any]) -> str:
    """What a record has in common with one that it may be although the key leads elsewhere."""
    agree = [_ALIKE.get(each, each) for each in candidate.get("agree", ())]
    listed = "lists too" if candidate.get("listed") else "does not list any more"
    return (
        f"It has {_list(agree)} of {candidate.get('name') or 'a nameless one'}, number {candidate.get('id')}, "
        f"which the SIS {listed} ({candidate.get('linked_to')})."
    )


def _list(words: Sequence[str]) -> str:
    """``the name, the course and the period``."""
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1] if words else "nothing") if part)


def _both(name: str, values: list[Any], organizations: Mapping[int, str], people: Mapping[str, str]) -> str:
    texts = [value_text(name, value, organizations, people) or "blank" for value in values]
    label = LABELS.get(name, name)
    return f"{label}: {texts[0]} {LAST}, {texts[1]} {HERE}, {texts[2]} {WANTED}."
