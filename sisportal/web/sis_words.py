"""What pages call the records of a SIS: OneRoster's pages say business, instructor and learner (SPEC 1)."""

from dataclasses import dataclass

from flask import Flask


@dataclass(frozen=True, slots=True)
class Words:
    """One and many of each, in small letters."""

    school: str = "school"
    schools: str = "schools"
    teacher: str = "teacher"
    teachers: str = "teachers"
    student: str = "student"
    students: str = "students"
    sections_tab: str = "Sections"
    tabs: tuple[str, ...] = ("Status", "Configure", "History", "Schools", "Teachers", "Students", "Sections")
    """The pages that have a tab, by what their addresses end in."""

    def one(self, type_: str) -> str:
        """What one record of a type of action is called."""
        return {"student": self.student, "teacher": self.teacher, "school": self.school}.get(type_, type_)

    def many(self, type_: str) -> str:
        """What several records of a type of action are called."""
        named = {"student": self.students, "teacher": self.teachers, "school": self.schools}
        return named.get(type_, f"{type_}s")

    def label(self, name: str) -> str:
        """What a tab, or a page of one, is called: ``Teachers`` is *Instructors* in OneRoster."""
        renamed = {"Schools": self.schools, "Teachers": self.teachers, "Students": self.students}
        return self.sections_tab if name == "Sections" else renamed.get(name, name).capitalize()


CLEVER = Words(
    sections_tab="Sync classes",
    tabs=("Status", "Configure", "History", "Overview", "Schools", "Teachers", "Students", "Sections"),
)
ONEROSTER = Words("business", "businesses", "instructor", "instructors", "learner", "learners")
_WORDS = {"clever": CLEVER, "oneroster": ONEROSTER, "csv": ONEROSTER}


def words_of(kind: str) -> Words:
    """The words of a connection's pages."""
    return _WORDS[kind]


def init_sis_words(app: Flask) -> None:
    """Gives templates ``words_of``."""
    app.jinja_env.globals["words_of"] = words_of
