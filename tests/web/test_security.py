"""What every answer carries, and what the vendored files are."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from sisportal.web.security import HEADERS, cookie_settings
from tests.web.style_site import ROOT, make_style_site

TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*.html") if path.parent.name != "mail")
"""Of pages: mails have no style sheet, so their style stands in them."""


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return make_style_site().test_client()


@pytest.mark.parametrize("path", ["/status", "/bell", "/nowhere", "/error/500", "/static/app.css"])
def test_every_answer_carries_the_headers(client: FlaskClient, path: str) -> None:
    with client.get(path) as answer:
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_only_files_that_are_the_same_for_everybody_are_kept_by_the_browser(client: FlaskClient) -> None:
    kept = {path: client.get(path).headers["Cache-Control"] for path in ("/status", "/bell", "/nowhere")}

    assert kept == {"/status": "no-store", "/bell": "no-store", "/nowhere": "no-store"}
    with client.get("/static/app.css") as answer:
        assert "no-store" not in answer.headers["Cache-Control"]


def test_https_is_insisted_on_only_where_it_is_used(client: FlaskClient) -> None:
    plain, secure = (client.get("/status", base_url=f"{scheme}://portal.example") for scheme in ("http", "https"))

    assert plain.headers.get("Strict-Transport-Security") is None
    assert secure.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_the_sessions_cookie_is_bound_to_the_host_where_the_portal_is_secure() -> None:
    plain, secure = cookie_settings(secure=False), cookie_settings(secure=True)

    assert (plain["SESSION_COOKIE_NAME"], plain["SESSION_COOKIE_SECURE"]) == ("sisportal", False)
    assert (secure["SESSION_COOKIE_NAME"], secure["SESSION_COOKIE_SECURE"]) == ("__Host-sisportal", True)
    assert {settings["SESSION_COOKIE_SAMESITE"] for settings in (plain, secure)} == {"Lax"}


def test_a_post_without_its_token_is_refused_and_says_what_to_do(client: FlaskClient) -> None:
    answer = client.post("/tick/1")

    assert answer.status_code == 400
    assert "load the page again" in answer.text


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_template_writes_script_or_style_inline(template: Path) -> None:
    text = template.read_text()

    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|\shx-on|javascript:|<script(?![^>]*\ssrc=)", text) == []


def test_htmx_is_the_release_that_was_vetted() -> None:
    digest = hashlib.sha384((ROOT / "static/vendor/htmx/htmx.min.js").read_bytes()).digest()

    assert base64.b64encode(digest).decode() == "2OatzQy1H+Zd/IIrjr1TcuDGqLXeHhbooAyJY1KdQMKnr4LZ22k31GBLdYKHmVjg"


def test_no_style_sheet_or_picture_asks_another_host() -> None:
    fetched = r"@import|url\(\s*['\"]?(?:https?:)?//|(?:src|href)=['\"](?:https?:)?//|sourceMappingURL"
    files = [path for path in (ROOT / "static").rglob("*") if path.suffix in {".css", ".js", ".svg"}]

    assert {path.name: found for path in files if (found := re.findall(fetched, path.read_text()))} == {}


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([^"]+)"', (ROOT / "static/vendor/tabler-icons/sprite.svg").read_text()))
    named = {name for path in TEMPLATES for name in re.findall(r'\bicon\("([^"]+)"', path.read_text())}

    assert named - sprite == set()


def test_trace_is_not_answered(client: FlaskClient) -> None:
    assert client.open("/status", method="TRACE").status_code == 405
