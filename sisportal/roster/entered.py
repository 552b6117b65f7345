"""What people type of accounts and classes, in a form or a file: tidied, and checked field by field (SPEC 2.4, 11)."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from sisportal.roster.dates import iso_date
from sisportal.roster.fields import Values

Errors = dict[str, str]
"""What is wrong, by field: a sentence for whoever typed it."""

ACCOUNT_TEXTS = (
    "username", "first_name", "middle_name", "last_name", "preferred_name", "email", "student_id", "teacher_id", "sis_id",
    "state_id", "grade", "graduation_year", "gender", "birth_date",
)  # fmt: skip
CLASS_TEXTS = ("name", "code", "subject", "grade", "period", "term", "start", "finish", "sis_id")
DAYS = frozenset({"birth_date", "start", "finish"})
LONGEST = 200
LONGEST_OF = {"username": 150, "email": 254, "grade": 40, "graduation_year": 4, "gender": 40}
FIRST_YEAR, LAST_YEAR = 1900, 2100

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*").fullmatch
_MARKUP = re.compile(r"<\s*[a-zA-Z/!?]")
_YEAR = re.compile(r"(19|20)\d\d").fullmatch


def tidied(values: Mapping[str, str]) -> dict[str, str]:
    """The texts as they are kept: trimmed, with single spaces, days as ``YYYY-MM-DD`` where they can be read."""
    trimmed = {name: " ".join(value.split()) for name, value in values.items()}
    return trimmed | {name: iso_date(trimmed[name]) or trimmed[name] for name in DAYS & trimmed.keys()}


def says(value: Any, held: Any) -> bool:
    """Whether what is typed is what is held already: spaces that nobody sees in a list do not count."""
    return bool(value == held) or (isinstance(held, str) and " ".join(held.split()) == value)


def account_errors(values: Values) -> Errors:
    """What is wrong with the texts of an account; fields that are absent are not looked at."""
    errors = _text_errors(values)
    if "username" in values and not values["username"]:
        errors["username"] = "Type a username: it is what they sign in with."
    if {"first_name", "last_name"} <= values.keys() and not (values["first_name"] or values["last_name"]):
        errors.setdefault("last_name", "Type a first or a last name.")
    if (email := values.get("email")) and not _EMAIL(email):
        errors.setdefault("email", "This is no e-mail address; one looks like ada@example.org.")
    if (year := values.get("graduation_year")) and not _YEAR(year):
        errors.setdefault("graduation_year", "A year of four digits, such as 2029.")
    return errors


def class_errors(values: Values) -> Errors:
    """What is wrong with the texts of a class; fields that are absent are not looked at."""
    errors = _text_errors(values)
    if "name" in values and not values["name"]:
        errors["name"] = "Give the class a name."
    start, finish = values.get("start"), values.get("finish")
    if start and finish and not {"start", "finish"} & errors.keys() and finish < start:
        errors["finish"] = "The class would finish before it starts."
    return errors


def _text_errors(values: Values) -> Errors:
    found = ((name, _text_error(name, value)) for name, value in values.items() if isinstance(value, str))
    return {name: sentence for name, sentence in found if sentence}


def _text_error(name: str, value: str) -> str:
    longest = LONGEST_OF.get(name, LONGEST)
    if len(value) > longest:
        return f"This is longer than {longest} letters."
    if not value.isprintable():
        return "This holds a sign that cannot be shown. Type it again."
    if _MARKUP.search(value):
        return "This looks like a piece of a web page. Write it without < and >."
    return "" if name not in DAYS or not value else _day_error(value)


def _day_error(value: str) -> str:
    try:
        year = date.fromisoformat(value).year
    except ValueError:
        return "This is no day of the calendar; one looks like 2026-09-01."
    return "" if FIRST_YEAR <= year < LAST_YEAR else f"A day between {FIRST_YEAR} and {LAST_YEAR - 1}."
