"""Whom a record without a link may be although its key leads to nobody: people whom the SIS lists under a new id (SPEC 6.3).

A SIS may give somebody another id: Clever does after an e-mail change that splits a user, after a changed SIS ID, and to
whoever returns after ten months (Clever, "Users"). Where the key of the options changed with the id, only the rest of what
is known of them says so. An account is told by its own values and by those that the SIS last said of it.
"""

from collections.abc import Iterable, Iterator

import msgspec

from sisportal.roster.matching import UNDECIDED, Decision, Match, Outcome, Reason
from sisportal.roster.matching_people import Candidate, number_is_sis_id, shown
from sisportal.roster.options import Options
from sisportal.roster.records import Person, Role
from sisportal.roster.text import Name, first_names_agree, folded, name_words

Key = tuple[str, str, str]
"""Role, what it is (of ``KINDS``), and the value, folded."""
KINDS = ("name", "birth_date", "number", "sis_id", "state_id", "legacy_id", "email", "username")
"""What may agree. ``name`` is the full name in one organization, ``birth_date`` the full name with the day of birth."""
_OF_THE_SIS = frozenset({"number", "sis_id", "state_id"})
"""Numbers that a SIS gives to one person only: they tell one from another among those who are listed, too."""
_BY_NAME = frozenset({"name", "birth_date"})
YEARS_APART = 2
"""Whose years of birth are so far apart, or else whose grades are farther, is somebody else who has the same name."""
_KINDERGARTEN = frozenset({"kindergarten", "kg", "k"})
_SHARED = frozenset({"email", "username"})
"""Families share the one and schools give the other again: they count where the first names agree."""


class Trace(msgspec.Struct, frozen=True, gc=False):
    """An account that is linked to a record, with what the SIS last said of it."""

    held: Candidate
    said: Person | None = None
    """None where the SIS lists the record still, and where it never did."""
    listed: bool = False
    """Whether the SIS lists the record still, in a school that is synced."""


class Alike(msgspec.Struct, frozen=True):
    """An account that a record may be."""

    trace: Trace
    agree: tuple[str, ...]
    """What agrees, of ``KINDS``."""


class Wanted:
    """What new people could be told by, gathered so that nothing else of an account is looked at twice."""

    def __init__(self) -> None:
        self.keys: set[int] = set()
        """Hashes of ``keys_of``."""
        self.numbers: set[str] = set()
        """Numbers of the SIS, as they are written: tens of thousands of accounts are compared with these."""

    def note(self, person: Person, organization: int | None) -> None:
        """Take what a person could be told by."""
        self.keys.update(map(hash, keys_of(person, organization)))
        self.numbers.update(filter(None, (person.number, person.sis_id, person.state_id)))

    def may_name(self, held: Candidate) -> bool:
        """Whether an account has one of the numbers."""
        numbers = self.numbers
        return (
            held.sis_id in numbers
            or held.state_id in numbers
            or held.student_id in numbers
            or held.teacher_id in numbers
        )


class Traces:
    """Linked accounts by whatever may tell that a new record is one of them."""

    def __init__(self, traces: Iterable[Trace], options: Options, wanted: Wanted | None = None) -> None:
        """``wanted``: nothing else is kept."""
        self._held: dict[Key, list[Trace]] = {}
        for trace in traces:
            for key in _keys_of_trace(trace, options):
                if wanted is None or hash(key) in wanted.keys:
                    self._held.setdefault(key, []).append(trace)

    def __bool__(self) -> bool:
        return bool(self._held)

    def missing(self, person: Person, organization: int | None, decision: Decision = UNDECIDED) -> list[Alike]:
        """Active accounts that the person may be: those whose record is gone, and those who have the same number.

        Ascending by id; none that somebody said it is not.
        """
        found = self._find(person, organization, decision)
        return [each for each in found if not each.trace.held.archived and _may_be(person, each)]

    def archived(self, person: Person, organization: int | None, decision: Decision = UNDECIDED) -> tuple[int, ...]:
        """Ids of archived accounts, whose record is gone, that the person may be."""
        found = self._find(person, organization, decision)
        return tuple(
            each.trace.held.id
            for each in found
            if each.trace.held.archived and not each.trace.listed and _may_be(person, each) and not _older(person, each)
        )

    def _find(self, person: Person, organization: int | None, decision: Decision) -> list[Alike]:
        if not self._held or decision.create:
            return []
        agreeing: dict[int, tuple[Trace, set[str]]] = {}
        for key in keys_of(person, organization):
            for trace in self._held.get(key, ()):
                if trace.held.id not in decision.not_same:
                    agreeing.setdefault(trace.held.id, (trace, set()))[1].add(key[1])
        return [
            Alike(trace, tuple(kind for kind in KINDS if kind in kinds))
            for _, (trace, kinds) in sorted(agreeing.items())
        ]


def keys_of(person: Person, organization: int | None) -> Iterator[Key]:
    """What tells a person of the SIS; nothing blank."""
    values = [
        *_named(person.first_name, person.last_name, person.birth_date, organization),
        ("number", folded(person.number)),
        ("sis_id", folded(person.sis_id)),
        ("state_id", folded(person.state_id)),
        ("legacy_id", folded(person.legacy_id)),
        ("email", folded(person.email)),
        ("username", folded(person.username)),
    ]
    role = str(person.role)
    return ((role, kind, value) for kind, value in values if value)


def agreement(one: Candidate, other: Candidate) -> tuple[str, ...]:
    """What two accounts whose records were listed side by side have in common; nothing where they may well be two people.

    A number of the SIS that is the same, or the name in one organization where no number and no day of birth differs.
    """
    if one.role != other.role or not first_names_agree(one.name, other.name):
        return ()
    pairs = {
        "number": (one.teacher_id or one.student_id, other.teacher_id or other.student_id),
        "sis_id": (one.sis_id, other.sis_id),
        "state_id": (one.state_id, other.state_id),
        "birth_date": (one.birth_date, other.birth_date),
    }
    known = {kind: folded(a) == folded(b) for kind, (a, b) in pairs.items() if a and b}
    same = {kind for kind, is_same in known.items() if is_same}
    names = [dict(_named(each.first_name, each.last_name, "", each.organization)).get("name") for each in (one, other)]
    if names[0] is not None and names[0] == names[1] and all(known.values()):
        same.add("name")
    elif _OF_THE_SIS.isdisjoint(same):
        return ()
    return tuple(kind for kind in KINDS if kind in same)


def telling(held: Candidate) -> list[tuple[str, str]]:
    """What an account has to share one of with another one for an ``agreement``: thousands may have one last name."""
    values = [
        *_named(held.first_name, held.last_name, "", held.organization),
        ("number", folded(held.teacher_id or held.student_id)),
        ("sis_id", folded(held.sis_id)),
        ("state_id", folded(held.state_id)),
    ]
    return [(kind, value) for kind, value in values if value]


def or_alike(match: Match, alike: list[Alike]) -> Match:
    """The match by the key, held where the record may be one of those alike as well."""
    known = set(match.candidates)
    more = [each for each in alike if each.trace.held.id not in known]
    if not more or match.decided:
        return match
    reason = match.reason
    if match.outcome is Outcome.LINK:
        reason = Reason.SEVERAL_CANDIDATES
    elif match.outcome is Outcome.NEW:
        gone = any(not each.trace.listed for each in more)
        reason = Reason.LISTED_ANEW if gone else Reason.LINKED_ELSEWHERE
    candidates = [*match.evidence.get("candidates", ()), *map(_shown, more)]
    evidence = {"rule": "alike"} | match.evidence | {"candidates": candidates}
    ids = (*match.candidates, *(each.trace.held.id for each in more))
    return Match(Outcome.HELD, None, tuple(sorted(ids)), reason, evidence)


def _may_be(person: Person, alike: Alike) -> bool:
    if _of_another_age(person, alike):
        return False
    first_names = first_names_agree(_name(person), alike.trace.held.name)
    if alike.trace.listed:  # the SIS says that they are two: only a number that is one person's makes that doubtful
        return first_names and not _OF_THE_SIS.isdisjoint(alike.agree)
    return first_names or not _SHARED.issuperset(alike.agree)


def _of_another_age(person: Person, alike: Alike) -> bool:
    """Whether it is a namesake of another age: one leaves school, one begins it. A SIS may mistype a day or a month of birth."""
    if not _BY_NAME.issuperset(alike.agree):
        return False
    held = alike.trace.held
    years = (_whole(person.birth_date[:4]), _whole(held.birth_date[:4]))
    grades = (_grade(person.grade), _grade(held.grade))
    if years[0] is not None and years[1] is not None:
        return abs(years[0] - years[1]) >= YEARS_APART
    return grades[0] is not None and grades[1] is not None and abs(grades[0] - grades[1]) > YEARS_APART


def _grade(text: str) -> int | None:
    return 0 if folded(text) in _KINDERGARTEN else _whole(text)


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _older(person: Person, alike: Alike) -> bool:
    """Whether it is a namesake of another day of birth, who left long ago perhaps."""
    birth_date = alike.trace.held.birth_date
    by_name = _BY_NAME.issuperset(alike.agree)
    return by_name and bool(birth_date and person.birth_date) and birth_date != person.birth_date


def _keys_of_trace(trace: Trace, options: Options) -> set[Key]:
    held = trace.held
    if held.role not in {Role.STUDENT, Role.TEACHER}:
        return set()
    role = Role(held.role)
    number = held.teacher_id if role is Role.TEACHER else held.student_id
    onto_sis_id = number_is_sis_id(role, options)
    values = [
        ("number", folded(number)),
        ("number" if onto_sis_id else "sis_id", folded(held.sis_id)),
        ("state_id", folded(held.state_id)),
    ]
    if not trace.listed:
        values += _named(held.first_name, held.last_name, held.birth_date, held.organization)
        values += [("email", folded(held.email)), ("username", folded(held.username))]
    found = {(held.role, kind, value) for kind, value in values if value}
    return found | set(keys_of(trace.said, held.organization)) if trace.said is not None else found


def _named(first: str, last: str, birth_date: str, organization: int | None) -> list[tuple[str, str]]:
    name = " ".join(sorted(name_words(f"{first} {last}")))
    if not name:
        return []
    return [("name", f"{name}|{organization or ''}"), ("birth_date", f"{name}|{birth_date}" if birth_date else "")]


def _name(person: Person) -> Name:
    return Name(person.first_name, person.last_name, person.preferred_name)


def _shown(alike: Alike) -> dict[str, object]:
    held = alike.trace.held
    return shown(held, bool(_BY_NAME & set(alike.agree))) | {"agree": list(alike.agree), "listed": alike.trace.listed}
