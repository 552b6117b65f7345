"""The pages of Clever's login side: who wants to sign in, is it still you, the portal, and what went wrong."""

from functools import cache
from importlib.resources import files
from itertools import islice, repeat
from typing import Any, NamedTuple
from urllib.parse import urlencode

import jinja2

from sisportal.sandbox.clever_visitors import Visitor, others
from sisportal.sandbox.clever_wire import HTML, Call, Reply
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person

POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
SHOWN = 25
"""Employees, students and people of elsewhere on a page, each; the others are found by searching."""
ROLES = {"student": "student", "teacher": "teacher", "staff": "staff", "administrator": "district_admin"}
"""The parts of a person that can sign in, and what Clever calls them."""


class Choice(NamedTuple):
    """A person to sign in as, with a link for each of their roles."""

    name: str
    note: str
    links: list[tuple[str, str]]


def roles_of(person: Person) -> list[str]:
    """The roles in which somebody can sign in."""
    return [role for part, role in ROLES.items() if getattr(person, part) is not None]


def choose(district: District, call: Call, wanted: str) -> Reply:
    """Everybody who can sign in, or whom the search finds; of the wanted district only, where one is preset."""
    search = call.value("q").lower()

    def found(visitor: Visitor) -> bool:
        asked_for = not wanted or wanted == visitor.district
        return asked_for and bool(roles_of(visitor.person)) and search in _text(visitor).lower()

    kinds = (lambda v: v.person.works, lambda v: not v.person.works)
    groups = [filter(kind, map(Visitor, district.people, repeat(district.id))) for kind in kinds]
    choices = [
        _choice(district, visitor, call)
        for group in (*groups, others(district))
        for visitor in islice(filter(found, group), SHOWN)
    ]
    hidden = [(name, value) for name, value in call.query if name not in {"q", "person", "role"}]
    return _page("Sign in", choices=choices, hidden=hidden, search=call.value("q"), path=call.path)


def confirm(call: Call, person: Person, role: str) -> Reply:
    """Asks on a shared computer whether this is still the same person."""
    same = _link(call, [("person", person.id), ("role", role)])
    others = f"/portal/sign-out?{urlencode([('next', call.target)])}"
    return _page("Is this you?", links=[(f"Yes, I am {_name(person)}", same), ("No, sign out", others)])


def portal(person: Person | None, role: str) -> Reply:
    """The school's page, with the application."""
    who = f"{_name(person)}, {role}" if person else "Somebody who has left"
    return _page(
        "Portal", text=f"Signed in: {who}", links=[("SIS Portal", "/portal/open"), ("Sign out", "/portal/sign-out")]
    )


def refused(sentence: str, status: int) -> Reply:
    """What Clever says itself, without going back to the application."""
    return _page("This did not work", status, text=sentence)


def _choice(district: District, visitor: Visitor, call: Call) -> Choice:
    person = visitor.person
    where = "another district" if visitor.district != district.id else "" if visitor.shared else "not shared"
    note = ", ".join(
        part for part in (person.email or "no e-mail", where if visitor.district else "no district") if part
    )
    links = [(role, _link(call, [("person", person.id), ("role", role)])) for role in roles_of(person)]
    return Choice(_name(person), note, links)


def _link(call: Call, more: list[tuple[str, str]]) -> str:
    kept = [(name, value) for name, value in call.query if name not in {"q", "person", "role"}]
    return f"{call.path}?{urlencode([*kept, *more])}"


def _text(visitor: Visitor) -> str:
    return f"{_name(visitor.person)} {visitor.person.email or ''}"


def _name(person: Person) -> str:
    return f"{person.first or ''} {person.last}".strip()


def _page(title: str, status: int = 200, **values: Any) -> Reply:
    page = _template().render({"text": "", "links": [], "choices": None, "title": title} | values)
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Reply(status, page.encode(), HTML, headers)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(files(__package__).joinpath("page/login.html").read_text("utf-8"))
