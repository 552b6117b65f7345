"""Which account a student or teacher without a link is, by the key that the options name (SPEC 6.3, options 11 and 12)."""

from collections.abc import Container, Iterable
from typing import Any

import msgspec

from sisportal.roster.matching import NEW, UNDECIDED, Decision, Match, Outcome, Reason, as_decided
from sisportal.roster.options import Options, StudentIdTarget, StudentKey, TeacherIdTarget
from sisportal.roster.records import Person, Role
from sisportal.roster.text import Name, first_names_agree, folded, names_agree

_MATCHED = {Role.STUDENT, Role.TEACHER}


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """An account that the portal holds, as matching sees it."""

    id: int
    role: str
    """``student`` or ``teacher``; accounts of any other role never match."""
    first_name: str = ""
    last_name: str = ""
    preferred_name: str = ""
    email: str = ""
    student_id: str = ""
    teacher_id: str = ""
    sis_id: str = ""
    state_id: str = ""
    username: str = ""
    source_id: str = ""
    """The provider's identifier of the account where it is known without a link of this connection."""
    birth_date: str = ""
    grade: str = ""
    organization: int | None = None
    linked_to: str = ""
    """``source_id`` of the person that this connection has linked to the account; blank when none."""
    archived: bool = False

    @property
    def name(self) -> Name:
        """Its name, to compare."""
        return Name(self.first_name, self.last_name, self.preferred_name)


class KeyIndex:
    """Accounts by the value that the options match by, students apart from teachers.

    ``wanted`` (folded values, see ``match_value``) keeps the index as small as the question: only accounts that have one of
    them are kept.
    """

    def __init__(self, candidates: Iterable[Candidate], options: Options, wanted: Container[str] | None = None) -> None:
        self.options = options
        self._held: dict[tuple[str, str], list[Candidate]] = {}
        for candidate in candidates:
            for value in held_values(candidate, options):
                if wanted is None or value in wanted:
                    self._held.setdefault((candidate.role, value), []).append(candidate)

    def __bool__(self) -> bool:
        return bool(self._held)

    def find(self, role: str, value: str) -> list[Candidate]:
        """The accounts of the role with the folded value, in ascending order of id; none for a blank."""
        found = self._held.get((role, value), ()) if value else ()
        return sorted(found, key=lambda candidate: candidate.id)


class DuplicateIndex:
    """Accounts without a link by name, grade and organization: what a planned add may duplicate."""

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self._held: dict[tuple[str, ...], list[int]] = {}
        for held in candidates:
            if not held.linked_to:
                key = _likeness(held.role, held.first_name, held.last_name, held.grade, held.organization)
                self._held.setdefault(key, []).append(held.id)

    def __bool__(self) -> bool:
        return bool(self._held)

    def find(self, person: Person, organization: int | None, decision: Decision = UNDECIDED) -> tuple[int, ...]:
        """Ids of accounts that a planned add may duplicate, ascending; none that somebody said it is not."""
        if not self._held or decision.create or not (person.first_name or person.last_name):
            return ()
        key = _likeness(person.role, person.first_name, person.last_name, person.grade, organization)
        return tuple(sorted(set(self._held.get(key, ())) - decision.not_same))


def match_key(role: Role, options: Options) -> str:
    """The name of the key by which people of the role are matched."""
    return options.match_teachers if role is Role.TEACHER else options.match_students


def match_value(person: Person, options: Options) -> str:
    """The folded value by which the person is looked for; blank when the SIS gives none: a blank never matches."""
    key = match_key(person.role, options)
    if key == StudentKey.EMAIL:
        return folded(person.email)
    if key == StudentKey.SOURCE_ID:
        return folded(person.source_id)
    if key == StudentKey.SIS_ID and not number_is_sis_id(person.role, options):
        return folded(person.sis_id)
    return folded(person.number)


def match_person(person: Person, index: KeyIndex, decision: Decision = UNDECIDED) -> Match:
    """What becomes of a person without a link, before anybody else's claim is known (see ``Claims``)."""
    decided = as_decided(decision)
    if decided is not None:
        return decided
    if not index:
        return NEW
    value = match_value(person, index.options)
    found = [held for held in index.find(person.role, value) if held.id not in decision.not_same]
    if person.archived:  # it is nobody who is active here
        found = [held for held in found if held.archived]
    if not found:
        return NEW
    agreeing = {held.id for held in found if _same_person(person, held)}
    outcome, reason = _judged(found, agreeing)
    target = next(held.id for held in found if not held.linked_to) if outcome is Outcome.LINK else None
    evidence = {
        "rule": "key",
        "key": str(match_key(person.role, index.options)),
        "value": value,
        "candidates": [shown(held, held.id in agreeing) for held in found],
    }
    return Match(outcome, target, tuple(held.id for held in found), reason, evidence)


def _judged(found: list[Candidate], agreeing: set[int]) -> tuple[Outcome, Reason | None]:
    unlinked = [held for held in found if not held.linked_to]
    if len(unlinked) > 1:
        return Outcome.HELD, Reason.SEVERAL_CANDIDATES
    if not unlinked or any(held.linked_to and held.id in agreeing for held in found):
        return Outcome.HELD, Reason.LINKED_ELSEWHERE
    if unlinked[0].id not in agreeing:
        return Outcome.HELD, Reason.NAMES_DISAGREE
    return Outcome.LINK, None


def _same_person(person: Person, held: Candidate) -> bool:
    """Whether name and birth date allow that they are one: a changed surname needs an equal birth date beside it."""
    name = Name(person.first_name, person.last_name, person.preferred_name)
    if not (person.birth_date and held.birth_date):
        return names_agree(name, held.name)
    if person.birth_date != held.birth_date:
        return False
    return names_agree(name, held.name) or first_names_agree(name, held.name)


def shown(held: Candidate, agrees: bool) -> dict[str, Any]:  # noqa: FBT001  # one of a row's values, not a switch
    """An account as evidence names it; ``agrees``: whether the names do."""
    return {
        "id": held.id,
        "name": f"{held.first_name} {held.last_name}".strip(),
        "names_agree": agrees,
        "linked_to": held.linked_to,
        "archived": held.archived,
    }


def held_values(held: Candidate, options: Options) -> set[str]:
    """What an account can be found by. Where the SIS's number goes to the SIS ID, it may stand in either field."""
    if held.role not in _MATCHED:
        return set()
    role = Role(held.role)
    key = match_key(role, options)
    if key == StudentKey.EMAIL:
        values = [held.email]
    elif key == StudentKey.SOURCE_ID:
        values = [held.source_id]
    elif key == StudentKey.SIS_ID:
        values = [held.sis_id]
    else:
        values = [held.teacher_id if role is Role.TEACHER else held.student_id]
        if number_is_sis_id(role, options):
            values.append(held.sis_id)
    return {folded(value) for value in values} - {""}


def number_is_sis_id(role: Role, options: Options) -> bool:
    """Whether the SIS's number of people of the role is kept as their SIS ID (options 17 and 18)."""
    if role is Role.TEACHER:
        return options.map_teacher_id is TeacherIdTarget.SIS_ID
    return options.map_student_id is StudentIdTarget.SIS_ID


def _likeness(role: str, first: str, last: str, grade: str, organization: int | None) -> tuple[str, ...]:
    return (role, folded(first), folded(last), folded(grade), str(organization or ""))
