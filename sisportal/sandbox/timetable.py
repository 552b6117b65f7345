"""Makes terms, courses and sections: who sits in which class with whom."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from sisportal.sandbox import names
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Course, Milliseconds, Person, School, Section, Term, at
from sisportal.sandbox.people import People

CLASS_SIZE = 23
SECTIONS_A_TEACHER = 5


@dataclass(frozen=True)
class Lesson:
    """What a section is about, and when."""

    course: str
    grade: str
    subject: str
    period: str


@dataclass
class Timetable:
    """Fills schools with sections; courses are shared by the whole district, teachers by one school."""

    district: District
    rng: random.Random
    people: People
    terms: dict[str, Term] = field(default_factory=dict)
    _courses: dict[str, Course] = field(default_factory=dict)
    _free: dict[tuple[str, str], list[Person]] = field(default_factory=dict)
    """Teachers of a school and subject, once for each section that they can still take."""

    def add_terms(self) -> None:
        """The school year, its semesters and quarters."""
        start = self.district.school_year
        moment = at(date(start, 7, 20))
        for name, first, last in (
            ("Y1", f"{start}-08-17", f"{start + 1}-06-11"),
            ("S1", f"{start}-08-17", f"{start}-12-18"),
            ("S2", f"{start + 1}-01-05", f"{start + 1}-06-11"),
            ("Q1", f"{start}-08-17", f"{start}-10-16"),
            ("Q2", f"{start}-10-19", f"{start}-12-18"),
        ):
            term = Term(self.district.mint(moment), name, first, last)
            self.terms[name] = term
            self.district.put(term)

    def fill(self, school: School, students: Sequence[Person]) -> None:
        """Give every student of the school a timetable."""
        for grade, group in _groups(students):
            if grade in names.GRADES[:6]:
                self._elementary(school, grade, group)
            else:
                self._secondary(school, grade, group)

    def _elementary(self, school: School, grade: str, group: list[Person]) -> None:
        """Classes stay together all day; most lessons are with the homeroom teacher."""
        self.rng.shuffle(group)
        for number, members in enumerate(_split(group), 1):
            homeroom = self._teacher(school, f"Grade {grade} Teacher", "homeroom", only_once=True)
            for period, (course, subject) in enumerate(names.ELEMENTARY, 1):
                if period == len(names.ELEMENTARY) and number % 5:
                    continue
                special = subject in ("arts and music", "other")
                teacher = self._teacher(school, f"{course} Teacher", subject) if special else homeroom
                self.add_section(school, Lesson(course, grade, subject, str(period)), teacher, members)

    def _secondary(self, school: School, grade: str, group: list[Person]) -> None:
        """Every period mixes the year group anew; a few students take an elective on top."""
        subjects = [*names.SECONDARY[:6], self.rng.choice(names.ELECTIVES)]
        for period, (course, subject) in enumerate(subjects, 1):
            self.rng.shuffle(group)
            members = group[: max(1, len(group) // 8)] if period == 7 else group
            for part in _split(members):
                teacher = self._teacher(school, f"{course} Teacher", subject)
                self.add_section(school, Lesson(course, grade, subject, str(period)), teacher, part)

    def course(self, lesson: Lesson) -> Course:
        """The district's course of that name and grade, made when first asked for."""
        full = f"{lesson.course} {lesson.grade if lesson.grade in names.GRADES[1:] else lesson.grade[:1]}"
        if full not in self._courses:
            number = f"{lesson.subject[:3].upper()}{len(self._courses) + 101}" if self.rng.random() < 0.93 else ""
            course = Course(self.district.mint(at(date(self.district.school_year, 7, 21))), full, number)
            self._courses[full] = course
            self.district.put(course)
        return self._courses[full]

    def add_section(self, school: School, lesson: Lesson, teacher: Person, members: Sequence[Person]) -> Section:
        """A section, named as Clever does: course, primary teacher's last name, period."""
        course = self.course(lesson)
        moment = self._moment()
        term = self.terms[self.rng.choices(("Y1", "S1", "S2", "Q1"), (70, 18, 8, 4))[0]]
        number = self.district.number()
        section = Section(
            self.district.mint(moment), moment, moment, f"{course.name} - {teacher.last} - {lesson.period}", school.id,
            sis_id=str(number), course=course.id, term=term.id,
            number=str(number % 1000) if self.rng.random() < 0.8 else self.rng.choice(("", None)),
            period=lesson.period, grade=lesson.grade, subject=lesson.subject,
            teachers=[teacher.id], students=sorted(p.id for p in members),
            extra={"classroom": f"{self.rng.choice('ABC')}{self.rng.randrange(1, 60)}"} if number % 4 else {},
        )  # fmt: skip
        self.district.put(section)
        return section

    def _teacher(self, school: School, title: str, subject: str, *, only_once: bool = False) -> Person:
        free = self._free.setdefault((school.id, subject), [])
        if not free or only_once:
            teacher = self.people.teacher(school.id, title, self._moment())
            self.district.put(teacher)
            if only_once:
                return teacher
            free.extend([teacher] * SECTIONS_A_TEACHER)
        return free.pop()

    def _moment(self) -> Milliseconds:
        return at(date(self.district.school_year, 8, 1)) + self.rng.randrange(86_400_000)


def _groups(students: Sequence[Person]) -> Iterator[tuple[str, list[Person]]]:
    """Students by grade in the usual order, small grades joined with the next so that a class has some members."""
    by_grade: dict[str, list[Person]] = {grade: [] for grade in names.GRADES}
    for person in students:
        by_grade[person.as_student.grade or "1"].append(person)
    waiting: list[Person] = []
    for last, grade in zip((*names.GRADES[1:], ""), names.GRADES, strict=True):
        waiting += by_grade[grade]
        joined_later = last and last != "6" and any(by_grade[g] for g in names.GRADES[names.GRADES.index(last) :])
        if waiting and (len(waiting) >= 12 or not joined_later):
            yield grade, waiting
            waiting = []


def _split(members: Sequence[Person]) -> Iterator[Sequence[Person]]:
    """Parts of about a class each, of nearly equal size."""
    parts = max(1, round(len(members) / CLASS_SIZE))
    for i in range(parts):
        yield members[i * len(members) // parts : (i + 1) * len(members) // parts]
