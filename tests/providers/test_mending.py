"""Records that are not shaped as they should be."""

from typing import Any

import msgspec
import pytest

from sisportal.providers.mending import Flaw, mend, shown


class Inner(msgspec.Struct):
    grade: str | None = None


class Outer(msgspec.Struct):
    id: str = ""
    name: str | None = None
    inner: Inner | None = None
    members: list[str] | None = None


@pytest.mark.parametrize(
    ("value", "mended", "flaws"),
    [
        ({"id": "a", "name": "x"}, Outer("a", "x"), []),
        ({"id": "a", "name": ["x"]}, Outer("a"), [Flaw("name", '["x"]')]),
        ({"id": "a", "name": True}, Outer("a"), [Flaw("name", "true")]),
        ({"id": "a", "name": 1.5}, Outer("a", "1.5"), []),
        ({"id": 7}, Outer("7"), []),
        ({"id": None, "name": "x"}, Outer("", "x"), [Flaw("id", "null")]),
        ({"id": "a", "inner": 3}, Outer("a"), [Flaw("inner", "3")]),
        ({"id": "a", "inner": {"grade": {}}}, Outer("a", inner=Inner()), [Flaw("inner.grade", "{}")]),
        ({"id": "a", "members": ["b", None, 4]}, Outer("a", members=["b", "4"]), [Flaw("members", "[null]")]),
        ({"id": "a", "members": [4]}, Outer("a", members=["4"]), []),
        ({"id": "a", "members": "b"}, Outer("a"), [Flaw("members", "b")]),
        ({"id": "a", "name": [], "inner": []}, Outer("a"), [Flaw("name", "[]"), Flaw("inner", "[]")]),
        ("no object", None, []),
        (None, None, []),
    ],
)
def test_a_value_of_a_wrong_type_is_left_blank_and_named(value: Any, mended: Outer | None, flaws: list[Flaw]) -> None:
    assert mend(msgspec.Raw(msgspec.json.encode(value)), Outer) == (mended, flaws)


def test_values_are_shown_shortened() -> None:
    assert shown("x" * 200) == "x" * 200
    assert shown("x" * 10_000_000) == "x" * 199 + "…"
