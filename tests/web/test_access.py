"""Who is let in, and where the others are led."""

from flask import Flask
from flask.testing import FlaskClient


def test_every_page_of_a_new_portal_leads_to_set_up(bare_app: Flask) -> None:
    client = bare_app.test_client()
    answers = [client.get(path) for path in ("/", "/sign-in", "/notifications")]
    assert [(answer.status_code, answer.location) for answer in answers] == [(303, "/setup")] * 3


def test_nobody_is_led_to_sign_in_and_back(nobody: FlaskClient) -> None:
    assert nobody.get("/notifications?page=2").location == "/sign-in?next=/notifications?page%3D2"


def test_a_part_that_nobody_may_see_leads_the_whole_page_to_sign_in(nobody: FlaskClient) -> None:
    answer = nobody.get(
        "/notifications/bell", headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/notifications?page=2"}
    )
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, "/sign-in?next=/notifications?page%3D2")


def test_an_administrator_sees_the_home_page(ada: FlaskClient) -> None:
    assert ada.get("/").status_code == 200
