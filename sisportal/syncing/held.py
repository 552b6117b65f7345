"""The LMS side's rows as the flat values that the core compares, and back."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, cast

import msgspec
from sqlalchemy import ColumnElement, Table, Text, type_coerce

from sisportal.models import Account, AccountLink, ClassLink, Membership, SchoolClass
from sisportal.roster.fields import ACCOUNT_FIELDS, CLASS_FIELDS, Values
from sisportal.roster.text import Name, searchable
from sisportal.syncing.rows import Row, json_text

ACCOUNTS = cast(Table, Account.__table__)
CLASSES = cast(Table, SchoolClass.__table__)
MEMBERSHIPS = cast(Table, Membership.__table__)
ACCOUNT_LINKS = cast(Table, AccountLink.__table__)
CLASS_LINKS = cast(Table, ClassLink.__table__)

_IN_JSON = frozenset({"roles", "organizations"})
_COLUMN_OF = {"organization": "organization_id"}

ACCOUNT_COLUMNS = tuple(_COLUMN_OF.get(name, name) for name in ACCOUNT_FIELDS)
CLASS_COLUMNS = tuple(_COLUMN_OF.get(name, name) for name in CLASS_FIELDS)

_BLANK_ACCOUNT: Values = dict.fromkeys(ACCOUNT_FIELDS, "") | {"organization": None}
_account_values = itemgetter(*ACCOUNT_FIELDS)

decode_values = msgspec.json.Decoder(dict[str, Any]).decode


def account_columns() -> list[ColumnElement[Any]]:
    """The columns of an account's synced fields, JSON as text, in the order of ``ACCOUNT_FIELDS``."""
    return [type_coerce(ACCOUNTS.c[name], Text) if name in _IN_JSON else ACCOUNTS.c[name] for name in ACCOUNT_COLUMNS]


def class_columns() -> list[ColumnElement[Any]]:
    """The columns of a class's synced fields, in the order of ``CLASS_FIELDS``."""
    return [CLASSES.c[name] for name in CLASS_COLUMNS]


def account_held(row: Sequence[Any]) -> Values:
    """A row of ``account_columns`` as values."""
    values = dict(zip(ACCOUNT_FIELDS, row, strict=True))
    for name in _IN_JSON:
        values[name] = msgspec.json.decode(values[name] or "[]")
    return values


def held_name(values: Values) -> Name:
    """The name that the values of an account give; what is last written lacks blanks."""
    return Name(*(values.get(field) or "" for field in ("first_name", "last_name", "preferred_name")))


def class_held(row: Sequence[Any]) -> Values:
    """A row of ``class_columns`` as values."""
    return dict(zip(CLASS_FIELDS, row, strict=True))


def column_name(field: str) -> str:
    """The column that keeps a field."""
    return _COLUMN_OF.get(field, field)


def column_value(field: str, value: Any) -> Any:
    """A field's value as its column keeps it: blank texts are empty, lists are JSON."""
    if field in _IN_JSON:
        return json_text(value or [])
    return value if field == "organization" or value is not None else ""


def account_row(values: Values) -> Row:
    """The values of ``ACCOUNT_COLUMNS``; fields that are absent are blank."""
    row = {**_BLANK_ACCOUNT, **values}
    for name in _IN_JSON:
        row[name] = json_text(row[name] or [])
    return cast(Row, _account_values(row))


def account_search(values: Values) -> str:
    """What lists of accounts sort by and search in: last name first."""
    names = ("last_name", "first_name", "preferred_name", "username", "email", "student_id", "teacher_id", "sis_id")
    return searchable(*(values.get(name) or "" for name in names))


def class_search(values: Values) -> str:
    """What lists of classes sort by and search in."""
    names = ("name", "code", "subject", "period", "term", "sis_id")
    return searchable(*(values.get(name) or "" for name in names))
