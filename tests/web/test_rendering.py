"""Page or panel, redirects that htmx follows, links that keep the rest of the query."""

import gzip
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sisportal.web.rendering import local_path, url_with
from tests.web.style_site import make_style_site

HTMX = {"HX-Request": "true"}


@pytest.fixture(scope="module")
def site() -> Flask:
    return make_style_site()


@pytest.fixture
def client(site: Flask) -> FlaskClient:
    return site.test_client()


def token_of(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found[1]


def test_a_browser_gets_the_whole_page(client: FlaskClient) -> None:
    page = client.get("/students").text

    assert page.startswith("<!doctype html>")
    assert page.count("<h1") == 1
    assert "<title>Students · Lincoln Unified</title>" in page


def test_htmx_gets_the_panel_with_title_tabs_and_bell_out_of_band(client: FlaskClient) -> None:
    panel = client.get("/students", headers=HTMX).text

    assert "<!doctype" not in panel
    assert panel.startswith("<title>Students · Lincoln Unified</title>")
    assert re.findall(r'id="(\w+)"[^>]*hx-swap-oob="true"', panel) == ["tabs", "messages", "bell"]


def test_going_back_gets_the_whole_page(client: FlaskClient) -> None:
    page = client.get("/students", headers={**HTMX, "HX-History-Restore-Request": "true"}).text

    assert page.startswith("<!doctype html>")


def test_page_and_panel_show_the_same(client: FlaskClient) -> None:
    start = '<div class="panel-head">'
    page, panel = (client.get("/students", headers=headers).text for headers in ({}, HTMX))
    body = panel[panel.index("<p>Lincoln") : panel.index('<div id="tabs"')]

    assert start in page
    assert re.sub(r'value="[^"]{40,}"', "", "".join(body.split())) in re.sub(
        r'value="[^"]{40,}"', "", "".join(page.split())
    )


def test_an_answer_differs_by_the_htmx_headers_and_is_not_kept(client: FlaskClient) -> None:
    answer = client.get("/students")

    assert {"HX-Request", "HX-History-Restore-Request"} <= set(answer.vary)
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_heading_takes_the_focus_after_a_swap_and_the_wrong_field_when_the_form_is_refused(
    client: FlaskClient,
) -> None:
    token = token_of(client.get("/configure").text)

    swapped = client.get("/configure", headers=HTMX)
    refused = client.post("/form", data={"csrf_token": token}, headers=HTMX)

    assert re.findall(r"<(\w+)[^>]* autofocus", swapped.text) == ["h1"]
    assert re.findall(r"<(\w+)[^>]* autofocus", refused.text) == ["input"]
    assert refused.status_code == 422
    assert 'aria-describedby="address-help address-error" aria-invalid="true"' in refused.text


def test_a_saved_form_leads_a_browser_by_303_and_htmx_by_its_header(client: FlaskClient) -> None:
    form = {"csrf_token": token_of(client.get("/configure").text), "address": "https://sis.example"}

    plain, swapped = client.post("/form", data=form), client.post("/form", data=form, headers=HTMX)

    assert (plain.status_code, plain.headers["Location"]) == (303, "/configure")
    assert (swapped.status_code, swapped.headers["HX-Redirect"], swapped.text) == (200, "/configure", "")


@pytest.mark.parametrize(
    ("target", "result"),
    [
        ("/students?page=2", "/students?page=2"),
        (None, "/home"),
        ("", "/home"),
        ("https://evil.example/", "/home"),
        ("//evil.example", "/home"),
        ("/\\evil.example", "/home"),
        ("/\t/evil.example", "/home"),
        ("javascript:alert(1)", "/home"),
    ],
)
def test_only_a_path_of_this_site_is_returned_to(target: str | None, result: str) -> None:
    assert local_path(target, "/home") == result


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({"sort": "name"}, "/list?q=a+b&state=linked&sort=name"),
        ({"page": 4}, "/list?q=a+b&state=linked&page=4"),
        ({"state": None}, "/list?q=a+b"),
        ({"state": "", "q": ""}, "/list"),
        ({"school": ["x", "y"]}, "/list?q=a+b&state=linked&school=x&school=y"),
        ({}, "/list?q=a+b&state=linked"),
    ],
)
def test_a_link_changes_one_parameter_keeps_the_rest_and_leaves_the_page_number(
    site: Flask, changes: dict[str, object], result: str
) -> None:
    with site.test_request_context("/list?q=a+b&state=linked&page=3"):
        assert url_with(**changes) == result


def test_links_of_a_list_answered_to_a_post_are_based_on_the_lists_own_address(site: Flask) -> None:
    with site.test_request_context("/list/tick-all", method="POST"):
        assert url_with("/list?verb=add&page=2", page=3) == "/list?verb=add&page=3"


def test_the_choice_of_colours_is_kept_in_a_cookie_and_written_by_the_server(client: FlaskClient) -> None:
    token = token_of(client.get("/status").text)
    before = client.get("/status").text

    answer = client.post("/appearance", data={"csrf_token": token, "theme": "dark", "next": "/history"})

    assert answer.headers["Location"] == "/history"
    assert 'data-bs-theme="auto"' in before
    assert 'data-bs-theme="dark"' in client.get("/status").text


def test_an_unknown_choice_of_colours_is_refused(client: FlaskClient) -> None:
    token = token_of(client.get("/status").text)

    assert client.post("/appearance", data={"csrf_token": token, "theme": "<b>"}).status_code == 422


def test_a_name_that_a_template_does_not_get_is_an_error_not_a_blank(site: Flask) -> None:
    with site.test_request_context("/"), pytest.raises(Exception, match="'missing' is undefined"):
        site.jinja_env.from_string("{{ missing }}").render()


def test_a_static_file_is_addressed_by_its_content_and_kept_for_a_year(client: FlaskClient) -> None:
    found = re.search(r'href="(/static/app\.css\?v=[0-9a-f]{12})"', client.get("/status").text)
    assert found

    with client.get(found[1]) as answer:
        assert answer.cache_control.max_age == 365 * 24 * 3600


def test_a_page_with_every_part_in_it_weighs_a_third_of_what_it_may(client: FlaskClient) -> None:
    page = client.get("/status").data

    assert len(page) < 60_000
    assert len(gzip.compress(page)) < 10_000
