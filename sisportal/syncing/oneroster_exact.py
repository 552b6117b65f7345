"""What a reader of a OneRoster package would not bring back as the portal holds it: it stands in columns of our own.

Each function reads back what the package says, with the reader's own functions, and names the fields that differ.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from sisportal.providers.oneroster_records import gender_of
from sisportal.providers.oneroster_values import first, texts, user_ids
from sisportal.providers.wire_values import day
from sisportal.roster.fields import ACCOUNT_TEXTS, CLASS_TEXTS

Record = Mapping[str, Any]
STUDENTS = ("student_id", "grade", "graduation_year")
"""Fields that only students are read with; teachers have ``teacher_id`` instead."""


def exact_account(record: Record, cells: Mapping[str, str]) -> str:
    """Fields of an account as JSON; blank where the cells of its row say everything."""
    ids = dict(user_ids(cells["userIds"]))
    read = {name: record[name].strip() for name in ACCOUNT_TEXTS}
    read |= {
        "grade": first(record["grade"]), "gender": gender_of(sex_of(record["gender"])), "sis_id": ids.get("sis", ""),
        "state_id": ids.get("state", ""), "birth_date": _read_day(record["birth_date"]),
    }  # fmt: skip
    read |= dict.fromkeys(("teacher_id",) if record["role"] == "student" else STUDENTS, "")
    return _differing(record, read)


def exact_class(record: Record, course_code: str) -> str:
    """As ``exact_account``, of a class."""
    read = {name: record[name].strip() for name in CLASS_TEXTS}
    read |= {
        "code": course_code.strip() or read["code"], "subject": first(record["subject"]), "grade": first(record["grade"]),
        "period": ", ".join(texts(record["period"])), "start": _read_day(record["start"]), "finish": _read_day(record["finish"]),
    }  # fmt: skip
    return _differing(record, read)


def sex_of(gender: str) -> str:
    """A gender of the portal as OneRoster calls it."""
    return {"M": "male", "F": "female", "X": "other"}.get(gender, gender)


def _read_day(value: str) -> str:
    return day(value.strip(), "", "", "", [])


def _differing(record: Record, read: Mapping[str, str]) -> str:
    found = {name: record[name] for name in sorted(read) if record[name] != read[name]}
    return msgspec.json.encode(found).decode() if found else ""
