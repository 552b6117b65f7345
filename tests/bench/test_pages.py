"""The benchmark of pages: which ones it visits, and that it notices one that does not answer."""

from pathlib import Path

import pytest
from flask import Flask

from bench import pages, product
from bench.product import Unexpected
from bench.recording import record
from bench.report import PAGE_GOALS, TICK
from bench.visits import NOT_PAGES, VISITS, Visit
from sisportal.config import load
from sisportal.factory import create_app

NUMBERS = dict.fromkeys(
    ("plan", "first", "account", "class_", "no_session", "organization", "action", "section_action"), "1"
)
WORDS = dict.fromkeys(("school", "student", "teacher", "section", "word", "upload"), "a")


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return create_app(load({"DATA_DIR": str(tmp_path)}, env_file=None))


def test_every_page_of_the_portal_is_visited(app: Flask) -> None:
    adapter = app.url_map.bind("localhost")
    visited = {adapter.match(visit.address.format(**NUMBERS, **WORDS).partition("?")[0])[0] for visit in VISITS}
    pages_there_are = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.rule.endswith(".csv")
    }
    assert pages_there_are - visited - NOT_PAGES == set(), "add them to bench/visits.py"


@pytest.fixture
def address(tmp_path: Path) -> str:
    """A portal that holds a recorded district."""
    record(20, tmp_path / "pages")
    url = f"sqlite:///{tmp_path / 'portal.sqlite3'}"
    product.first_sync(tmp_path / "pages", url)
    return url


def test_every_page_keeps_to_its_number_of_statements(tmp_path: Path, address: str) -> None:
    found = {page["what"]: page["queries"] for page in pages.measure(tmp_path / "pages", address, times=1)}
    assert {what: number for what, number in found.items() if what != TICK and number > PAGE_GOALS["queries"]} == {}


def test_a_page_that_does_not_answer_is_an_error(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "VISITS", (Visit("nothing", "/syncs/1000000"),))
    with pytest.raises(Unexpected, match="nothing: 404"):
        pages.measure(tmp_path / "pages", address, times=1)
