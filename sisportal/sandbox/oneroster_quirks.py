"""Bends rows as a profile has it, after everything about them was decided."""

from typing import Any

from sisportal.sandbox.clever_wire import Rendered
from sisportal.sandbox.oneroster_profiles import Profile

TRUTHS: dict[str, dict[str, Any]] = {
    "booleans": {"true": True, "false": False},
    "numbers": {"true": 1, "false": 0},
    "capitals": {"true": "TRUE", "false": "FALSE"},
}
TRUE_OR_FALSE = ("true", "false")
TYPES = {"org": "school", "academicSession": "semester", "user": "student"}
"""What some call the types of references."""
ODD_START, ODD_END = "sis/", " @x"


def bent(kind: str, row: Rendered, profile: Profile) -> Rendered:
    """The row as it goes out. Fields that are not there (None) are dropped, or null where the profile says so."""
    if not profile.nulls:
        row = {name: value for name, value in row.items() if value is not None}
    if profile.gone_word != "tobedeleted" and row.get("status") == "tobedeleted":
        row["status"] = profile.gone_word
    if profile.passwords and kind == "users":
        row |= {"password": "correct horse battery staple"}
    if profile.both_roles and "roles" in row:
        row |= {"role": row["roles"][0]["role"], "orgs": [one["org"] for one in row["roles"]]}
    if profile.truths in TRUTHS:
        _spell_truths(row, TRUTHS[profile.truths])
    if profile.padded_ids or profile.odd_ids:
        row = _with_ids(row, padded if profile.padded_ids else odd)
    if profile.refs != "whole":
        row = {name: _reference(value, profile.refs) for name, value in row.items()}
    if profile.reference_habits:
        _take_habits(kind, row)
    return row


def padded(id_: str) -> str:
    """The id with whitespace around it."""
    return f" {id_}  "


def odd(id_: str) -> str:
    """An id that must be quoted wherever it goes."""
    return f"{ODD_START}{id_}{ODD_END}"


def straight(id_: str) -> str:
    """The id that was padded or made odd."""
    return id_.strip().removeprefix(ODD_START).removesuffix(ODD_END.strip()).strip()


def _spell_truths(row: Rendered, spelling: dict[str, Any]) -> None:
    for name, value in row.items():
        if isinstance(value, str) and value in TRUE_OR_FALSE:
            row[name] = spelling[value]


def _with_ids(value: Any, change: Any) -> Any:
    """The same with every id changed, those of references too."""
    if isinstance(value, list):
        return [_with_ids(one, change) for one in value]
    if isinstance(value, dict):
        return {name: change(one) if name == "sourcedId" else _with_ids(one, change) for name, one in value.items()}
    return value


def _reference(value: Any, style: str) -> Any:
    """References in another style, at any depth."""
    if isinstance(value, list):
        return [_reference(one, style) for one in value]
    if not isinstance(value, dict):
        return value
    if "href" not in value:
        return {name: _reference(one, style) for name, one in value.items()}
    if style == "bare":
        return {"sourcedId": value["sourcedId"]}
    return value | {
        "href": "/" + "/".join(value["href"].rsplit("/", 2)[1:]),
        "type": TYPES.get(value["type"], value["type"]),
    }


def _take_habits(kind: str, row: Rendered) -> None:
    """As 1EdTech's own reference implementation answers."""
    row["metadata"] = []
    row["dateLastModified"] = row["dateLastModified"][:19] + "Z"
    if kind in ("orgs", "academicSessions"):
        row.setdefault("parent", [])
    if kind == "academicSessions":
        row["schoolYear"] = int(row["schoolYear"])
    if kind == "courses" and "schoolYear" in row:
        row["schoolYear"] = [row["schoolYear"]]
    if kind in ("courses", "classes") and len(row["subjects"]) == 1:
        row["subjects"] = row["subjects"][0]
    if kind == "classes":
        row["periods"] = ",".join(row["periods"])
