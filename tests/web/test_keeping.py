"""The page that says how long things are kept, and the file of everything that is held of one person."""

from flask.testing import FlaskClient

from sisportal.syncing.keeping import KINDS
from tests.web.watching import words

PAGE = "/admin/keeping"


def test_an_administrator_chooses_how_long_things_are_kept(ada: FlaskClient) -> None:
    assert [kind.label in words(ada.get(PAGE)) for kind in KINDS] == [True] * len(KINDS)
    page = ada.post(PAGE, data={"plans": "365", "audit": "0"}, follow_redirects=True)
    assert "It is kept like this from now on." in words(page)
    assert '<option value="365" selected>' in page.text
    assert "audit For ever, plans 1 year" in words(ada.get("/audit"))
    assert "Nothing was changed." in words(ada.post(PAGE, data={"plans": "365"}, follow_redirects=True))


def test_a_time_that_is_not_offered_is_refused_beside_its_field(ada: FlaskClient) -> None:
    for days in ("1", "-5", "soon", ""):
        answer = ada.post(PAGE, data={"plans": days})
        assert (answer.status_code, "Choose one of the list." in answer.text) == (422, True)


def test_a_viewer_reads_how_long_things_are_kept_and_changes_nothing(ben: FlaskClient) -> None:
    page = ben.get(PAGE)
    assert "5 years" in words(page)
    assert "<select" not in page.text
    assert ben.post(PAGE, data={"plans": "365"}).status_code == 403


def test_everything_that_is_held_of_a_person_is_one_file_from_their_page(ada: FlaskClient, ben: FlaskClient) -> None:
    assert 'action="/accounts/3/export"' in ada.get("/accounts/3").text
    answer = ada.post("/accounts/3/export")
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("application/json", "no-store")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="account-3.json"'
    assert answer.json is not None
    assert answer.json["account"]["username"] == "tom@example.org"
    assert "password_hash" not in answer.text
    assert "Person exported" in words(ada.get("/audit?who=tom@example.org"))
    assert ada.post("/accounts/999/export").status_code == 404
    assert 'action="/accounts/3/export"' not in ben.get("/accounts/3").text
