"""Error pages say what happened and what to do, whoever asks."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sisportal.web.errors import TEXTS
from tests.web.style_site import make_style_site


@pytest.fixture(scope="module")
def site() -> Flask:
    return make_style_site()


@pytest.fixture
def client(site: Flask) -> FlaskClient:
    return site.test_client()


@pytest.mark.parametrize("code", sorted(TEXTS))
def test_each_error_has_a_page_of_its_own(client: FlaskClient, code: int) -> None:
    answer = client.get(f"/error/{code}")

    assert answer.status_code == code
    assert f"<h1>{TEXTS[code].title}</h1>" in answer.text
    assert TEXTS[code].advice in answer.text


def test_an_error_without_a_text_of_its_own_has_the_general_one(client: FlaskClient) -> None:
    assert TEXTS[400].title in client.get("/error/418").text
    assert TEXTS[500].title in client.get("/error/502").text


def test_an_error_page_needs_neither_account_nor_navigation(site: Flask) -> None:
    def broken() -> None:
        raise RuntimeError

    site.jinja_env.globals["shell"], kept = broken, site.jinja_env.globals["shell"]
    try:
        answers = [site.test_client().get(path).status_code for path in ("/error/503", "/nowhere", "/status")]
    finally:
        site.jinja_env.globals["shell"] = kept

    assert answers == [503, 404, 500]


def test_htmx_gets_the_error_without_a_page_around_it(client: FlaskClient) -> None:
    answer = client.get("/error/500", headers={"HX-Request": "true"})

    assert answer.status_code == 500
    assert answer.text.startswith('<div id="error" role="alert">')


def test_an_error_keeps_the_headers_that_belong_to_it(client: FlaskClient) -> None:
    answer = client.delete("/status")

    assert answer.status_code == 405
    assert {"GET", "HEAD", "OPTIONS"} == set(answer.headers["Allow"].split(", "))
