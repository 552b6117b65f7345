"""Lists of several pages, over sessions that misbehave in ways that the sandbox does not."""

from typing import Any

import msgspec
import pytest

from sisportal.providers.base import ProviderError
from sisportal.providers.paging import Haul, Item, Link, Page, PageReader, Rows, Walk


class Row(msgspec.Struct):
    id: str = ""


def rows(*ids: str, following: str = "") -> Rows[Row]:
    links = [Link("next", f"/v3.1/rows?{following}")] if following else []
    return Rows([Row(id_) for id_ in ids], links)


def walked(answers: dict[str, Rows[Row]], **limits: Any) -> tuple[list[str], Walk[Row]]:
    """The ids that a walk with pages of two gives, and the walk."""
    walk = Walk(answers.__getitem__, "/v3.1/rows", {}, page_size=2, **limits)
    hauls: list[Haul[Row]] = list(walk)
    return [record.id for haul in hauls for record in haul.records], walk


def test_a_full_last_page_is_followed_by_an_empty_one() -> None:
    ids, walk = walked({"limit=2": rows("a", "b", following="after=b"), "after=b": rows()})
    assert ids == ["a", "b"]
    assert (walk.tally.pages, walk.tally.rows, walk.tally.distinct, walk.tally.doubts) == (2, 2, 2, [])


def test_a_full_page_without_a_link_is_not_taken_for_the_end() -> None:
    ids, _ = walked({"limit=2": rows("a", "b"), "limit=2&starting_after=b": rows("c")})
    assert ids == ["a", "b", "c"]


def test_an_empty_page_that_leads_on_is_a_doubt() -> None:
    ids, walk = walked({"limit=2": rows("a", "b", following="x=1"), "x=1": rows(following="x=2")})
    assert ids == ["a", "b"]
    assert walk.tally.doubts == ["A page in the middle of the list was empty."]


def test_pages_that_overlap_give_each_row_once() -> None:
    ids, walk = walked(
        {"limit=2": rows("a", "b", following="x=1"), "x=1": rows("b", "c")} | {"limit=2&starting_after=c": rows()}
    )
    assert ids == ["a", "b", "c"]
    assert (walk.tally.rows, walk.tally.distinct, walk.tally.repeated) == (4, 3, 1)


@pytest.mark.parametrize(
    ("second", "limits", "code"),
    [
        (rows("a", "b"), {}, "repeated-page"),
        (rows("c", "d", following="limit=2"), {}, "endless-paging"),
        (rows("c", "d", following="x=2"), {"most_pages": 2}, "endless-paging"),
    ],
)
def test_a_list_that_leads_back_or_never_ends_is_refused(second: Rows[Row], limits: Any, code: str) -> None:
    with pytest.raises(ProviderError) as failed:
        walked({"limit=2": rows("a", "b", following="x=1"), "x=1": second}, **limits)
    assert failed.value.code == code


def test_a_list_far_longer_than_the_server_says_never_ends() -> None:
    answers = {f"x={n}": rows(f"{n:03}a", f"{n:03}b", following=f"x={n + 1}") for n in range(100)}
    walk = Walk(answers.__getitem__, "/v3.1/rows", {"x": "0"}, page_size=2, claimed=10)
    answers["x=0&limit=2"] = answers["x=0"]
    with pytest.raises(ProviderError, match="does not end"):
        list(walk)
    assert walk.tally.pages == 21


@pytest.mark.parametrize("body", [b"{}", b"[]", b'"x"', b"null", b'{"data":null}', b'{"data":{}}', b'{"error":"no"}'])
def test_json_without_a_list_is_never_an_empty_list(body: bytes) -> None:
    with pytest.raises(ProviderError) as failed:
        PageReader(Page[Row], Item[Row], "/v3.1/rows")(body)
    assert failed.value.code == "no-envelope"


def test_rows_that_are_no_records_are_counted() -> None:
    read = PageReader(Page[Row], Item[Row], "/v3.1/rows")(
        b'{"data":[{"data":{"id":"a"}},{"data":5},7,{}],"links":"none"}'
    )
    assert (read.records, read.links, read.unread) == ([Row("a")], [], 3)
