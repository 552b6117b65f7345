"""A SIS that makes its records anew: people and sections under new ids, at once, or with a while between old and new."""

import copy
import random
from collections.abc import Callable

from sisportal.models import Action, MatchDecision, SyncWarning
from sisportal.models.database import writing
from sisportal.roster.matching import Reason
from sisportal.sandbox import edits
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person, Section, Student, Teacher
from sisportal.syncing.deciding import Said, decide
from sisportal.syncing.guarding import guard_again
from sisportal.syncing.states import NotAllowed
from tests.syncing.portal import WHO, Portal

DOUBTS = tuple(str(each) for each in Reason)


class Anew:
    """What was made anew in a district, by the id of before, and what of it is still to come."""

    def __init__(self, district: District) -> None:
        self.district = district
        self.successor: dict[str, str] = {}
        self._later: list[Callable[[], None]] = []

    def finish(self) -> None:
        """What was begun before: the old ones go, or the new ones come."""
        later, self._later = self._later, []
        for change in later:
            change()

    def person(self, chance: random.Random) -> None:
        """Somebody gets a new id, with or without a new e-mail address; perhaps nothing but the name stays."""
        old = chance.choice([p for p in self.district.people if p.teacher or p.student])
        new = copy.deepcopy(old)
        new.id = self.successor[old.id] = self.district.mint(old.created)
        timing = chance.choice(("at once", "old first", "new first"))
        if chance.random() < 0.6:
            new.email = f"new{self.district.number()}@{self.district.domain}"
        if timing == "at once" and chance.random() < 0.5:
            _renumber(self.district, new)
        sections = [(each.id, old.id in each.teachers) for each in self.district.taught_or_attended(old.id)]
        self._take(timing, lambda: self._go(old.id), lambda: self._come(new, sections))

    def everybody(self, _chance: random.Random) -> None:
        """Every student and teacher gets a new id, and nothing else changes."""
        self.successor.update(edits.remake_ids(self.district))

    def section(self, chance: random.Random) -> None:
        """A section is made anew, perhaps under another name."""
        old = chance.choice([each for each in self.district.sections if each.students and each.teachers])
        new = copy.deepcopy(old)
        new.id = self.successor[old.id] = self.district.mint(old.created)
        new.sis_id = str(self.district.number())
        if chance.random() < 0.4:
            new.name = f"{old.name} - {self.district.number() % 100}"
        timing = chance.choice(("at once", "old first"))
        self._take(timing, lambda: self._drop(old.id), lambda: self._put_section(new))

    def _take(self, timing: str, go: Callable[[], None], come: Callable[[], None]) -> None:
        first, second = (come, go) if timing == "new first" else (go, come)
        first()
        if timing == "at once":
            second()
        else:
            self._later.append(second)

    def _go(self, person: str) -> None:
        if person in self.district.people.ids:
            edits.leave(self.district, person)
            self.district.departed.pop(person)

    def _come(self, person: Person, sections: list[tuple[str, bool]]) -> None:
        self.district.put(person)
        for id_, teaches in sections:
            section = self.district.sections.get(id_)
            if section is not None and teaches:
                edits.set_teachers(self.district, id_, [*section.teachers, person.id])
            elif section is not None:
                edits.enrol(self.district, id_, person.id)

    def _drop(self, section: str) -> None:
        if section in self.district.sections.ids:
            edits.drop_section(self.district, section)

    def _put_section(self, new: Section) -> None:
        if new.term not in self.district.terms:  # it was made anew meanwhile, too
            new.term = next(each.term for each in self.district.sections if each.term in self.district.terms)
        new.course = new.course if new.course in self.district.courses else None
        here = self.district.people.ids
        new.teachers = [each for each in new.teachers if each in here]
        new.students = [each for each in new.students if each in here]
        self.district.put(new)


def _renumber(district: District, person: Person) -> None:
    roles: list[Student | Teacher] = [role for role in (person.student, person.teacher) if role is not None]
    for role in roles:
        role.number, role.sis_id, role.state_id = str(district.number()), str(district.number()), None
        role.legacy_id, role.username = district.mint(person.created), None


def answer(portal: Portal, sync_id: int, chance: random.Random) -> None:
    """Say something of every doubtful match, and of some possible duplicates: the same, or new."""
    for action in portal.rows(Action, Action.sync_id == sync_id, Action.held.in_(DOUBTS)):
        _answer(portal, action, [each["id"] for each in action.evidence.get("candidates", ())], chance)
    warned = (SyncWarning.sync_id == sync_id, SyncWarning.code == "possible-duplicate")
    for warning in portal.rows(SyncWarning, *warned):
        [action] = portal.rows(Action, Action.id == warning.action_id)
        if chance.random() < 0.5 and action.verb == "add":
            _answer(portal, action, [int(each) for each in warning.value.split(", ")], chance)
    with writing(
        portal.engine
    ).begin() as connection:  # what that frees is judged now, and can be released with the rest
        guard_again(connection, sync_id)


def _answer(portal: Portal, action: Action, candidates: list[int], chance: random.Random) -> None:
    new = Said(create=True)
    said = chance.choice([new, *(Said(same=each) for each in candidates)])
    try:
        decide(portal.engine, action.sync_id, action.id, said, WHO, portal.now)
    except NotAllowed:  # another record of the plan is that one already, or the SIS lists both
        decide(portal.engine, action.sync_id, action.id, new, WHO, portal.now)


def assert_said(portal: Portal, anew: Anew, archived: set[str]) -> None:
    """Of everybody, and every class, that was archived and is listed under a later id, a person has said who that is."""
    listed = {*anew.district.people.ids, *anew.district.sections.ids}
    decisions = portal.rows(MatchDecision)
    said, apart = (
        {row.source_id for row in decisions},
        {row.source_id for row in decisions if row.decision == "not-same"},
    )
    for was in archived:
        now = anew.successor.get(was)
        while now is not None:
            assert now not in listed or now in said or was in apart, f"{was} was archived, and is listed as {now}"
            now = anew.successor.get(now)
