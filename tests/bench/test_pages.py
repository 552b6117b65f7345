"""The benchmark of pages: which ones it visits, and that it notices one that does not answer."""

from pathlib import Path

import pytest
from flask import Flask

from bench import pages, product
from bench.product import Unexpected
from bench.recording import record
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


def test_a_page_that_does_not_answer_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(20, tmp_path / "pages")
    address = f"sqlite:///{tmp_path / 'portal.sqlite3'}"
    product.first_sync(tmp_path / "pages", address)
    monkeypatch.setattr(pages, "VISITS", (Visit("nothing", "/syncs/1000000"),))
    with pytest.raises(Unexpected, match="nothing: 404"):
        pages.measure(tmp_path / "pages", address, times=1)
