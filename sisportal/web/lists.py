"""What every list shares: which page of it, which words it is searched for, how it is sorted."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request
from sqlalchemy import ColumnElement, Select, func

from sisportal.extensions import db
from sisportal.roster.text import folded

PER_PAGE = 50
EARLY = 10 * PER_PAGE
MOST_WORDS = 6
LONGEST_SEARCH = 100


@dataclass(frozen=True, slots=True)
class Pages:
    """Where a page stands in its list; what the pager reads."""

    page: int
    total: int
    per_page: int = PER_PAGE

    @property
    def pages(self) -> int:
        return -(-self.total // self.per_page)

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.per_page

    @property
    def first(self) -> int:
        return self.offset + 1 if self.total else 0

    @property
    def last(self) -> int:
        return min(self.page * self.per_page, self.total)


def asked_pages(total: int) -> Pages:
    """The page that the URL asks for; past the end, the last one."""
    page = request.args.get("page", 1, type=int)
    return Pages(max(1, min(page, -(-total // PER_PAGE))), total)


def asked_search() -> str:
    """What the URL searches for, as it was typed."""
    return request.args.get("q", "").strip()[:LONGEST_SEARCH]


def asked_choice(name: str, choices: Collection[str], default: str = "") -> str:
    """A parameter of the URL that is one of ``choices``; anything else is the default."""
    value = request.args.get(name, default)
    return value if value in choices else default


def asked_number(name: str) -> int | None:
    """A parameter of the URL that is a whole number."""
    return request.args.get(name, type=int)


def containing(column: Any, search: str) -> list[ColumnElement[bool]]:
    """Conditions under which a folded column holds every word of a search, in any order."""
    return [column.contains(word, autoescape=True) for word in folded(search).split()[:MOST_WORDS]]


def ordered(statement: Select[Any], sorts: Mapping[str, Sequence[Any]], sort: str) -> Select[Any]:
    """The statement in the order that ``sort`` names: a key of ``sorts``, after a dash for descending."""
    columns = sorts[sort.removeprefix("-")]
    return statement.order_by(*(column.desc() for column in columns) if sort.startswith("-") else columns)


def asked_sort(sorts: Mapping[str, Any], default: str) -> str:
    """The sort that the URL asks for, where the list knows it."""
    sort = request.args.get("sort", default)
    return sort if sort.removeprefix("-") in sorts else default


def page_of(statement: Select[Any], total: int | None = None) -> tuple[list[Any], Pages]:
    """The first column of the rows of the page that the URL asks for: ids, so that what is wide is read for these only.

    Where the total is not known, a list that ends early tells it, without being searched twice.
    """
    if total is None:
        start = list(db.session.scalars(statement.limit(EARLY)))
        counted = statement.order_by(None).with_only_columns(func.count())
        total = len(start) if len(start) < EARLY else db.session.scalar(counted) or 0
        pages = asked_pages(total)
        if pages.last <= len(start):
            return start[pages.offset : pages.last], pages
    pages = asked_pages(total)
    if not total:
        return [], pages
    return list(db.session.scalars(statement.limit(pages.per_page).offset(pages.offset))), pages
