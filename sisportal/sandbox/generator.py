"""Generates a district of any size: the same arguments always give the same district."""

import random
from datetime import date

from sisportal.sandbox import names
from sisportal.sandbox.awkward import add_awkward_people
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Milliseconds, Person, School, at
from sisportal.sandbox.people import People
from sisportal.sandbox.timetable import Timetable

DEFAULT_DAY = date(2026, 10, 5)
LEVELS = {
    "School": ("Kindergarten", "12"),
    "Elementary School": ("Kindergarten", "5"),
    "Lower School": ("Kindergarten", "6"),
    "Upper School": ("7", "12"),
    "Middle School": ("6", "8"),
    "High School": ("9", "12"),
}


def generate(
    students: int,
    *,
    seed: int = 1,
    schools: int | None = None,
    name: str = "#DEMO Pineapple Unified School District",
    today: date = DEFAULT_DAY,
    awkward: bool = True,
) -> District:
    """A district with that many students (10 to 100,000) as its SIS shows it on ``today``.

    10,000 students come to about 75,000 records, each enrolment counted as one. ``awkward`` adds the people and sections
    that real districts have and programs forget; without it every field follows the rules.
    """
    rng = random.Random(f"{seed}/{students}/{schools}")
    moment = at(date(2021, 8, 2))
    district = District(id="", name=name, seed=seed, today=today)
    district.id = district.mint(moment)
    people = People(district, rng)
    district.contact = people.administrator("", moment)
    built = _add_schools(district, rng, schools or _usual_schools(students), moment)
    _add_students(district, rng, people, built, students)
    _add_classes(district, rng, people, built)
    _add_offices(district, rng, people, built)
    if awkward:
        add_awkward_people(district, rng, people)
    district.forget_changes()
    return district


def _usual_schools(students: int) -> int:
    return max(2 if students < 60 else 3 if students < 200 else 4, students // 620)


def _levels(count: int) -> list[str]:
    if count < 3:
        return ["School"] if count == 1 else ["Lower School", "Upper School"]
    cycle = ("Elementary School", "Middle School", "High School", "Elementary School")
    return [cycle[i % 4] for i in range(count)]


def _add_schools(district: District, rng: random.Random, count: int, moment: Milliseconds) -> list[School]:
    for i, level in enumerate(_levels(count)):
        place = names.PLACES[i % len(names.PLACES)].replace("-", " ")
        again = f" {i // len(names.PLACES) + 1}" if i >= len(names.PLACES) else ""
        city, state, zip_ = rng.choice(names.CITIES)
        code = f"{13 + i // 1000}K{100 + i}"
        low, high = LEVELS[level]
        school = School(
            district.mint(moment + i * 1000), moment, moment, f"{place}{again} {level}", code, code, low, high,
            f"{rng.randrange(1, 900)} {rng.choice(names.STREETS)}", city, state, zip_,
            phone=f"(718) 555-{rng.randrange(10_000):04d}" if i % 5 else None, state_id=str(30_000 + i),
            extra={"charter_school": "N"} if i % 2 else {},
        )  # fmt: skip
        district.put(school)
    return list(district.schools)


def grades_of(school: School) -> tuple[str, ...]:
    """The grades that the school has, the lowest first."""
    first, last = names.GRADES.index(school.low_grade), names.GRADES.index(school.high_grade)
    return names.GRADES[first : last + 1]


def _add_students(district: District, rng: random.Random, people: People, schools: list[School], count: int) -> None:
    offering = {grade: [s for s in schools if grade in grades_of(s)] for grade in names.GRADES}
    moment = at(date(2021, 8, 12))
    for i in range(count):
        grade = names.GRADES[(i * 7 + i // 13) % 13]
        district.put(people.student(rng.choice(offering[grade]).id, grade, moment + i * 700))


def _add_classes(district: District, rng: random.Random, people: People, schools: list[School]) -> None:
    timetable = Timetable(district, rng, people)
    timetable.add_terms()
    members: dict[str, list[Person]] = {school.id: [] for school in schools}
    for person in district.people:
        if person.student is not None:
            members[person.student.school].append(person)
    for school in schools:
        timetable.fill(school, members[school.id])
    _add_co_teachers(district, rng)


def _add_co_teachers(district: District, rng: random.Random) -> None:
    """About one section in six has two or three teachers."""
    colleagues: dict[str, list[str]] = {}
    for person in district.people:
        if person.teacher is not None:
            colleagues.setdefault(person.teacher.school, []).append(person.id)
    for section in district.sections:
        if rng.random() < 0.16:
            for other in rng.sample(
                colleagues[section.school], k=min(rng.choice((1, 2)), len(colleagues[section.school]))
            ):
                if other not in section.teachers:
                    section.teachers.append(other)


def _add_offices(district: District, rng: random.Random, people: People, schools: list[School]) -> None:
    """A principal for each school, a few teachers without a class, the district's administrators, some contacts."""
    moment = at(date(2022, 8, 5))
    for school in schools:
        principal = people.staff([school.id], "Principal", moment)
        district.put(principal)
        school.principal = (f"{principal.first} {principal.last}", principal.email or "")
        if rng.random() < 0.4:
            district.put(people.teacher(school.id, "Substitute Teacher", moment))
    for title in ("Superintendent", "Director of Technology"):
        district.put(people.administrator(title, moment))
    pupils = [p for p in district.people if p.student is not None]
    for i, pupil in enumerate(pupils[::12]):
        email = f"parent{i}@home.example.net" if i % 4 else ""
        district.put(people.contact([pupil], moment + i * 1000, email))
