"""Makes the people of a district one at a time: students, teachers, staff, administrators, contacts."""

import random
import unicodedata
from functools import cache

from sisportal.sandbox import names
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import (
    Administrator,
    Contact,
    Milliseconds,
    Person,
    Relationship,
    Staff,
    Student,
    Teacher,
)


class People:
    """Makes new people for a district; what it draws comes from the generator it was given, so it can be repeated."""

    def __init__(self, district: District, rng: random.Random) -> None:
        self._district = district
        self._rng = rng
        self._taken = {p.email for p in district.people if p.email and p.student is None}

    def student(self, school: str, grade: str, joined: Milliseconds) -> Person:
        """A student of one school."""
        rng, district = self._rng, self._district
        first, last = rng.choice(names.FIRST), rng.choice(names.LAST)
        number = str(district.number())
        username = f"{plain(first)}{plain(last)[:1]}{number[-6:]}"
        id_ = district.mint(joined)
        role = Student(
            legacy_id=id_, school=school, schools=[school], sis_id=number, number=number, grade=grade,
            state_id=f"{rng.randrange(10**8, 10**9)}", graduation_year=self._graduation(grade),
            gender=rng.choices(("F", "M", "X", "", None), (48, 48, 1, 2, 1))[0], birth_date=self._birth_date(grade),
            username=username, race=rng.choice(names.RACES), hispanic=rng.choice(("Y", "N", "N", "")),
            zip=rng.choice(names.CITIES)[2], free_lunch=rng.choice(("Free", "Reduced", "Paid", "", None)),
            preferred_first=first[:3] if rng.random() < 0.03 else None,
            english_learner=rng.choice(("Y", "N", "N", None)), special_education=rng.choice(("N", "N", "N", "", "Y")),
            home_language=rng.choice(names.LANGUAGES) if rng.random() < 0.2 else None,
            extra={"gifted_status": "Y"} if rng.random() < 0.05 else {},
        )  # fmt: skip
        email = f"{username}@students.{district.domain}" if rng.random() < 0.86 else rng.choice(("", None))
        person = self._person(id_, first, last, email, joined=joined)
        person.student = role
        return person

    def teacher(self, school: str, title: str, joined: Milliseconds) -> Person:
        """A teacher of one school."""
        rng, district = self._rng, self._district
        first, last = rng.choice(names.FIRST), rng.choice(names.LAST)
        number, address = district.number(), self._address(first, last)
        role = Teacher(
            legacy_id=district.mint(joined), school=school, schools=[school], sis_id=f"T{number}", number=str(number),
            state_id=str(rng.randrange(10**8, 10**9)) if rng.random() < 0.7 else None, title=title,
            username=address.partition("@")[0].replace("_", "."),
        )  # fmt: skip
        person = self._person(district.mint(joined), first, last, address, joined=joined)
        person.teacher = role
        return person

    def staff(self, schools: list[str], title: str, joined: Milliseconds) -> Person:
        """Somebody who works at schools without teaching."""
        first, last = self._rng.choice(names.FIRST), self._rng.choice(names.LAST)
        address = self._address(first, last)
        person = self._person(self._district.mint(joined), first, last, address, joined=joined)
        person.staff = self.staff_role(schools, title, joined)
        return person

    def staff_role(self, schools: list[str], title: str, joined: Milliseconds) -> Staff:
        """The staff role by itself, to give to a teacher."""
        number = self._district.number()
        return Staff(self._district.mint(joined), sorted(schools), f"S{number}", title, roles=["PortalOnly"])

    def administrator(self, title: str, joined: Milliseconds) -> Person:
        """An administrator of the district."""
        first, last = self._rng.choice(names.FIRST), self._rng.choice(names.LAST)
        person = self._person(self._district.mint(joined), first, last, self._address(first, last), joined=joined)
        person.administrator = Administrator(self._district.mint(joined), title)
        return person

    def contact(self, students: list[Person], joined: Milliseconds, email: str | None = "") -> Person:
        """A contact of one or more students: the whole name stands in the last name, as Clever has it."""
        rng = self._rng
        relation, type_ = rng.choice((("Parent", "Parent/Guardian"), ("Grandparent", "Family"), ("Other", "Emergency")))
        whole = f"{rng.choice(names.FIRST)} {students[0].last}"
        person = Person(self._district.mint(joined), joined, joined, last=whole, email=email)
        relationships = [Relationship(s.id, relation, type_) for s in students]
        phone = f"(718) 555-{rng.randrange(10_000):04d}"
        person.contact = Contact(
            self._district.mint(joined), relationships, phone, rng.choice(("Cell", "Home", "Other"))
        )
        return person

    def _person(self, id_: str, first: str, last: str, email: str | None, *, joined: Milliseconds) -> Person:
        middle = self._rng.choices((self._rng.choice("ABCDEFGHJKLMNPRSTW"), "", None), (60, 25, 15))[0]
        stamp = joined + self._rng.randrange(1000)
        return Person(id_, stamp, stamp, last, first, middle, email)

    def _address(self, first: str, last: str) -> str:
        stem = f"{plain(first)}_{plain(last)}"
        address = f"{stem}@{self._district.domain}"
        if address in self._taken:  # employees with one address would be one user (Clever merges them)
            address = f"{stem}{self._district.number() - 100_000}@{self._district.domain}"
        self._taken.add(address)
        return address

    def _graduation(self, grade: str) -> str:
        if grade not in names.GRADES or self._rng.random() < 0.3:
            return ""
        return str(self._district.school_year + 13 - names.GRADES.index(grade))

    def _birth_date(self, grade: str) -> str | None:
        if self._rng.random() < 0.02:
            return None
        age = 5 + (names.GRADES.index(grade) if grade in names.GRADES else 7)
        return f"{self._district.school_year - age}-{self._rng.randrange(1, 13):02d}-{self._rng.randrange(1, 29):02d}"


@cache
def plain(name: str) -> str:
    """The name in lower-case ASCII letters only, for e-mail addresses and user names; ``person`` where none is left."""
    folded = unicodedata.normalize("NFKD", name.replace("ø", "o").replace("ß", "ss").replace("ł", "l"))
    return "".join(c for c in folded if c.isascii() and c.isalpha()).lower() or "person"
